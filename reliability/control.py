"""What control has told in a campaign, read from topics, ClickHouse and workers, and judged."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from aiokafka import ConsumerRecord
from clickhouse_connect.driver.client import Client
from pydantic import BaseModel

from load_generator.plan import Plan
from load_generator.registered import registered
from reliability.checks import Faults, first_of, read_records
from reliability.control_checks import (
    Away,
    Closed,
    Order,
    Sent,
    faults_of_minutes,
    faults_of_orders,
    faults_of_reactions,
    faults_of_switches,
    first_told,
    in_overload,
    reactions,
)
from reliability.ground import Ground
from schemas.batteries import BatteryDirective
from schemas.ev_charging import ChargeDirective
from schemas.metering import CommunityMinute
from schemas.production import ProductionOrder, ShedOrder
from schemas.registry import Household
from schemas.regulation import RegulationMinute, SwitchDirective, SwitchState
from streams import topics
from streams.domain.regulation import Flexible
from streams.policies import regulation_policy
from streams.topics import Topic

HOUSEHOLD_LIMIT_W: Final = 200
"""So little that in most minutes of a day some community is above its limit, as nobody obeys."""

HEATER_SHARE: Final = 0.5

_STORED: Final = (
    "SELECT directive_id, toInt64(max(version)) FROM smatrix.told_switch_directives GROUP BY 1"
)
_MS: Final = 1000


class _Orders(NamedTuple):
    """A topic of orders: their schema, and the fields that name order and device."""

    topic: Topic
    schema: type[BaseModel]
    order_id: str
    device: str


_ORDERS: Final = (
    _Orders(topics.SWITCH_DIRECTIVES, SwitchDirective, "directive_id", "meter_id"),
    _Orders(topics.BATTERY_DIRECTIVES, BatteryDirective, "directive_id", "meter_id"),
    _Orders(topics.CHARGE_DIRECTIVES, ChargeDirective, "directive_id", "meter_id"),
    _Orders(topics.PRODUCTION_ORDERS, ProductionOrder, "order_id", "plant_id"),
    _Orders(topics.SHED_ORDERS, ShedOrder, "order_id", "community_id"),
)


@dataclass(frozen=True, slots=True)
class ControlCheck:
    """What was found: a line for each check, as in a result, and figures for people."""

    checks: dict[str, str]
    figures: dict[str, float]


def check_control(
    ground: Ground, client: Client, plan: Plan, aways: Collection[Away]
) -> ControlCheck:
    """Hold all orders against the rules, against what was decided, and against the clock.

    Args:
        ground: The system.
        client: Of its ClickHouse.
        plan: Of the load.
        aways: What was done to control, or to the broker, in the order of time.
    """
    settings = ground.settings
    policy = regulation_policy(settings)
    orders = [order for each in _ORDERS for order in _orders(ground, each)]
    sent = [
        Sent(record.timestamp / _MS, SwitchDirective.model_validate_json(record.value))
        for record in _read(ground, topics.SWITCH_DIRECTIVES)
    ]
    closed = [_closed(record) for record in _read(ground, topics.COMMUNITY_MINUTES)]
    decided = [
        RegulationMinute.model_validate_json(record.value)
        for record in _read(ground, topics.REGULATION_MINUTES)
    ]
    due = first_told(closed)
    starts = [moment for post in ground.crew.of("control") for moment in post.starts]
    waited = reactions(due, sent, [*starts, *(away.over for away in aways)])
    of_control = [away for away in aways if away.is_control]
    amid = in_overload(of_control, due, decided, policy=policy)
    flexible = {
        one.meter_id: Flexible(one.flexible_w, one.contract_power_w)
        for one in registered(plan.fleet())
        if isinstance(one, Household) and one.flexible_w
    }
    return ControlCheck(
        {
            "orders": first_of([*faults_of_orders(orders), *_lost(client, sent), *_broken(ground)]),
            "switches": first_of([*faults_of_switches(sent, flexible, policy=policy)]),
            "decisions": first_of([*faults_of_minutes(closed, decided, sent)]),
            "reactions": first_of([*faults_of_reactions(waited)]),
            "overload": "ok" if amid else "nothing hit control while a community was overloaded",
        },
        {
            "faults of control": len(of_control),
            "in an overload": len(amid),
            "minutes decided": len(due),
            "switched off": len(
                {one.directive_id for _, one in sent if one.state is SwitchState.OFF}
            ),
            "directives, resent and renewed": len(sent),
            "other orders": len(orders) - len(sent),
            "slowest reaction, s": round(max(waited.values(), default=0.0), 1),
        },
    )


def _read(ground: Ground, topic: Topic) -> list["ConsumerRecord[bytes, bytes]"]:
    return asyncio.run(read_records(ground.settings.broker, topic.name, "read_committed"))


def _closed(record: "ConsumerRecord[bytes, bytes]") -> Closed:
    told = CommunityMinute.model_validate_json(record.value)
    return Closed(told.community_id, told.minute, told.version, record.timestamp / _MS)


def _orders(ground: Ground, of: _Orders) -> list[Order]:
    """Return a topic's orders; that each has an end and a reason is in its schema."""
    found = []
    for record in _read(ground, of.topic):
        said: Mapping[str, Any] = of.schema.model_validate_json(record.value).model_dump()
        found.append(
            Order(
                of.topic.name,
                said[of.order_id],
                said["version"],
                said[of.device],
                said["valid_from"],
                record.value,
            )
        )
    return found


def _lost(client: Client, sent: Collection[Sent]) -> Faults:
    """Return directives of which ClickHouse does not have the last version."""
    last: dict[str, int] = {}
    for _, one in sent:
        last[one.directive_id] = max(one.version, last.get(one.directive_id, 0))
    stored = {row[0]: row[1] for row in client.query(_STORED).result_rows}
    return [
        f"{name}: version {stored.get(name)} in ClickHouse, told {version}"
        for name, version in last.items()
        if stored.get(name) != version
    ]


def _broken(ground: Ground) -> Faults:
    """Return the rules that workers found broken, those that have ended since by their logs."""
    found: Faults = []
    for post in ground.crew.posts:
        said = post.worker.metrics() if post.worker is not None else {}
        found += [f"{post.name}: {name}={said[name]:g}" for name in _BROKEN if said.get(name)]
    for path in sorted((ground.folder / "log").glob("control-*.log")):
        times = path.read_text(errors="replace").count(" CRITICAL ")
        if times:
            found.append(f"{path.name}: {times} lines are critical")
    return found


_BROKEN: Final = (
    "smatrix_regulation_invariants_broken_total",
    "smatrix_battery_unsafe_total",
    "smatrix_production_broken_orders_total",
)
