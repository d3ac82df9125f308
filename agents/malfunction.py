"""Shell around `streams.domain.malfunction`: what is told and ordered in, tickets out."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from faust.types import StreamT

from agents.malformed import leave_out
from agents.malfunction_proof import Proving
from agents.malfunction_registry import Registry
from agents.partitions import Partition, Partitions
from sinks import malfunction_metrics as metrics
from streams import clock, topics
from streams.codecs import malfunction as codec
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Effects
from streams.domain.malfunction_communities import Input, Step, Watches
from streams.policies import malfunction_policy
from streams.records import Record
from streams.settings import Settings
from tables import malfunction as tables

logger = logging.getLogger(__name__)

SOURCES = (
    topics.COMMUNITY_MINUTES,
    topics.REJECTED_READINGS,
    topics.READING_VERDICTS,
    topics.TICKET_COMMANDS,
)


@dataclass(slots=True)
class Kept:
    """What the agent keeps of a partition; `reached`: up to where it has read each topic."""

    watches: Watches
    reached: dict[str, int | None] = field(default_factory=dict)


def attach(app: App, settings: Settings) -> None:
    """Declare the table and the agent of malfunctions."""
    policy, table = malfunction_policy(settings), tables.declare(app)
    registry = Registry()
    metrics.declare([*(topic.name for topic in SOURCES), *registry.topics])
    app.follow(registry.topics, registry.take)
    proving = Proving(app, settings)

    def forget(number: str, names: Iterable[str]) -> None:
        proving.give_up(int(number))
        metrics.forget(number, names)

    partitions = Partitions(
        app,
        (table,),
        load=lambda stores: Kept(Watches(policy, tables.load(stores[table.name]))),
        forget=forget,
    )

    @app.agent(app.bytes_topic(*(topic.name for topic in SOURCES)), name="malfunction")
    async def malfunction(stream: StreamT[Any]) -> None:
        """Open, clear and end tickets about meters and terminals."""
        async for batch in batches(stream):
            partition, now = partitions.of(batch), clock.epoch_now()
            kept = partition.kept
            inputs = _decode(app, batch, generation=settings.generation)
            # The commits of other partitions' batches go on between the stages of this one.
            await asyncio.sleep(0)
            step = kept.watches.fold(
                inputs,
                now=now,
                registered=partial(registry.of, now=now),
                proof=proving.proof(batch.partition, kept.reached),
            )
            kept.reached[batch.tp.topic] = batch.next_offset
            proving.ask(batch.partition, kept.watches.asking, kept.reached)
            await asyncio.sleep(0)
            effects = Effects()
            effects.changes[table] = {
                tables.key(name): None if watch is None else tables.encode(watch)
                for name, watch in step.watches.items()
            }
            effects.outputs = {topics.MALFUNCTIONS.name: list(codec.malfunctions(step.told))}
            _observe(step, partition)
            await app.delivery.commit(batch, effects)


def _decode(app: App, batch: Batch, *, generation: int) -> list[Input]:
    topic = batch.tp.topic[len(app.topic_prefix) :]
    inputs = []
    for record in batch.records:
        try:
            read = _read(topic, record, generation=generation)
        except ValueError as error:
            metrics.MALFORMED.labels(topic).inc()
            leave_out(batch, record.offset, error)
            continue
        if read is not None:
            inputs.append(read)
    return inputs


def _read(topic: str, record: Record, *, generation: int) -> Input | None:
    if topic == topics.COMMUNITY_MINUTES.name:
        return codec.told_minute(record)
    if topic == topics.REJECTED_READINGS.name:
        return codec.refusal(record, generation=generation)
    if topic == topics.READING_VERDICTS.name:
        return codec.failed(record, generation=generation)
    return codec.command(record, generation=generation)


def _observe(step: Step, partition: Partition[Kept]) -> None:
    metrics.count(step)
    for why_not in step.disobeyed:
        logger.warning("an order was not obeyed: %s", why_not)
    if partition.measure(now=clock.epoch_now()):
        watches = partition.kept.watches
        metrics.show(partition.number, watches.tickets(), awaiting=len(watches.asking))
