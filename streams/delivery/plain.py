"""Delivery without transactions, for a broker that has none.

In this order, each awaited: outputs, changelog, local store, acknowledgement. A worker that dies
in between does the batch again: state stays right, since frames assign and never add, and an
output can be repeated, which its version makes harmless.
"""

import asyncio
from typing import TYPE_CHECKING

import aiokafka
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


class PlainDelivery(PipelinedDelivery):
    """At least once: one producer for everything; the consumer commits what is acknowledged."""

    commits_offsets = False

    def __init__(self, app: "App") -> None:
        """Deliver for this app."""
        super().__init__(app)
        self._producer: aiokafka.AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect."""
        self._producer = aiokafka.AIOKafkaProducer(
            **client_settings(self.app),
            acks="all",
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Wait for what is under way, and disconnect."""
        await self.settle()
        if self._producer is not None:
            await self._producer.stop()

    async def on_assigned(self, tps: set[TP]) -> None:  # noqa: ARG002 - nobody can be fenced here
        """Wait for what is under way."""
        await self.settle()

    @override
    async def deliver(self, batch: Batch, effects: Effects) -> None:
        if self._producer is None:
            raise RuntimeError("the delivery has not been started")
        with metrics.STAGE_SECONDS.labels("outputs").time():
            sending = await send_outputs(
                self._producer,
                batch.partition,
                effects,
                topic_prefix=self.app.topic_prefix,
                transactional=False,
            )
            await asyncio.gather(*sending)
        with metrics.STAGE_SECONDS.labels("changelog").time():
            offsets = {}
            for table, changes in effects.changes.items():
                if changes:
                    sent = await send_changes(
                        self._producer, table, batch.partition, changes, transactional=False
                    )
                    offsets[table] = await last_offset(sent, len(changes))
        with metrics.STAGE_SECONDS.labels("store").time():
            for table, offset in offsets.items():
                self.write(table, batch.partition, effects.changes[table], offset)
        batch.acknowledge()
