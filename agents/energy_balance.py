"""Shell around the energy balance: communities' minutes in, partials and the grid's minutes out.

Two agents: one sums the communities of its own partition, the other, on the partition of the key
`grid`, merges those sums.
"""

from dataclasses import dataclass, field
from typing import Any

from faust.types import StreamT

from agents.control_batches import read, read_up_to
from agents.partitions import Partitions
from schemas.units import MINUTE_S
from sinks import energy_balance_metrics as metrics
from streams import clock, topics
from streams.codecs import energy_balance as codec
from streams.delivery.app import App
from streams.delivery.batches import batches
from streams.delivery.effects import Changes, Effects
from streams.domain.energy_balance import BalancePolicy, PartitionBalance, Step
from streams.domain.energy_balance_grid import GridBalance, GridStep
from streams.domain.event_clock import EventClock
from streams.policies import balance_policy
from streams.settings import Settings
from tables import energy_balance as tables
from tables.store import Store


@dataclass(slots=True)
class _Kept:
    """What the agent of partials keeps of a partition; `keys`: of what is stored, by minute."""

    balance: PartitionBalance
    keys: dict[int, list[bytes]]
    clock: EventClock = field(default_factory=EventClock)


def attach(app: App, settings: Settings) -> None:
    """Declare the tables and the agents of the balance."""
    policy = balance_policy(settings)
    _attach_partials(app, settings, policy)
    _attach_grid(app, settings, policy)


def _attach_partials(app: App, settings: Settings, policy: BalancePolicy) -> None:
    table = tables.declare_minutes(app)

    def load(stores: dict[str, Store]) -> _Kept:
        kept = _Kept(*tables.load_partition(policy, stores[table.name]))
        kept.clock.advance(kept.balance.newest + MINUTE_S, now=clock.epoch_now())
        return kept

    partitions = Partitions(app, (table,), load=load, forget=metrics.forget)

    @app.agent(app.bytes_topic(topics.COMMUNITY_MINUTES.name), name="balance-partials")
    async def partials(stream: StreamT[Any]) -> None:
        """Sum the minutes of a partition's communities."""
        async for batch in batches(stream):
            partition, now = partitions.of(batch), clock.epoch_now()
            kept = partition.kept
            place = read_up_to(batch, settings)
            told = list(read(batch, codec.community_sums))
            step = kept.balance.fold(
                told,
                partition=batch.partition,
                read_up_to=place,
                clock=kept.clock.time(now=now),
            )
            kept.clock.advance(kept.balance.newest + MINUTE_S, now=now)
            effects = Effects()
            effects.changes[table] = _changes(step, kept, place=place)
            effects.routed[topics.GRID_PARTIALS.name] = list(codec.of_the_grid(step.partials))
            metrics.count(step)
            partition.measure(now=now)
            await app.delivery.commit(batch, effects)


def _attach_grid(app: App, settings: Settings, policy: BalancePolicy) -> None:
    table = tables.declare_partials(app)
    partitions = Partitions(
        app,
        (table,),
        load=lambda stores: tables.load_grid(policy, stores[table.name], now=clock.epoch_now()),
        forget=metrics.forget_grid,
    )

    @app.agent(app.bytes_topic(topics.GRID_PARTIALS.name), name="grid-minutes")
    async def grid_minutes(stream: StreamT[Any]) -> None:
        """Merge the minutes of partitions to those of the grid."""
        async for batch in batches(stream):
            partition, now = partitions.of(batch), clock.epoch_now()
            grid: GridBalance = partition.kept
            place = read_up_to(batch, settings)
            step = grid.fold(list(read(batch, codec.partial)), read_up_to=place, now=now)
            effects = Effects()
            effects.changes[table] = _grid_changes(step, place=place, now=now)
            effects.outputs[topics.GRID_MINUTES.name] = list(codec.of_the_grid(step.minutes))
            metrics.count_grid(step, newest=grid.newest)
            partition.measure(now=now)
            await app.delivery.commit(batch, effects)


def _changes(step: Step, kept: _Kept, *, place: int) -> Changes:
    changes: Changes = {}
    for minute, taken in step.taken.items():
        key = tables.minute_key(minute, place)
        changes[key] = tables.encode(taken, place=place)
        kept.keys.setdefault(minute, []).append(key)
    for partial in step.partials:
        told = tables.encode_told(place=partial.version, time=step.time)
        changes[tables.told_key(partial.minute)] = told
    for name, last in step.silent.items():
        changes[tables.silent_key(name)] = tables.encode([last], place=place)
    for minute in step.expired:
        changes |= dict.fromkeys(kept.keys.pop(minute, []))
        changes[tables.told_key(minute)] = None
    return changes


def _grid_changes(step: GridStep, *, place: int, now: float) -> Changes:
    changes: Changes = {
        tables.minute_key(partial.minute, partial.partition): tables.encode_partial(
            partial, place=place
        )
        for partial in step.taken
    }
    for minute in step.minutes:
        told = tables.encode_told(place=minute.version, time=now)
        changes[tables.told_key(minute.minute)] = told
    for start, numbers in step.expired:
        changes |= {tables.minute_key(start, number): None for number in numbers}
        changes[tables.told_key(start)] = None
    return changes
