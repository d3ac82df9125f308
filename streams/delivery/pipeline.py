"""One batch of each partition under way, while the next is worked on."""

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import aiokafka
from faust import Table
from rocksdict import Rdict, WriteBatch, WriteOptions

from streams import clock
from streams.delivery.batches import Batch
from streams.delivery.effects import Changes, Effects, Messages
from streams.delivery.partitions import partition_of
from streams.delivery.record_batches import Message, record_batches

if TYPE_CHECKING:
    from streams.delivery.app import App

MAX_BATCH_BYTES: Final = 1 << 20
MAX_REQUEST_BYTES: Final = 16 << 20
# Bounds what a recovery reads again, and lies far below the life of a changelog's tombstones.
FLUSH_EVERY_S: Final = 600.0

_WITHOUT_LOG: Final = WriteOptions()
_WITHOUT_LOG.disable_wal = True  # type: ignore[method-assign,assignment] # the stub is wrong


class PipelinedDelivery(ABC):
    """What both ways of delivery share: the order of batches, and what is on its way."""

    def __init__(self, app: "App") -> None:
        """Deliver for this app."""
        self.app = app
        # By the partition's number, as an agent of several topics has one table for all of them.
        self._under_way: dict[int, tuple[asyncio.Task[None], Effects]] = {}
        self._flushed: dict[tuple[str, int], float] = {}

    async def commit(self, batch: Batch, effects: Effects) -> None:
        """See `Delivery.commit`."""
        while (earlier := self._under_way.get(batch.partition)) is not None:
            await earlier[0]
            # Another agent that waited for it too may have gone first.
            if self._under_way[batch.partition] is earlier:
                break
        task = asyncio.create_task(self.deliver(batch, effects))
        task.add_done_callback(self.app.crash_on_failure)
        self._under_way[batch.partition] = (task, effects)

    async def durable(self, partition: int) -> None:
        """See `Delivery.durable`."""
        if (found := self._under_way.get(partition)) is not None:
            # Whoever waits here may be cancelled; what is under way may not.
            await asyncio.shield(found[0])

    def unwritten(self, table: Table[bytes, bytes], partition: int) -> Mapping[bytes, bytes | None]:
        """See `Delivery.unwritten`."""
        if (found := self._under_way.get(partition)) is None:
            return {}
        task, effects = found
        return {} if task.done() else effects.changes.get(table, {})

    def write(
        self, table: Table[bytes, bytes], partition: int, changes: Changes, offset: int
    ) -> None:
        """Write changes and their changelog's offset into the local store, together.

        Without RocksDB's own log, which would cost more than all the rest of the write: the
        changelog is that log. After a kill the store stands where it was last flushed, always
        with the offset that belongs to it, and recovery reads on from there.
        """
        store: Any = table.data
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(store.offset_key, str(offset).encode())
        database: Rdict = store._db_for_partition(partition)
        database.write(batch, _WITHOUT_LOG)
        now = asyncio.get_running_loop().time()
        place = (table.name, partition)
        if now - self._flushed.setdefault(place, now) >= FLUSH_EVERY_S:
            self._flushed[place] = now
            database.flush(wait=False)

    async def settle(self) -> None:
        """Wait until nothing is under way; failures have ended the app already."""
        tasks = [task for task, _ in self._under_way.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
        self._under_way.clear()

    @abstractmethod
    async def deliver(self, batch: Batch, effects: Effects) -> None:
        """Make a batch's effects durable, then acknowledge it."""


async def send(
    producer: aiokafka.AIOKafkaProducer,
    topic: str,
    partition: int,
    messages: Iterable[Message],
    *,
    transactional: bool = False,
) -> list[Awaitable[Any]]:
    """Send messages as record batches; return the futures of their acknowledgements, in order."""
    return [
        await producer.send_batch(batch, topic, partition=partition)
        for batch in record_batches(
            messages,
            max_bytes=MAX_BATCH_BYTES,
            timestamp_ms=int(clock.epoch_now() * 1000),
            transactional=transactional,
        )
    ]


async def send_outputs(
    producer: aiokafka.AIOKafkaProducer,
    partition: int,
    effects: Effects,
    *,
    topic_prefix: str,
    transactional: bool,
) -> list[Awaitable[Any]]:
    """Send a batch's outputs, each to its partition; return the acknowledgements."""
    sent: list[Awaitable[Any]] = []
    for topic, messages in effects.outputs.items():
        sent += await send(
            producer, topic_prefix + topic, partition, messages, transactional=transactional
        )
    for topic, routed in effects.routed.items():
        name, there = topic_prefix + topic, defaultdict[int, Messages](list)
        for key, value in routed:
            number = len(await producer.partitions_for(name))
            there[partition_of(key, number)].append((key, value))
        for number, messages in there.items():
            sent += await send(producer, name, number, messages, transactional=transactional)
    return sent


async def send_changes(
    producer: aiokafka.AIOKafkaProducer,
    table: Table[bytes, bytes],
    partition: int,
    changes: Changes,
    *,
    transactional: bool,
) -> list[Awaitable[Any]]:
    """Send a table's changes to its changelog; return the acknowledgements.

    A record carries the very bytes of key and value that the store holds, as Faust's own would.
    """
    changelog = table.changelog_topic.get_topic_name()
    return await send(producer, changelog, partition, changes.items(), transactional=transactional)


async def last_offset(acknowledgements: list[Awaitable[Any]], records: int) -> int:
    """Return the offset of the last of so many records, once all are acknowledged.

    Nobody else writes between a partition's batches: its owner is one, or it has been fenced.
    """
    first, *_ = await asyncio.gather(*acknowledgements)
    return int(first.offset) + records - 1
