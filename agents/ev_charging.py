"""Shell around `streams.domain.ev_charging_nights`: sessions in, orders to chargers out."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from faust.types import StreamT
from pydantic import ValidationError

from agents.malformed import leave_out
from agents.partitions import Partition, Partitions
from agents.registered import COMMUNITIES_AND_HOUSEHOLDS, entry_of
from schemas.ev_charging import ChargePlan, EvSession
from schemas.registry import Community, Household
from sinks import ev_charging_metrics as metrics
from streams import clock, topics
from streams.codecs import ev_charging as codec
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Changes, Effects, Messages
from streams.domain.ev_charging import Refused, judge
from streams.domain.ev_charging_nights import Charging, ClosedMinute, Input
from streams.domain.ev_charging_planning import compile_planner
from streams.domain.ev_charging_plans import Plans
from streams.domain.ev_charging_registry import Chargepoints
from streams.domain.ev_charging_telling import Step
from streams.policies import charging_policy
from streams.records import Record
from streams.settings import Settings, Unregistered
from tables import ev_charging as tables

logger = logging.getLogger(__name__)

SOURCES: Final = (topics.EV_SESSIONS, topics.COMMUNITY_MINUTES, topics.SHED_ORDERS)


@dataclass(slots=True)
class _Surroundings:
    """What all partitions know: the registry, and each other's plans."""

    settings: Settings
    points: Chargepoints = field(default_factory=Chargepoints)
    plans: Plans = field(default_factory=Plans)

    def take(self, topic: str, value: bytes) -> None:
        """Take a record of the registry; what can't be read is said and left out."""
        entry = entry_of(topic, value, malformed=metrics.MALFORMED)
        if isinstance(entry, Community | Household):
            self.points.take(entry)

    def take_plan(self, topic: str, value: bytes) -> None:
        """Take a plan; what can't be read is said and left out."""
        try:
            plan = ChargePlan.model_validate_json(value)
        except ValidationError as error:
            metrics.MALFORMED.inc()
            logger.error("a record of %s is left out: %s", topic, error)  # noqa: TRY400 - a line
            return
        self.plans.take(plan)


def attach(app: App, settings: Settings) -> None:
    """Declare the table and the agent of charging."""
    policy, table = charging_policy(settings), tables.declare(app)
    compile_planner()
    around = _Surroundings(settings)
    registry = app.follow(COMMUNITIES_AND_HOUSEHOLDS, around.take)
    app.follow((topics.CHARGE_PLANS.name,), around.take_plan)
    partitions: Partitions[Charging] = Partitions(
        app,
        (table,),
        load=lambda stores: tables.load(policy, stores[table.name]),
        forget=metrics.forget,
    )

    @app.agent(app.bytes_topic(*(topic.name for topic in SOURCES)), name="ev-charging")
    async def ev_charging(stream: StreamT[Any]) -> None:
        """Plan vehicles, and tell their chargers what to do."""
        async for batch in batches(stream):
            # Who was registered before plugging in is known then.
            is_sessions = batch.tp.topic == app.topic_prefix + topics.EV_SESSIONS.name
            if is_sessions and batch.records and not await registry.caught_up(unless=app.revoking):
                batch.abandon()
                continue
            partition = partitions.of(batch)
            effects = Effects()
            inputs, refused = _read(app, batch, partition.kept, around)
            began = time.perf_counter()
            # A plan of thousands takes seconds: the worker goes on meanwhile.
            step = await asyncio.to_thread(
                partition.kept.fold,
                inputs,
                partition=batch.partition,
                limits=around.points.limit_w,
                others=around.plans.all(),
            )
            effects.changes[table] = _changes(partition.kept, step)
            effects.outputs = {
                topics.REJECTED_EV_SESSIONS.name: refused,
                topics.CHARGE_DIRECTIVES.name: list(codec.messages(step.directives)),
                topics.CHARGE_PROMISES.name: list(codec.messages(step.promises)),
            }
            effects.routed[topics.CHARGE_PLANS.name] = list(codec.plans(step.plans))
            _observe(step, partition, seconds=time.perf_counter() - began)
            await app.delivery.commit(batch, effects)


def _read(
    app: App, batch: Batch, charging: Charging, around: _Surroundings
) -> tuple[list[Input], Messages]:
    """Return what a batch tells, and the refusals of its sessions."""
    topic = batch.tp.topic[len(app.topic_prefix) :]
    inputs: list[Input] = []
    refused: Messages = []
    reported: dict[tuple[str, str], EvSession] = {}
    for record in batch.records:
        if topic == topics.EV_SESSIONS.name:
            read = _judged(record, charging, reported, around)
            if isinstance(read, Refused):
                metrics.REFUSED.labels(read.rule).inc()
                refused.append(codec.rejection(record, read, partition=batch.partition))
            else:
                inputs.append(read)
                reported[read.community_id, read.session_id] = read
            continue
        try:
            told = _others(topic, record)
        except ValueError as error:
            metrics.MALFORMED.inc()
            leave_out(batch, record.offset, error)
            continue
        if told is not None:
            inputs.append(told)
    return inputs, refused


def _others(topic: str, record: Record) -> Input | ClosedMinute | None:
    if topic == topics.COMMUNITY_MINUTES.name:
        return codec.closed_minute(record.value)
    return codec.shed_order(record.value)


def _judged(
    record: Record,
    charging: Charging,
    reported: Mapping[tuple[str, str], EvSession],
    around: _Surroundings,
) -> EvSession | Refused:
    """Judge a record; `reported`: the sessions of its batch before it, by community and id."""
    session = codec.session(record.value)
    if isinstance(session, Refused):
        return session
    name = session.community_id, session.session_id
    refused = judge(
        session,
        key=None if record.key is None else record.key.decode(errors="replace"),
        known=reported.get(name) or charging.known(*name),
        registered=around.points.place(session.meter_id, at=session.plugged_in),
        must_be_registered=around.settings.unregistered is Unregistered.REFUSE,
        now=clock.epoch_now(),
        policy=charging.policy,
    )
    return session if refused is None else refused


def _changes(charging: Charging, step: Step) -> Changes:
    changes: Changes = {}
    for name in step.sessions:
        changes[tables.sessions_key(name)] = tables.encode_sessions(charging.communities[name])
    for name in step.minutes:
        changes[tables.minutes_key(name)] = tables.encode_minutes(charging.communities[name])
    for name in step.histories:
        changes[tables.history_key(name)] = tables.encode_history(charging.communities[name])
    if step.clock_moved:
        changes[tables.CLOCK_KEY] = tables.encode_clock(charging.clock)
    return changes


def _observe(step: Step, partition: Partition[Charging], *, seconds: float) -> None:
    metrics.count(step)
    if step.plans:
        metrics.PLANNING.observe(seconds)
        metrics.show_chargers(partition.number, partition.kept)
        for plan in step.plans:
            logger.info("%s", _in_words(plan))
    partition.measure(now=clock.epoch_now())


def _in_words(plan: ChargePlan) -> str:
    return (
        f"partition {plan.partition}: {plan.sessions} vehicles planned from {plan.period_start} "
        f"on, gap {plan.gap:.3%}, {(plan.asked_mwh - plan.planned_mwh) / 1e6:.1f} kWh unmet"
    )
