"""Delivery in transactions: a batch's changelog, outputs and progress are one fact.

Each assigned partition number has a transactional producer, whose id is the number's, for all
topics that the role reads: those of a number go together, to one worker, and one batch of them is
under way at a time. Starting it on assignment fences an earlier owner, so that a paused and woken
zombie can write nothing, and aborts what that one left open. Only what a transaction has made true
is written to the local store, which is therefore never ahead of the changelog. Where several agents
read a topic, the offset is in the transaction of the last one: should a worker end before, the
others do the batch again, which changes nothing that they have told.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import aiokafka
from aiokafka.errors import KafkaError, ProducerFenced
from faust import Table
from faust.types import TP
from typing_extensions import override

from streams.delivery import metrics
from streams.delivery.batches import Batch
from streams.delivery.clients import client_settings
from streams.delivery.effects import Effects
from streams.delivery.pipeline import (
    MAX_BATCH_BYTES,
    MAX_REQUEST_BYTES,
    PipelinedDelivery,
    last_offset,
    send_changes,
    send_outputs,
)

if TYPE_CHECKING:
    from streams.delivery.app import App

# A dead worker's open transaction hides later records until its successor aborts it, or this ends.
TRANSACTION_TIMEOUT_MS: Final = 30_000
PROBE_MS: Final = 5_000


class FencedError(RuntimeError):
    """Another worker has the partition now; this one may write nothing for it."""


class TransactionalDelivery(PipelinedDelivery):
    """Exactly once from the source offset to changelog and outputs, for readers of committed."""

    commits_offsets = True

    def __init__(self, app: "App") -> None:
        """Deliver for this app."""
        super().__init__(app)
        self._producers: dict[int, aiokafka.AIOKafkaProducer] = {}

    async def start(self) -> None:
        """Nothing to connect before partitions are assigned."""

    async def stop(self) -> None:
        """Wait for what is under way, and disconnect."""
        await self.settle()
        await self._disconnect(set(self._producers))

    async def on_assigned(self, tps: set[TP]) -> None:
        """Take over the source partitions: whoever had them before can write nothing more."""
        await self.settle()
        # Those kept as well: a rebalance may have gone by in which another one had them.
        await self._disconnect(set(self._producers))
        numbers = {tp.partition for tp in tps}
        producers = {number: self._new_producer(number) for number in numbers}
        await asyncio.gather(*(producer.start() for producer in producers.values()))
        self._producers.update(producers)

    @override
    async def deliver(self, batch: Batch, effects: Effects) -> None:
        if not effects and not (batch.records and batch.is_last):
            batch.acknowledge()
            return
        producer = self._producers[batch.partition]
        try:
            with metrics.STAGE_SECONDS.labels("transaction").time():
                offsets = await self._transact(producer, batch, effects)
        except ProducerFenced as error:
            raise FencedError(
                f"{batch.tp.topic}[{batch.partition}] has been taken over by another worker"
            ) from error
        with metrics.STAGE_SECONDS.labels("store").time():
            for table, offset in offsets.items():
                self.write(table, batch.partition, effects.changes[table], offset)
        batch.acknowledge()

    async def _transact(
        self, producer: aiokafka.AIOKafkaProducer, batch: Batch, effects: Effects
    ) -> dict[Table[bytes, bytes], int]:
        """Commit a batch; return the last changelog offset of each table that it changed."""
        partition = batch.partition
        await producer.begin_transaction()
        outputs = await send_outputs(
            producer,
            partition,
            effects,
            topic_prefix=self.app.topic_prefix,
            transactional=True,
        )
        changes = {
            table: await send_changes(producer, table, partition, changed, transactional=True)
            for table, changed in effects.changes.items()
            if changed
        }
        await asyncio.gather(*outputs)
        offsets = {
            table: await last_offset(sent, len(effects.changes[table]))
            for table, sent in changes.items()
        }
        if batch.next_offset is not None and batch.is_last:
            source = aiokafka.TopicPartition(batch.tp.topic, partition)
            await producer.send_offsets_to_transaction(
                {source: batch.next_offset}, self.app.conf.id
            )
        await producer.commit_transaction()
        return offsets

    def _new_producer(self, partition: int) -> aiokafka.AIOKafkaProducer:
        return aiokafka.AIOKafkaProducer(
            **client_settings(self.app),
            transactional_id=f"{self.app.conf.id}-{partition}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
        )

    async def _disconnect(self, partitions: set[int]) -> None:
        """Stop producers; a transaction left open is aborted by the next owner."""
        producers = [self._producers.pop(partition) for partition in partitions]
        await asyncio.gather(*(producer.stop() for producer in producers), return_exceptions=True)


async def supports_transactions(connection: Mapping[str, Any]) -> bool:
    """Find out whether a broker has transactions, by asking it for a transactional producer."""
    producer = aiokafka.AIOKafkaProducer(
        **connection, transactional_id="smatrix-probe", request_timeout_ms=PROBE_MS
    )
    try:
        await asyncio.wait_for(producer.start(), PROBE_MS / 1000)
    except (KafkaError, TimeoutError, ValueError):
        return False
    finally:
        with contextlib.suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(producer.stop(), PROBE_MS / 1000)
    return True
