"""Shell around `streams.domain.batteries_communities`: periods and limits in, directives out.

Prices and the registry are followed, and known up to what was written before a period came.
"""

import asyncio
import logging
from typing import Any, Final

from faust.types import StreamT

from agents.batteries_registry import Registry
from agents.malformed import leave_out
from agents.partitions import Partition, Partitions
from sinks import battery_metrics as metrics
from streams import clock, topics
from streams.codecs import batteries as codec
from streams.codecs import prices as prices_codec
from streams.codecs.registry import UnreadableEntryError
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Effects
from streams.domain.batteries_communities import Fleet, Limited, Step, ToldPeriod
from streams.domain.prices import PriceBook
from streams.policies import battery_policy
from streams.settings import Settings
from tables import batteries as tables

logger = logging.getLogger(__name__)

SOURCES: Final = (topics.HOUSEHOLD_INTERVALS, topics.SWITCH_DIRECTIVES, topics.SHED_ORDERS)


def attach(app: App, settings: Settings) -> None:
    """Declare the tables and the agent of batteries."""
    policy, declared = battery_policy(settings), tables.declare(app)
    registry, book = Registry(), PriceBook()

    def take(topic: str, value: bytes) -> None:
        if topic == topics.PRICES.name:
            _take_price(book, value)
        else:
            registry.take(topic, value)

    followed = [topics.PRICES.name, *registry.topics]
    metrics.declare([*(topic.name for topic in SOURCES), *followed])
    follower = app.follow(followed, take)
    partitions = Partitions(
        app,
        (declared.periods, declared.communities),
        load=lambda stores: tables.load(
            policy,
            of_periods=stores[declared.periods.name],
            of_communities=stores[declared.communities.name],
        ),
        forget=metrics.forget,
    )

    @app.agent(app.bytes_topic(*(topic.name for topic in SOURCES)), name="batteries")
    async def batteries(stream: StreamT[Any]) -> None:
        """Decide what each household's battery shall do in the next period."""
        async for batch in batches(stream):
            # What was registered or priced before a period was told is known when it is decided.
            if batch.records and not await follower.caught_up(unless=app.revoking):
                batch.abandon()
                continue
            partition = partitions.of(batch)
            step = await _fold(partition.kept, _decode(app, batch), registry, book)
            effects = Effects()
            effects.changes[declared.periods] = {
                tables.key(*place): None if period is None else tables.encode(period)
                for place, period in step.periods.items()
            }
            effects.changes[declared.communities] = {
                name.encode(): tables.encode_community(community)
                for name, community in step.communities.items()
            }
            effects.outputs = {topics.BATTERY_DIRECTIVES.name: list(codec.directives(step))}
            _observe(step, partition, book)
            await app.delivery.commit(batch, effects)


async def _fold(
    fleet: Fleet, told: list[ToldPeriod | Limited], registry: Registry, book: PriceBook
) -> Step:
    """Fold what is told one by one: planning takes milliseconds a battery, and others wait."""
    step = Step()
    for one in told:
        further = fleet.fold([one], registered=registry.of, prices=book)
        step.periods |= further.periods
        step.communities |= further.communities
        step.told += further.told
        step.too_old += further.too_old
        await asyncio.sleep(0)
    return step


def _take_price(book: PriceBook, value: bytes) -> None:
    try:
        book.take(prices_codec.decode(value))
    except UnreadableEntryError as error:
        metrics.MALFORMED.labels(topics.PRICES.name).inc()
        logger.error("a record of %s is left out: %s", topics.PRICES.name, error)  # noqa: TRY400 - a line


def _decode(app: App, batch: Batch) -> list[ToldPeriod | Limited]:
    topic = batch.tp.topic[len(app.topic_prefix) :]
    told = []
    for record in batch.records:
        try:
            read = _read(topic, record.value)
        except ValueError as error:
            metrics.MALFORMED.labels(topic).inc()
            leave_out(batch, record.offset, error)
            continue
        if read is not None:
            told.append(read)
    return told


def _read(topic: str, value: bytes | None) -> ToldPeriod | Limited | None:
    if topic == topics.HOUSEHOLD_INTERVALS.name:
        return codec.told_period(value)
    if topic == topics.SHED_ORDERS.name:
        return codec.shed(value)
    return codec.switched_off(value)


def _observe(step: Step, partition: Partition[Fleet], book: PriceBook) -> None:
    for unsafe in metrics.count(step):
        logger.error(
            "battery of %s in %s: what was planned for %s breaks a rule; it is told AUTO",
            unsafe.meter_id,
            unsafe.community_id,
            unsafe.start,
        )
    now = clock.epoch_now()
    if partition.measure(now=now):
        metrics.show(partition.number, partition.kept, known_until=book.known_until)
