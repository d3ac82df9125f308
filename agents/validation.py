"""Shell around `streams.domain.validated_communities`: readings in, verdicts and figures out."""

import asyncio
import logging
from functools import partial
from typing import Any, Final

from faust.types import StreamT

from agents.malformed import leave_out
from agents.partitions import Partition, Partitions
from agents.registered import COMMUNITIES_AND_HOUSEHOLDS, entry_of
from schemas.registry import Community, Household
from sinks import validation_metrics as metrics
from streams import clock, topics
from streams.codecs.validation import reading_verdicts, told_readings, validated_intervals
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Effects
from streams.delivery.transactional import TransactionalDelivery
from streams.domain.frames import place_of
from streams.domain.premises import Registered
from streams.domain.rosters import Rosters
from streams.domain.validated_communities import Validations, first_and_last_of
from streams.domain.validated_periods import Step, Told
from streams.policies import kept_s, own_thresholds, thresholds
from streams.settings import DeliveryMode, Settings, Unregistered
from tables import validation as tables

logger = logging.getLogger(__name__)

AT_ONCE: Final = 16
"""Periods that are judged in one go: where a terminal's frames are lost, one takes 20 ms."""


def attach(app: App, settings: Settings) -> None:
    """Declare the tables and the agent of validation."""
    if settings.delivery is DeliveryMode.TRANSACTIONAL:
        app.delivery = TransactionalDelivery(app)
    usual = thresholds(settings)
    registered = Registered(
        Rosters(learns=settings.unregistered is Unregistered.LEARN, thresholds=usual),
        thresholds=usual,
        own_thresholds=own_thresholds(settings),
    )
    registry = app.follow(COMMUNITIES_AND_HOUSEHOLDS, partial(_take, registered))
    declared = tables.declare(app)
    partitions = Partitions(
        app,
        (declared.periods, declared.parts, declared.days),
        load=lambda stores: tables.load(
            registered,
            retention_s=kept_s(settings),
            of_periods=stores[declared.periods.name],
            of_parts=stores[declared.parts.name],
            of_days=stores[declared.days.name],
        ),
        forget=metrics.forget,
    )

    @app.agent(app.bytes_topic(topics.PERIOD_READINGS.name), name="validation")
    async def validation(stream: StreamT[Any]) -> None:
        """Judge readings, and estimate what is missing or failed."""
        async for batch in batches(stream):
            # Who was registered before a period closed is known when it is judged.
            if batch.records and not await registry.caught_up(unless=app.revoking):
                batch.abandon()
                continue
            partition = partitions.of(batch)
            told = _decode(batch, generation=settings.generation)
            step = Step()
            worth = first_and_last_of(told)
            for first in range(0, len(worth), AT_ONCE):
                # Heartbeats and the commits of other partitions' batches go on in between.
                await asyncio.sleep(0)
                partition.kept.fold(worth[first : first + AT_ONCE], onto=step)
            await asyncio.sleep(0)
            effects = Effects()
            effects.changes[declared.periods] = {
                tables.period_key(*place): tables.encode_period(kept)
                for place, kept in step.periods.items()
            } | {tables.period_key(*place): None for place in step.expired}
            effects.changes[declared.parts] = {
                tables.part_key(name): tables.encode_part(part) for name, part in step.parts.items()
            }
            effects.changes[declared.days] = {
                tables.day_key(*place): tables.encode_day(
                    partition.kept.parts[place[0]], *place[1:]
                )
                for place in step.days
            }
            effects.outputs = {
                topics.VALIDATED_INTERVALS.name: list(validated_intervals(step.figures)),
                topics.READING_VERDICTS.name: list(reading_verdicts(step.verdicts)),
            }
            _observe(step, partition)
            await app.delivery.commit(batch, effects)


def _take(registered: Registered, topic: str, value: bytes) -> None:
    """Take note of a community or a household as it is registered."""
    match entry_of(topic, value, malformed=metrics.MALFORMED):
        case Community() as community:
            registered.take(community)
        case Household() as household:
            registered.rosters.take(household)
        case _:
            pass


def _decode(batch: Batch, *, generation: int) -> list[Told]:
    told = []
    for record in batch.records:
        place = place_of(record.offset, generation=generation)
        try:
            told.append(told_readings(record.value, place=place))
        except ValueError as error:
            metrics.MALFORMED.inc()
            leave_out(batch, record.offset, error)
    return told


def _observe(step: Step, partition: Partition[Validations]) -> None:
    metrics.count(step)
    if partition.measure(now=clock.epoch_now()):
        metrics.METERS.labels(partition.number).set(partition.kept.meters)
