"""Faust's Kafka consumer with batches instead of single messages, and honest offsets.

Each deviation from Faust 0.15.3, with its reason:

- `_drain_messages` hands over one event per partition and poll (`streams.delivery.batches`).
- `ack` and `_filter_committable_offsets` keep one number a partition, in order, instead of lists
  and gaps of offsets that can be committed over.
- The aiokafka consumer waits 20 ms for more records instead of 1,500, and reads committed records
  only. Its changelog partitions are paused in aiokafka too: recovery reads them on its own.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, cast

import aiokafka
from faust.transport.conductor import Conductor
from faust.transport.consumer import Fetcher
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import Message
from mode.utils.futures import notify
from typing_extensions import override

from streams.delivery.batches import Batch, BatchMessage

if TYPE_CHECKING:
    from streams.delivery.app import App

FETCH_WAIT_MS: Final = 20
TICK_S: Final = 1.0


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that the aiokafka consumer runs in."""

    @override
    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # The driver hard-codes both; they are read when the consumer starts.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._isolation_level = "read_committed"
        return consumer


class BatchConsumer(driver.Consumer):
    """Delivers batches and commits what agents acknowledged, in order."""

    @override
    def on_init(self) -> None:
        super().on_init()
        self._done: dict[TP, int] = {}
        self._drained: dict[TP, tuple[int, int]] = {}
        self._last_seen: dict[TP, float] = {}

    @property
    def _app(self) -> "App":
        return cast("App", self.app)

    @override
    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @override
    def ack(self, message: Message) -> bool:
        if not isinstance(message, BatchMessage):
            return super().ack(message)
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        if not message.abandoned:
            self._done[message.tp] = max(self._done.get(message.tp, 0), message.offset)
            self._acked.setdefault(message.tp, [])  # names the partition to the committer
        notify(self._waiting_for_ack)
        return True

    @override
    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        if self._app.delivery.commits_offsets:
            return {}
        return {
            tp: self._done[tp]
            for tp in tps
            if self._done.get(tp, 0) > (self._committed_offset[tp] or 0)
        }

    @override
    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._app.working.clear()
        self._app.revoking.set()
        await super().on_partitions_revoked(revoked)
        # Only now: revoking commits what is done first.
        for tp in revoked:
            self._done.pop(tp, None)
            self._drained.pop(tp, None)
            self._last_seen.pop(tp, None)

    @override
    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        changelogs = [driver.ensure_aiokafka_TP(tp) for tp in assigned if self._is_changelog_tp(tp)]
        if changelogs:
            self._thread._ensure_consumer().pause(*changelogs)
        self._app.assignment_number += 1
        self._app.revoking.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    @override
    async def _drain_messages(self, fetcher: Fetcher) -> None:  # type: ignore[override]
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                assignment = self._app.assignment_number
                records, _ = await self._wait_next_records(TICK_S)
                await asyncio.sleep(0)
                if self.should_stop or not self.flow_active:
                    continue
                for tp, polled in (records or {}).items():
                    await self._hand_over(tp, polled, assignment)
                await self._tick(assignment)
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.transport.app.should_stop:
                raise

    async def _tick(self, assignment: int) -> None:
        """Give each silent partition an empty batch now and then: time goes on there too."""
        now = self.loop.time()
        for tp in list(self._get_active_partitions()):
            if self._is_changelog_tp(tp):
                continue
            if now - self._last_seen.setdefault(tp, now) >= TICK_S and self.flow_active:
                await self._hand_over(tp, [], assignment)

    async def _hand_over(self, tp: TP, polled: list[Any], assignment: int) -> None:
        if assignment != self._app.assignment_number or self._is_changelog_tp(tp):
            return
        self._last_seen[tp] = self.loop.time()
        drained_in, position = self._drained.get(tp, (-1, None))
        follows = position if drained_in == assignment else None
        if polled:
            next_offset = polled[-1].offset + 1
            self._drained[tp] = (assignment, next_offset)
            self._read_offset[tp] = next_offset - 1
        else:
            next_offset = follows
        channels = list(cast("Conductor", self.app.topics)._tp_index[tp])
        message = BatchMessage(
            tp.topic,
            tp.partition,
            next_offset or 0,
            polled[-1].timestamp / 1000 if polled else 0.0,
            0,
            None,
            None,
            None,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )
        message.incref(len(channels))
        batch = Batch(tp, polled, assignment, follows, next_offset, self._lag(tp))
        event = self.app.create_event(None, cast("Any", batch), None, message)
        for channel in channels:
            # A rebalance cancels whoever waits to put; awaited bare that would end the fetcher.
            await asyncio.wait([asyncio.ensure_future(channel.queue.put(event))])

    def _lag(self, tp: TP) -> int | None:
        """Return how far the fetcher is behind, by its position, which passes markers too."""
        assignment = self._thread._ensure_consumer()._subscription.subscription.assignment
        partition = driver.ensure_aiokafka_TP(tp)
        if assignment is None or partition not in assignment.tps:
            return None
        state = assignment.state_value(partition)
        if state.highwater is None or not state.has_valid_position:
            return None
        return max(int(state.highwater) - int(state.position), 0)

    @property
    def has_coordinator(self) -> bool:
        """Whether the broker that keeps the group together is known; lost, it is looked for."""
        consumer = self._thread._consumer
        return consumer is not None and consumer._coordinator.coordinator_id is not None


class BatchTransport(driver.Transport):
    """Faust's Kafka transport with our consumer."""

    Consumer = BatchConsumer
