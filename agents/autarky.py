"""Shell around `streams.domain.autarky_communities`: closed periods in, autarky's changes out."""

import asyncio
from typing import Any

from faust.types import StreamT

from agents.malformed import leave_out
from agents.partitions import Partition, Partitions
from sinks import alert_metrics
from streams import clock, topics
from streams.codecs.autarky import autarky_changes, autarky_intervals, told_period
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Effects
from streams.domain.autarky_communities import Autarky, Step, ToldPeriod
from streams.domain.frames import place_of
from streams.policies import autarky_policy
from streams.settings import Settings
from tables import autarky as tables


def attach(app: App, settings: Settings) -> None:
    """Declare the tables and the agent of autarky."""
    policy, declared = autarky_policy(settings), tables.declare(app)
    alert_metrics.declare()
    partitions = Partitions(
        app,
        (declared.periods, declared.communities),
        load=lambda stores: tables.load(
            policy,
            of_periods=stores[declared.periods.name],
            of_communities=stores[declared.communities.name],
        ),
        forget=alert_metrics.forget,
    )

    @app.agent(app.bytes_topic(topics.HOUSEHOLD_INTERVALS.name), name="autarky")
    async def autarky(stream: StreamT[Any]) -> None:
        """Judge the autarky of households and communities from their closed periods."""
        async for batch in batches(stream):
            partition = partitions.of(batch)
            told = _decode(batch, generation=settings.generation)
            # The commits of other partitions' batches go on between the stages of this one.
            await asyncio.sleep(0)
            step = partition.kept.fold(told)
            await asyncio.sleep(0)
            effects = Effects()
            effects.changes[declared.periods] = {
                tables.key(*place): None if period is None else tables.encode(period)
                for place, period in step.periods.items()
            }
            effects.changes[declared.communities] = {
                name.encode(): tables.encode_community(community)
                for name, community in step.communities.items()
            }
            effects.outputs = {
                topics.AUTARKY_INTERVALS.name: list(autarky_intervals(step)),
                topics.AUTARKY_CHANGES.name: list(autarky_changes(step, policy)),
            }
            _observe(step, partition)
            await app.delivery.commit(batch, effects)


def _decode(batch: Batch, *, generation: int) -> list[ToldPeriod]:
    told = []
    for record in batch.records:
        place = place_of(record.offset, generation=generation)
        try:
            told.append(told_period(record.value, place=place))
        except ValueError as error:
            alert_metrics.MALFORMED.inc()
            leave_out(batch, record.offset, error)
    return told


def _observe(step: Step, partition: Partition[Autarky]) -> None:
    alert_metrics.count(step)
    if partition.measure(now=clock.epoch_now()):
        alert_metrics.show_states(partition.number, partition.kept.states())
