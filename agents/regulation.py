"""Shell around `streams.domain.regulation_communities`: closed minutes in, directives out."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from faust.types import StreamT

from agents.malformed import leave_out
from agents.partitions import Partition, Partitions
from agents.regulation_registry import Registry
from sinks import regulation_metrics as metrics
from streams import clock, topics
from streams.codecs import regulation as codec
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Changes, Effects
from streams.domain.regulation_communities import Input, Regulation, Step
from streams.policies import regulation_policy
from streams.settings import Settings
from tables import regulation as tables
from tables.store import Store

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Kept:
    """What the agent keeps of a partition; `parts`: of the quarter-hours that are stored."""

    regulation: Regulation
    parts: dict[tuple[str, int], set[int]]


def attach(app: App, settings: Settings) -> None:
    """Declare the tables and the agent of regulation, and follow what is registered."""
    policy = regulation_policy(settings)
    communities, switches = tables.declare_communities(app), tables.declare_switches(app)
    loads = tables.declare_loads(app)
    registry = Registry()
    metrics.declare([*(topic.name for topic in codec.SOURCES), *registry.topics])
    app.follow(registry.topics, registry.take)

    def load(stores: dict[str, Store]) -> Kept:
        regulation, parts = tables.load(
            policy,
            of_communities=stores[communities.name],
            of_switches=stores[switches.name],
            of_loads=stores[loads.name],
            now=clock.epoch_now(),
        )
        return Kept(regulation, parts)

    partitions = Partitions(app, (communities, switches, loads), load=load, forget=metrics.forget)

    @app.agent(app.bytes_topic(*(topic.name for topic in codec.SOURCES)), name="regulation")
    async def regulation(stream: StreamT[Any]) -> None:
        """Shed and give back load, for communities and for the grid."""
        async for batch in batches(stream):
            partition, now = partitions.of(batch), clock.epoch_now()
            kept = partition.kept
            inputs = _decode(app, batch)
            # The commits of other partitions' batches go on between the stages of this one.
            await asyncio.sleep(0)
            step = kept.regulation.fold(inputs, now=now, registered=registry.of)
            await asyncio.sleep(0)
            effects = Effects()
            effects.changes[communities] = {
                tables.community_key(name): tables.encode_community(community)
                for name, community in step.communities.items()
            }
            effects.changes[switches] = {
                tables.switch_key(*place): tables.encode_switch(switch)
                for place, switch in step.switches.items()
            }
            effects.changes[loads] = _changed_loads(kept, step)
            effects.outputs = {
                topics.SWITCH_DIRECTIVES.name: list(codec.directives(step.directives)),
                topics.REGULATION_MINUTES.name: list(codec.minutes(step.told)),
            }
            _observe(step, partition, now=now)
            await app.delivery.commit(batch, effects)


def _decode(app: App, batch: Batch) -> list[Input]:
    topic = batch.tp.topic[len(app.topic_prefix) :]
    inputs = []
    for record in batch.records:
        try:
            inputs.append(codec.read(topic, record))
        except ValueError as error:
            metrics.MALFORMED.labels(topic).inc()
            leave_out(batch, record.offset, error)
    return inputs


def _changed_loads(kept: Kept, step: Step) -> Changes:
    changes: Changes = {}
    for period in step.periods:
        key = tables.load_key(period.community_id, period.start, period.part)
        changes[key] = tables.encode_period(period)
        kept.parts.setdefault((period.community_id, period.start), set()).add(period.part)
    for name, start in step.forgotten:
        for part in kept.parts.pop((name, start), set()):
            changes[tables.load_key(name, start, part)] = None
    return changes


def _observe(step: Step, partition: Partition[Kept], *, now: float) -> None:
    metrics.count(step)
    for broken in step.broken:
        logger.critical("a directive that must never be was held back: %s", broken)
    for name in step.let_go:
        logger.error("%s has told no closed minute for too long: all its switches are AUTO", name)
    for name in step.resumed:
        logger.warning("%s tells minutes again and is steered again", name)
    if partition.measure(now=now):
        regulation = partition.kept.regulation
        metrics.show(
            partition.number,
            age_s=regulation.age_s(now=now),
            not_steered=sum(one.let_go for one in regulation.communities.values()),
            off=regulation.switches_off(),
        )
