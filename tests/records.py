"""A partition of a table, as a plain dictionary."""

from collections.abc import Iterator, Mapping


class OfRecords:
    """Stands where `tables.store.Store` does, and holds these records."""

    def __init__(self, records: Mapping[bytes, bytes]) -> None:
        self.records = dict(records)

    def get(self, key: bytes) -> bytes | None:
        return self.records.get(key)

    def items(self, start: bytes, *, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key in sorted(self.records):
            if key >= start and key.startswith(prefix):
                yield key, self.records[key]
