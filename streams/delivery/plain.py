"""Delivery without transactions, for a broker that has none.

In this order, each awaited: outputs, changelog, local store, acknowledgement. A worker that dies
in between does the batch again: state stays right, since frames assign and never add, and an
output can be repeated, which its version makes harmless.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import aiokafka
from faust import Table
from faust.types import TP
from rocksdict import WriteBatch

from streams.delivery import metrics
from streams.delivery.batches import Batch
from streams.delivery.clients import client_settings
from streams.delivery.effects import Changes, Effects, Messages

if TYPE_CHECKING:
    from streams.delivery.app import App

MAX_BATCH_BYTES: Final = 1 << 20
MAX_REQUEST_BYTES: Final = 16 << 20


class PlainDelivery:
    """At least once; one batch of each partition under way while the next is worked on."""

    commits_offsets = False

    def __init__(self, app: "App") -> None:
        """Deliver for this app."""
        self._app = app
        self._producer: aiokafka.AIOKafkaProducer | None = None
        self._under_way: dict[int, tuple[asyncio.Task[None], Effects]] = {}

    async def start(self) -> None:
        """Connect."""
        self._producer = aiokafka.AIOKafkaProducer(
            **client_settings(self._app),
            acks="all",
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Wait for what is under way, and disconnect."""
        await self._settle()
        if self._producer is not None:
            await self._producer.stop()

    async def on_assigned(self, tps: set[TP]) -> None:  # noqa: ARG002
        """Nothing can be fenced here."""
        await self._settle()

    async def commit(self, batch: Batch, effects: Effects) -> None:
        """See `Delivery.commit`."""
        earlier = self._under_way.get(batch.partition)
        if earlier is not None:
            await earlier[0]
        task = asyncio.create_task(self._deliver(batch, effects))
        task.add_done_callback(self._app.crash_on_failure)
        self._under_way[batch.partition] = (task, effects)

    def unwritten(self, table: Table[bytes, bytes], partition: int) -> Mapping[bytes, bytes | None]:
        """See `Delivery.unwritten`."""
        earlier = self._under_way.get(partition)
        if earlier is None or earlier[0].done():
            return {}
        return earlier[1].changes.get(table, {})

    async def _settle(self) -> None:
        tasks = [task for task, _ in self._under_way.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
        self._under_way.clear()

    async def _deliver(self, batch: Batch, effects: Effects) -> None:
        if self._producer is None:
            raise RuntimeError("the delivery has not been started")
        clock = asyncio.get_running_loop().time
        began = clock()
        await asyncio.gather(
            *[
                sent
                for topic, messages in effects.outputs.items()
                for sent in await send(self._producer, topic, batch.partition, messages)
            ]
        )
        written = clock()
        metrics.STAGE_SECONDS.labels("outputs").observe(written - began)
        for table, changes in effects.changes.items():
            if changes:
                offset = await send_changes(self._producer, table, batch.partition, changes)
                write(table, batch.partition, changes, offset)
        metrics.STAGE_SECONDS.labels("changelog_and_store").observe(clock() - written)
        batch.acknowledge()


async def send(
    producer: aiokafka.AIOKafkaProducer,
    topic: str,
    partition: int,
    messages: Iterable[tuple[bytes | None, bytes | None]],
) -> list[Awaitable[Any]]:
    """Send messages as record batches; return the futures of their acknowledgements, in order."""
    sent: list[Awaitable[Any]] = []
    builder = producer.create_batch()
    for key, value in messages:
        if builder.append(key=key, value=value, timestamp=None) is None:
            builder.close()
            sent.append(await producer.send_batch(builder, topic, partition=partition))
            builder = producer.create_batch()
            builder.append(key=key, value=value, timestamp=None)
    if builder.record_count():
        builder.close()
        sent.append(await producer.send_batch(builder, topic, partition=partition))
    return sent


async def send_changes(
    producer: aiokafka.AIOKafkaProducer,
    table: Table[bytes, bytes],
    partition: int,
    changes: Changes,
) -> int:
    """Send a table's changes to its changelog; return the offset of the last, once acknowledged.

    The record carries the very bytes of key and value that the store holds, as Faust's own would.
    """
    topic = table.changelog_topic.get_topic_name()
    sent = await send(producer, topic, partition, changes.items())
    acknowledged = await asyncio.gather(*sent)
    return cast("int", acknowledged[0].offset) + len(changes) - 1


def write(table: Table[bytes, bytes], partition: int, changes: Changes, offset: int) -> None:
    """Write changes and their changelog's offset into the local store, together."""
    store = cast("Any", table).data
    batch = WriteBatch(raw_mode=True)
    for key, value in changes.items():
        if value is None:
            batch.delete(key)
        else:
            batch.put(key, value)
    batch.put(store.offset_key, str(offset).encode())
    store._db_for_partition(partition).write(batch)


__all__ = ["Messages", "PlainDelivery", "send", "send_changes", "write"]
