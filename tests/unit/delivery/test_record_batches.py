from itertools import pairwise
from typing import Any

from aiokafka.record.memory_records import MemoryRecords
from hypothesis import example, given
from hypothesis import strategies as st

from streams.delivery.record_batches import HEADER_BYTES, Message, RecordBatch, record_batches

NOW_MS = 1_700_000_000_123
TEXTS = st.one_of(st.none(), st.binary(max_size=300))
MESSAGES = st.lists(st.tuples(TEXTS, TEXTS), max_size=150)


def written(
    messages: list[Message], *, max_bytes: int = 1 << 20, transactional: bool = False
) -> list[RecordBatch]:
    return list(
        record_batches(
            messages, max_bytes=max_bytes, timestamp_ms=NOW_MS, transactional=transactional
        )
    )


def as_aiokafka_reads(batch: RecordBatch) -> Any:  # noqa: ANN401 - aiokafka has no types
    records = MemoryRecords(bytes(batch._build()))
    read = records.next_batch()
    assert not records.has_next()
    return read


@given(MESSAGES, st.integers(HEADER_BYTES + 1, 3_000))
@example([(b"k" * 70, b"v" * 70_000), (None, None), (b"", b"")], 100)
def test_a_client_reads_the_messages_in_order_from_batches_that_are_not_too_long(
    messages: list[Message], max_bytes: int
) -> None:
    batches = written(messages, max_bytes=max_bytes)

    read: list[Message] = []
    for batch in batches:
        on_the_wire = as_aiokafka_reads(batch)
        assert on_the_wire.validate_crc()
        records = list(on_the_wire)
        assert [record.offset for record in records] == list(range(batch.record_count()))
        assert {record.timestamp for record in records} == {NOW_MS}
        assert batch.size() == len(batch._build())
        assert batch.size() <= max_bytes or len(records) == 1
        read += [(record.key, record.value) for record in records]
    assert read == messages


@given(MESSAGES.filter(bool))
def test_no_batch_could_have_taken_the_first_message_of_the_next(messages: list[Message]) -> None:
    assert len(written(messages)) == 1
    for batch, following in pairwise(written(messages, max_bytes=1_000)):
        first = next(iter(as_aiokafka_reads(following)))
        longest = len(first.key or b"") + len(first.value or b"") + 23
        assert batch.size() + longest > 1_000


def test_the_producer_s_state_stands_in_the_batch() -> None:
    (batch,) = written([(b"key", b"value")], transactional=True)

    batch._set_producer_state(4_711, 3, 42)

    read = as_aiokafka_reads(batch)
    assert read.is_transactional
    assert not read.is_control_batch
    assert (read.producer_id, read.producer_epoch, read.base_sequence) == (4_711, 3, 42)


def test_a_batch_is_closed_and_sent_as_it_was_built() -> None:
    (batch,) = written([(b"key", b"value")])

    assert batch.closed()
    assert batch.append(timestamp=None, key=b"another", value=b"") is None
    assert batch._build() is batch._build()
    assert not as_aiokafka_reads(batch).is_transactional


def test_nothing_makes_no_batch() -> None:
    assert written([]) == []
