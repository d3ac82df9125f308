"""Shell around `streams.domain.windows`: frames in, closed minutes and periods out."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from faust.types import StreamT

from agents.partitions import Partition, Partitions
from agents.registered import entry_of
from schemas.registry import Household
from schemas.units import MINUTE_S
from sinks import metrics
from streams import clock, topics
from streams.codecs import results
from streams.codecs.frames import FrameDecoder
from streams.codecs.validation import period_readings
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Effects, Messages
from streams.delivery.transactional import TransactionalDelivery
from streams.domain.admission import admit
from streams.domain.event_clock import EventClock
from streams.domain.frames import Frame, Rejection, offset_of
from streams.domain.rosters import Rosters
from streams.domain.steps import Step
from streams.domain.windows import Windows
from streams.policies import thresholds, window_policy
from streams.settings import DeliveryMode, Settings, Unregistered
from tables import communities, minutes
from tables.store import Store
from tables.windows import load_windows

FETCH_WAIT_MS: Final = 20
"""At full speed the next fetch must not wait; there is one topic, so it costs little."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Kept:
    """What the agent keeps of a partition."""

    windows: Windows
    clock: EventClock = field(default_factory=EventClock)


def attach(app: App, settings: Settings) -> None:
    """Declare the tables and the agent of metering."""
    if settings.delivery is DeliveryMode.TRANSACTIONAL:
        app.delivery = TransactionalDelivery(app)
    app.fetch_wait_ms = FETCH_WAIT_MS
    policy = window_policy(settings)
    rosters = Rosters(
        learns=settings.unregistered is Unregistered.LEARN, thresholds=thresholds(settings)
    )
    registry = app.follow((topics.REGISTRY_HOUSEHOLDS.name,), partial(_take, rosters))
    decoder = FrameDecoder(max_frame_bytes=settings.max_frame_bytes, generation=settings.generation)
    minutes_table, communities_table = minutes.declare(app), communities.declare(app)

    def load(stores: dict[str, Store]) -> _Kept:
        windows = load_windows(
            policy,
            of_minutes=stores[minutes_table.name],
            of_communities=stores[communities_table.name],
            rosters=rosters,
        )
        kept = _Kept(windows)
        kept.clock.advance(windows.newest + MINUTE_S, now=clock.epoch_now())
        return kept

    partitions = Partitions(
        app, (minutes_table, communities_table), load=load, forget=metrics.forget
    )

    @app.agent(app.bytes_topic(topics.METER_FRAMES.name), name="metering")
    async def metering(stream: StreamT[Any]) -> None:
        """Close minutes and settlement periods from frames."""
        async for batch in batches(stream):
            partition, now = partitions.of(batch), clock.epoch_now()
            kept = partition.kept
            decoded = decoder.decode(batch.records)
            # The commits of other partitions' batches go on between the stages of this one.
            await asyncio.sleep(0)
            admission = admit(decoded.frames, rosters, block=decoded.block)
            if admission.rejections:
                # Who is registered first and sends then must never be refused.
                if not await registry.caught_up(unless=app.revoking):
                    batch.abandon()
                    continue
                admission = admit(decoded.frames, rosters, block=decoded.block)
            step = kept.windows.fold(admission.frames, now=now, clock=kept.clock.time(now=now))
            step.rejections[:0] = [*decoded.rejections, *admission.rejections]
            kept.clock.advance(kept.windows.newest + MINUTE_S, now=now)
            await asyncio.sleep(0)
            effects = Effects()
            effects.changes[minutes_table] = {
                minutes.key(*place): minutes.encode(minute)
                for place, minute in step.minutes.items()
            } | {minutes.key(*place): None for place in step.expired}
            effects.changes[communities_table] = {
                name.encode(): communities.encode(community)
                for name, community in step.communities.items()
            }
            effects.outputs = _outputs(step, batch)
            _observe(step, partition)
            await app.delivery.commit(batch, effects)


def _take(rosters: Rosters, topic: str, value: bytes) -> None:
    """Take note of a household as it is registered."""
    household = entry_of(topic, value, malformed=metrics.UNREADABLE_ENTRIES)
    if isinstance(household, Household):
        rosters.take(household)


def _outputs(step: Step, batch: Batch) -> dict[str, Messages]:
    return {
        topics.COMMUNITY_MINUTES.name: list(results.community_minutes(step.closed_minutes)),
        topics.HOUSEHOLD_INTERVALS.name: list(results.household_intervals(step.closed_periods)),
        topics.PERIOD_READINGS.name: list(period_readings(step.closed_periods)),
        topics.REJECTED_READINGS.name: list(_rejected(step.rejections, batch)),
        topics.READING_EDITS.name: list(_edited(step.edits, batch)),
    }


def _rejected(rejections: list[Rejection], batch: Batch) -> Iterator[results.Message]:
    for rejection in rejections:
        record = batch.records.at(rejection.offset)
        yield results.rejected_reading(
            rejection,
            record,
            topic=batch.tp.topic,
            partition=batch.partition,
            received_at_ms=max(record.timestamp, 0),
        )


def _edited(edits: list[Frame], batch: Batch) -> Iterator[results.Message]:
    for frame in edits:
        timestamp = batch.records.at(offset_of(frame.place)).timestamp
        yield from results.edited_readings(frame, edited_at_ms=max(timestamp, 0))


def _observe(step: Step, partition: Partition[_Kept]) -> None:
    metrics.count(step.tally)
    for rejection in step.rejections:
        metrics.REJECTIONS.labels(rejection.rule).inc()
    windows = partition.kept.windows
    metrics.OPEN_MINUTES.labels(partition.number).set(windows.open_minutes)
    if partition.measure(now=clock.epoch_now()):
        metrics.EVENT_TIME_LAG.labels(partition.number).set(windows.lag_s)
