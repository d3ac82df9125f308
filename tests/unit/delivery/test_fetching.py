"""Records in columns are the records that aiokafka makes one by one, whatever a fetch holds."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from streams.delivery.fetching import IN_COLUMNS, install
from streams.records import Record, Records

READ_COMMITTED = 1
NONE, GZIP = 0, 1
TEXTS = st.none() | st.binary(max_size=300)
RECORDS = st.lists(
    st.tuples(
        st.integers(0, 2**40),
        TEXTS,
        TEXTS,
        st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=2),
    ),
    min_size=1,
    max_size=20,
)


@dataclass(frozen=True)
class Batch:
    records: list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes]]]]
    compression: int = NONE
    gap: int = 0
    producer: int = -1

    def written(self, base_offset: int) -> bytes:
        builder = DefaultRecordBatchBuilder(
            2, self.compression, int(self.producer >= 0), self.producer, 0, 0, 1 << 20
        )
        for offset, (timestamp, key, value, headers) in enumerate(self.records):
            builder.append(offset, timestamp, key, value, headers)
        return base_offset.to_bytes(8, "big") + bytes(builder.build())[8:]


install()

BATCHES = st.lists(
    st.builds(
        Batch,
        RECORDS,
        compression=st.sampled_from([NONE, NONE, GZIP]),
        gap=st.integers(0, 3),
        producer=st.sampled_from([-1, 5, 6]),
    ),
    min_size=1,
    max_size=5,
)


@dataclass
class Fetch:
    batches: list[Batch]
    first: int = 0
    aborted: list[tuple[int, int]] = field(default_factory=list)

    def data(self) -> bytes:
        written, offset = b"", 0
        for batch in self.batches:
            offset += batch.gap
            written += batch.written(offset)
            offset += len(batch.records)
        return written

    def read(self, data: bytes, deserializer: object = None) -> tuple[list[Any], int]:
        records = fetcher.PartitionRecords(
            *("topic", fetcher.MemoryRecords(data), list(self.aborted), self.first),
            *(deserializer, None, True, READ_COMMITTED),
        )
        if deserializer is None:
            records._consumer_record = lambda _, record: Record(
                record.offset, record.timestamp, record.key, record.value
            )
        return list(records), records.next_fetch_offset


@given(BATCHES, st.sampled_from([[], [(5, 0)], [(6, 3)]]), st.integers(0, 30))
def test_columns_hold_what_aiokafka_makes_of_a_fetch(
    batches: list[Batch], aborted: list[tuple[int, int]], position: int
) -> None:
    # A broker begins with the batch that holds the position asked for.
    first = min(position, batches[0].gap + len(batches[0].records) - 1)
    fetch = Fetch(batches, first=first, aborted=aborted)
    data = fetch.data()

    one_by_one, reached = fetch.read(data)
    parts, reached_in_columns = fetch.read(data, IN_COLUMNS)

    in_columns = Records.joined(parts).since(first) if parts else []
    assert list(in_columns) == one_by_one
    assert reached_in_columns == reached


def test_a_damaged_batch_is_refused() -> None:
    fetch = Fetch([Batch([(1, b"key", b"value", [])])])
    data = bytearray(fetch.data())
    data[-3] ^= 1

    with pytest.raises(CorruptRecordException):
        fetch.read(bytes(data), IN_COLUMNS)


def test_records_of_one_fetch_stand_in_its_bytes() -> None:
    fetch = Fetch([Batch([(1, b"key", b"value", [])]), Batch([(2, b"key", b"other", [])])])
    data = fetch.data()

    parts, _ = fetch.read(data, IN_COLUMNS)

    assert Records.joined(parts).data is data
