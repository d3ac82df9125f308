"""Reading a table's local store, what is still on its way into it included."""

from collections.abc import Iterator
from typing import Any, Final, cast

from faust import Table
from rocksdict import Rdict

from streams.delivery.app import App
from streams.delivery.store import RebuiltStore, is_damage

_SIZE: Final = (
    "rocksdb.estimate-num-keys",
    "rocksdb.total-sst-files-size",
    "rocksdb.cur-size-all-mem-tables",
)


class Store:
    """One partition of a table as it stands after everything that was handed to delivery."""

    def __init__(self, app: App, table: Table[bytes, bytes], partition: int) -> None:
        """Read the partition of a table; its database is opened when first used."""
        self._app = app
        self._table = table
        self._partition = partition

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key; None when there is none."""
        unwritten = self._app.delivery.unwritten(self._table, self._partition)
        if key in unwritten:
            return unwritten[key]
        try:
            return cast("bytes | None", self._database.get(key))
        except Exception as error:
            self._raise_if_damaged(error)
            raise

    def items(self, start: bytes, *, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys and values in order from `start` on, as long as keys begin with `prefix`.

        For loading after a rebalance, when nothing is on its way.
        """
        for key, value in cast(
            "Iterator[tuple[bytes, bytes]]", self._database.items(from_key=start)
        ):
            if not key.startswith(prefix):
                return
            yield key, value

    def size(self) -> tuple[int, int]:
        """Return how many keys there are, by RocksDB's estimate, and their bytes."""
        keys, on_disk, in_memory = (
            int(cast("Any", self._database.property_int_value(name)) or 0) for name in _SIZE
        )
        return keys, on_disk + in_memory

    def _raise_if_damaged(self, error: Exception) -> None:
        if is_damage(error):
            store = cast("RebuiltStore", self._table.data)
            raise store.condemn(self._partition, error) from error

    @property
    def _database(self) -> Rdict:
        store = cast("Any", self._table.data)
        return cast("Rdict", store._db_for_partition(self._partition))
