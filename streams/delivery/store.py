"""RocksDB stores that are rebuilt from their changelog when their files are damaged.

Stock Faust ends the worker on a database that can't be opened, and again at every start after it.
A local store is a cache of its changelog: one that is damaged is thrown away, which is said and
counted, and recovery fills it anew.
"""

import shutil
from typing import Final, cast

from faust.stores import STORES, rocksdb
from mode.utils.logging import get_logger
from rocksdict import Rdict
from typing_extensions import override

from streams.delivery import metrics

logger = get_logger(__name__)

SCHEME: Final = "rebuilt-rocksdb"
_MARKER: Final = "DAMAGED"
_SIGNS: Final = ("Corruption", "No such file or directory", "Invalid argument")


class DamagedStoreError(RuntimeError):
    """A store's files are damaged; the worker ends, and its next start rebuilds the store."""


class RebuiltStore(rocksdb.Store):
    """Faust's RocksDB store, which does not keep damaged files."""

    @override
    def _open_for_partition(self, partition: int) -> Rdict:
        path = self.partition_path(partition)
        if (path / _MARKER).exists():
            self._discard(partition, "it was found damaged when it was read")
        try:
            return cast("Rdict", super()._open_for_partition(partition))
        except Exception as error:
            # rocksdict has one type for all of RocksDB's errors, and only their texts differ.
            if not is_damage(error):
                raise
            self._discard(partition, str(error).partition("\n")[0])
            return cast("Rdict", super()._open_for_partition(partition))

    def condemn(self, partition: int, error: Exception) -> DamagedStoreError:
        """Mark a partition's files for the next start; return the error to end the worker with."""
        path = self.partition_path(partition)
        (path / _MARKER).touch()
        return DamagedStoreError(f"{path} is damaged ({error}); the next start rebuilds it")

    def _discard(self, partition: int, reason: str) -> None:
        path = self.partition_path(partition)
        logger.warning("%s is damaged and will be rebuilt from the changelog: %s", path, reason)
        metrics.STORES_REBUILT.inc()
        shutil.rmtree(path)


def is_damage(error: Exception) -> bool:
    """Say whether RocksDB's error means damaged files; not a lock, not a full disk."""
    return any(sign in str(error) for sign in _SIGNS)


# Faust finds a store by its URL's scheme.
STORES.aliases[SCHEME] = f"{__name__}:{RebuiltStore.__name__}"
