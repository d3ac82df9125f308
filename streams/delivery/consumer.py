"""Faust's Kafka consumer with batches instead of single messages, and honest offsets.

Each deviation from Faust 0.15.3, with its reason:

- `_drain_messages` hands over one event per agent, partition and poll (`streams.delivery.batches`),
  and only what goes on where the committed offset or the last batch ended.
- `ack` and `_filter_committable_offsets` keep one number a partition, in order, instead of lists
  and gaps of offsets that can be committed over.
- The aiokafka consumer waits 20 ms for more records instead of 1,500, and reads committed records
  only. Its changelog partitions are paused in aiokafka too: recovery reads them on its own.
- Records come in columns (`streams.delivery.fetching`), not as objects.
"""

import asyncio
import contextlib
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

from streams.delivery import fetching, metrics
from streams.delivery.batches import Batch, BatchMessage, Reading
from streams.records import EMPTY, Records

if TYPE_CHECKING:
    from streams.delivery.app import App

TICK_S: Final = 1.0


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that the aiokafka consumer runs in."""

    @override
    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        fetching.install()
        consumer = super()._create_worker_consumer(transport)
        # The driver hard-codes both; they are read when the consumer starts.
        consumer._fetch_max_wait_ms = cast("App", transport.app).fetch_wait_ms
        consumer._isolation_level = "read_committed"
        consumer._key_deserializer = fetching.IN_COLUMNS
        return consumer


class BatchConsumer(driver.Consumer):
    """Delivers batches and commits what agents acknowledged, in order."""

    @override
    def on_init(self) -> None:
        super().on_init()
        self._done: dict[TP, int] = {}
        self._expected: dict[TP, int] = {}
        self._known_gaps: set[tuple[TP, int]] = set()
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
        message.reading.left -= 1
        if message.reading.is_done:
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
            self._expected.pop(tp, None)
            self._last_seen.pop(tp, None)
            with contextlib.suppress(KeyError):
                metrics.CONSUMER_LAG.remove(tp.topic, str(tp.partition))

    @override
    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        changelogs = [driver.ensure_aiokafka_TP(tp) for tp in assigned if self._is_changelog_tp(tp)]
        if changelogs:
            self._thread._ensure_consumer().pause(*changelogs)
        self._app.assignment_number += 1
        self._app.revoking.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    @override
    async def perform_seek(self) -> None:
        """Go to the committed offsets, and remember that reading must begin just there."""
        await super().perform_seek()
        tps = {tp for tp in self.assignment() if not self._is_changelog_tp(tp)}
        fresh = [tp for tp in tps if not self._committed_offset.get(tp)]
        starts = await self.earliest_offsets(*fresh) if fresh else {}
        self._expected = {tp: self._committed_offset.get(tp) or starts.get(tp) or 0 for tp in tps}
        self._known_gaps.clear()

    @override
    async def _drain_messages(self, fetcher: Fetcher) -> None:  # type: ignore[override]
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                records, _ = await self._wait_next_records(TICK_S)
                await asyncio.sleep(0)
                if self.should_stop or not self.flow_active:
                    # What was polled is dropped here; reading goes on where it is expected to.
                    continue
                for tp, polled in (records or {}).items():
                    await self._hand_over(tp, polled)
                await self._tick()
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.transport.app.should_stop:
                raise

    async def _tick(self) -> None:
        """Give each silent partition an empty batch now and then: time goes on there too."""
        now = self.loop.time()
        for tp in list(self._get_active_partitions()):
            if self._is_changelog_tp(tp) or not self.flow_active:
                continue
            if now - self._last_seen.setdefault(tp, now) >= TICK_S:
                await self._put(tp, EMPTY, self._expected.get(tp))

    async def _hand_over(self, tp: TP, polled: list[Records]) -> None:
        """Hand a poll's records to the agent, if they go on where the last ones ended.

        A poll can span a rebalance and bring, or have dropped, records of another position than
        the committed one. Records may be missing in between for good (transaction markers,
        compaction), so a gap is fetched once more, and only then taken for what it is.
        """
        expected = self._expected.get(tp)
        if expected is None or not polled or self._is_changelog_tp(tp):
            return
        fresh = Records.joined(polled).since(expected)
        if not fresh:
            return
        if fresh[0].offset > expected and (tp, expected) not in self._known_gaps:
            self._known_gaps.add((tp, expected))
            await self.seek(tp, expected)
            return
        position = max(self._position(tp) or 0, fresh[-1].offset + 1)
        await self._put(tp, fresh, position)

    async def _put(self, tp: TP, records: Records, next_offset: int | None) -> None:
        follows = self._expected.get(tp)
        if next_offset is not None:
            self._expected[tp] = next_offset
        self._last_seen[tp] = self.loop.time()
        channels = list(cast("Conductor", self.app.topics)._tp_index[tp])
        number, lag = self._app.assignment_number, self._lag(tp)
        reading = Reading(len(channels))
        for channel in channels:
            message = self._message(tp, records, next_offset, reading)
            batch = Batch(tp, records, number, follows, next_offset, lag)
            event = self.app.create_event(None, cast("Any", batch), None, message)
            # A rebalance cancels whoever waits to put; awaited bare that would end the fetcher.
            await asyncio.wait([asyncio.ensure_future(channel.queue.put(event))])

    def _message(
        self, tp: TP, records: Records, next_offset: int | None, reading: Reading
    ) -> BatchMessage:
        message = BatchMessage(
            tp.topic,
            tp.partition,
            next_offset or 0,
            records[-1].timestamp / 1000 if records else 0.0,
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
        message.reading = reading
        message.incref()
        return message

    def _position(self, tp: TP) -> int | None:
        """Return where the fetcher goes on, behind markers too."""
        state = self._state(tp)
        return int(state.position) if state is not None and state.has_valid_position else None

    def _state(self, tp: TP) -> Any:  # noqa: ANN401 - aiokafka has no types
        """Return aiokafka's state of a partition; None when it is not assigned."""
        assignment = self._thread._ensure_consumer()._subscription.subscription.assignment
        partition = driver.ensure_aiokafka_TP(tp)
        if assignment is None or partition not in assignment.tps:
            return None
        return assignment.state_value(partition)

    def _lag(self, tp: TP) -> int | None:
        """Return how many records the fetcher is behind; None while that is unknown."""
        state, position = self._state(tp), self._position(tp)
        if position is None or state.highwater is None:
            return None
        return max(int(state.highwater) - position, 0)

    @property
    def has_coordinator(self) -> bool:
        """Whether the broker that keeps the group together is known; lost, it is looked for."""
        consumer = self._thread._consumer
        return consumer is not None and consumer._coordinator.coordinator_id is not None


class BatchTransport(driver.Transport):
    """Faust's Kafka transport with our consumer."""

    Consumer = BatchConsumer
