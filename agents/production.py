"""Shell around `streams.domain.production_evaluator`: the grid and plants in, orders out.

It is one agent, on the partition of the key `grid`: who decides has to see all plants at once.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from faust.types import StreamT

from agents.control_batches import read
from agents.partitions import Partitions
from agents.production_registry import Registry
from sinks import production_metrics as metrics
from streams import clock, topics
from streams.codecs import production as codec
from streams.codecs.energy_balance import grid_minute
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Changes, Effects
from streams.domain.communities import NEVER
from streams.domain.production_evaluator import Evaluator, Step
from streams.domain.steering import Steering
from streams.policies import balance_policy, forecast_policy, production_policy
from streams.settings import Settings
from tables import production as tables
from tables.store import Store

logger = logging.getLogger(__name__)

SOURCES = (topics.GRID_MINUTES, topics.PLANT_MINUTES, topics.BATTERY_COMMITMENTS)


@dataclass(slots=True)
class _Kept:
    """What the agent keeps of the grid."""

    evaluator: Evaluator
    steering: Steering


def attach(app: App, settings: Settings) -> None:
    """Declare the table and the agent of the evaluator."""
    policy, forecasting = production_policy(settings), forecast_policy(settings)
    table, registry = tables.declare(app), Registry()
    metrics.declare(registry.topics)
    app.follow(registry.topics, registry.take)
    stale_s = settings.control_stale_after.total_seconds()
    retention_s = balance_policy(settings).grid_retention_s

    def load(stores: dict[str, Store]) -> _Kept:
        evaluator = tables.load(stores[table.name], policy, forecasting, retention_s=retention_s)
        # Who has steered before, and hears nothing after a restart, has stopped too.
        heard_at = None if evaluator.decided[0] == NEVER else clock.epoch_now()
        return _Kept(evaluator, Steering(stale_s, heard_at))

    def forget(number: str, names: Iterable[str]) -> None:
        metrics.forget_grid()
        metrics.forget(number, names)

    partitions = Partitions(
        app,
        (table,),
        load=load,
        forget=forget,
    )

    @app.agent(app.bytes_topic(*(topic.name for topic in SOURCES)), name="production")
    async def production(stream: StreamT[Any]) -> None:
        """Say what each plant shall give, and what nobody can."""
        async for batch in batches(stream):
            partition, now = partitions.of(batch), clock.epoch_now()
            kept: _Kept = partition.kept
            step = _fold(app, batch, kept.evaluator, registry)
            if step.decided is not None:
                kept.steering.heard_at = now
            _watch(kept.steering, now=now)
            effects = Effects()
            effects.changes[table] = _changes(step)
            effects.routed = {
                topics.PRODUCTION_ORDERS.name: list(codec.by_plant(step.orders)),
                topics.PRODUCTION_PLANS.name: list(codec.by_plant(step.plans)),
                topics.SHED_ORDERS.name: list(codec.shed_orders(step.shed_orders)),
            }
            _observe(step, kept)
            partition.measure(now=now)
            await app.delivery.commit(batch, effects)


def _fold(app: App, batch: Batch, evaluator: Evaluator, registry: Registry) -> Step:
    topic = batch.tp.topic[len(app.topic_prefix) :]
    if topic == topics.BATTERY_COMMITMENTS.name:
        return evaluator.take_batteries(list(read(batch, codec.battery_commitment)))
    if topic == topics.GRID_MINUTES.name:
        return evaluator.take_grid(list(read(batch, grid_minute)), registered=registry.around)
    return evaluator.take_plants(list(read(batch, codec.plant_minute)), registered=registry.around)


def _watch(steering: Steering, *, now: float) -> None:
    """Say when the inputs are too old to steer by, and when they are there again.

    Nothing has to be taken back then: every order has its end.
    """
    turns, age_s = steering.turns(now), steering.age_s(now)
    if age_s is None:
        return
    metrics.INPUT_AGE.set(age_s)
    metrics.STEERING.set(steering.is_on)
    if turns and steering.is_on:
        logger.warning("production steers: minutes of the grid come in")
    elif turns:
        logger.error(
            "production has stopped steering: no minute of the grid for %.0f s; orders end by "
            "themselves",
            age_s,
        )


def _changes(step: Step) -> Changes:
    changes: Changes = {
        tables.minute_key(at): None if load is None else tables.encode_tuple(load)
        for at, load in step.history.minutes.items()
    }
    changes |= {
        tables.quarter_key(at): None if quarter is None else tables.encode_tuple(quarter)
        for at, quarter in step.history.quarters.items()
    }
    changes |= {
        tables.plant_key(name): tables.encode_plant(state) for name, state in step.plants.items()
    }
    changes |= {
        tables.grid_commitment_key(*place): None
        if one is None
        else tables.encode_grid_commitment(one)
        for place, one in step.commitments.items()
    }
    if step.shedding is not None:
        changes[tables.SHEDDING_KEY] = tables.encode_shedding(step.shedding)
    if step.decided is not None:
        changes[tables.DECIDED_KEY] = tables.encode_tuple(step.decided)
    return changes


def _observe(step: Step, kept: _Kept) -> None:
    for order in step.broken:
        logger.error(
            "plant %s: an order of %s W was outside its limits; the nearest that it can do was "
            "sent: tell whoever looks after this program",
            order.plant_id,
            order.ordered_w,
        )
    for name, disobeys in step.turned.items():
        if disobeys:
            logger.error("plant %s does not do what it is told; the others make up for it", name)
        else:
            logger.warning("plant %s does what it is told again", name)
    metrics.count(step)
    if step.plants or step.last:
        metrics.show(step, kept.evaluator.plants)
