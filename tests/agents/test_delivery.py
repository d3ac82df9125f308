import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from typing_extensions import override

from streams.delivery import metrics
from streams.delivery.batches import Batch, LostBatchError
from streams.delivery.consumer import BatchConsumer
from streams.delivery.effects import Effects
from streams.delivery.partitions import partition_of
from streams.delivery.pipeline import PipelinedDelivery
from streams.delivery.store import RebuiltStore
from tests.agents.counting import Counting, TwoReaders, committed, keys_in, send

pytestmark = pytest.mark.slow

MANY = {b"key-%03d" % number: b"%d" % number for number in range(300)}


class Routing(Counting):
    """It sends each record on, wherever its key belongs."""

    @override
    def effects_of(self, batch: Batch) -> Effects:
        sent_on = [(record.key or b"", record.value or b"") for record in batch.records]
        return Effects(routed={f"{self.source}-out": sent_on})


async def until_seen(counting: Counting, records: int) -> None:
    while len(counting.seen) < records or counting.app.consumer.unacked:
        await asyncio.sleep(0.05)


async def test_a_batch_s_effects_are_in_store_and_changelog_and_its_offset_is_committed(
    broker: str, tmp_path: Path
) -> None:
    counting = Counting(broker, tmp_path, name="effects")

    async with counting.running():
        await send(broker, counting.source, MANY)
        await until_seen(counting, len(MANY))
        stored = counting.stored(0)

    assert stored == MANY
    assert await committed(broker, "effects", counting.source) == len(MANY)


async def test_routed_messages_are_where_their_keys_belong(broker: str, tmp_path: Path) -> None:
    routing = Routing(broker, tmp_path, name="routed")

    async with routing.running():
        await send(broker, routing.source, MANY)
        await until_seen(routing, len(MANY))

    for partition in range(2):
        keys = await keys_in(broker, f"{routing.source}-out", partition=partition)
        assert keys == [key for key in MANY if partition_of(key, 2) == partition]
        assert keys


async def test_a_lost_folder_is_restored_though_the_last_changelog_batch_has_many_records(
    broker: str, tmp_path: Path
) -> None:
    first = Counting(broker, tmp_path / "first", name="restored")
    async with first.running():
        await send(broker, first.source, MANY)
        await until_seen(first, len(MANY))
    shutil.rmtree(tmp_path / "first")

    second = Counting(broker, tmp_path / "second", name="restored")
    async with second.running():
        assert second.stored(0) == MANY
        assert second.seen == []


async def test_a_store_that_is_ahead_of_its_changelog_is_rebuilt_and_said_so(
    broker: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counting = Counting(broker, tmp_path, name="ahead")
    async with counting.running():
        await send(broker, counting.source, MANY)
        await until_seen(counting, len(MANY))
        delivery = cast("PipelinedDelivery", counting.app.delivery)
        delivery.write(counting.table, 0, {b"alien": b"1"}, 10**9)
    rebuilt = metrics.STORES_REBUILT._value.get()

    again = Counting(broker, tmp_path, name="ahead")
    with caplog.at_level(logging.WARNING, logger="streams.delivery.recovery"):
        async with again.running():
            assert again.stored(0) == MANY

    assert metrics.STORES_REBUILT._value.get() == rebuilt + 1
    assert "does not fit its changelog" in caplog.text


async def test_an_abandoned_batch_is_read_again_by_the_next(broker: str, tmp_path: Path) -> None:
    giving_up = Counting(broker, tmp_path / "one", name="abandoned")
    giving_up.abandons = True
    async with giving_up.running():
        await send(broker, giving_up.source, MANY)
        await until_seen(giving_up, len(MANY))

    taking = Counting(broker, tmp_path / "two", name="abandoned")
    async with taking.running():
        await until_seen(taking, len(MANY))
        assert taking.stored(0) == MANY


async def test_a_batch_lost_on_the_way_to_its_agent_ends_the_app(
    broker: str, tmp_path: Path
) -> None:
    counting = Counting(broker, tmp_path, name="lost")
    async with counting.running():
        await send(broker, counting.source, {b"a": b"1"})
        await until_seen(counting, 1)
        consumer = cast("BatchConsumer", counting.app.consumer)
        (tp,) = [tp for tp in consumer._expected if tp.partition == 0]

        consumer._expected[tp] += 1  # as if a batch had been handed over and got lost
        await send(broker, counting.source, {b"b": b"2", b"c": b"3"})

        await asyncio.wait_for(counting.app.crash_event.wait(), 10)
        assert isinstance(counting.app.crash_reason, LostBatchError)
    assert await committed(broker, "lost", counting.source) <= 1


async def test_a_damaged_database_is_rebuilt_from_its_changelog(
    broker: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counting = Counting(broker, tmp_path, name="damaged")
    async with counting.running():
        await send(broker, counting.source, MANY)
        await until_seen(counting, len(MANY))
        folder = cast("RebuiltStore", counting.table.data).partition_path(0)
    manifest = next(folder.glob("MANIFEST-*"))
    manifest.write_bytes(manifest.read_bytes()[:5])

    again = Counting(broker, tmp_path, name="damaged")
    with caplog.at_level(logging.WARNING, logger="streams.delivery.store"):
        async with again.running():
            assert again.stored(0) == MANY

    assert "is damaged and will be rebuilt" in caplog.text


async def test_progress_is_committed_once_every_agent_of_a_topic_is_through(
    broker: str, tmp_path: Path
) -> None:
    readers = TwoReaders(broker, tmp_path, name="two")

    async with readers.running():
        await send(broker, readers.source, MANY)
        while len(readers.seen) < len(MANY):
            await asyncio.sleep(0.05)
        done = dict(cast("BatchConsumer", readers.app.consumer)._done)
        readers.may_go_on.set()
        await until_seen(readers, len(MANY))

    assert not any(done.values())
    assert readers.slow == list(range(len(MANY)))
    assert await committed(broker, "two", readers.source) == len(MANY)


async def test_a_batch_that_one_agent_has_done_and_another_not_begun_keeps_nobody_waiting(
    broker: str, tmp_path: Path
) -> None:
    readers = TwoReaders(broker, tmp_path, name="waiting")

    async with readers.running():
        await send(broker, readers.source, {b"a": b"1"})
        await until(lambda: len(readers.seen) == 1)
        await send(broker, readers.source, {b"b": b"2"})
        await until(lambda: len(readers.seen) == 2)
        # As in a rebalance: what nobody has begun is thrown away, what somebody has is awaited.
        readers.app.flow_control.suspend()
        readers.app.flow_control.clear()
        readers.may_go_on.set()
        consumer = cast("BatchConsumer", readers.app.consumer)

        await asyncio.wait_for(consumer.wait_empty(), 10)

        assert readers.slow == [0]
        assert not consumer.unacked


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.05)
