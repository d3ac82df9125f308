"""What operators see of an agent's tables, whichever agent has them."""

from collections.abc import Iterable
from contextlib import suppress

from prometheus_client import Gauge

TABLE_KEYS = Gauge(
    "smatrix_table_keys", "Keys of a table, as RocksDB estimates them.", ["table", "partition"]
)
TABLE_BYTES = Gauge("smatrix_table_bytes", "Bytes of a table on disk.", ["table", "partition"])


def show_table(table: str, partition: str, keys: int, size: int) -> None:
    """Show how large a partition of a table is."""
    TABLE_KEYS.labels(table, partition).set(keys)
    TABLE_BYTES.labels(table, partition).set(size)


def forget_tables(tables: Iterable[str], partition: str) -> None:
    """Take back the figures of a partition that another worker has now."""
    for table in tables:
        for gauge in (TABLE_KEYS, TABLE_BYTES):
            with suppress(KeyError):
                gauge.remove(table, partition)
