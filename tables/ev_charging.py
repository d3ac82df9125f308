"""What charging remembers, in the table `ev-charging`.

Under a community: its sessions, until a day after they ended, and regulation's orders; its closed
minutes of the last quarter-hours; what it drew without vehicles in the last 8 days (3 kB, written
once a quarter-hour). Under the partition: how far it has come, and its last plan. Ended sessions
are dropped; the rest of a community stays, and does not grow.
"""

import struct
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import orjson
from faust import Table

from schemas.ev_charging import ChargePlan, ChargerState, EvSession, Shortage
from streams.delivery.app import App
from streams.domain.ev_charging import ChargingPolicy, Kept, Order, Told
from streams.domain.ev_charging_loads import Community, Minute, Shed
from streams.domain.ev_charging_nights import Charging, Clock
from tables.minutes import SchemaError
from tables.store import Store

SCHEMA: Final = 1
CLOCK_KEY: Final = b"\x04"

# No id begins with one of these, so that no key is taken for another's.
_SESSIONS, _MINUTES, _HISTORY = b"\x01", b"\x02", b"\x03"
_HISTORY_HEAD: Final = struct.Struct("<BQ")


def declare(app: App) -> Table[bytes, bytes]:
    """Declare the table."""
    return app.bytes_table("ev-charging")


def sessions_key(community_id: str) -> bytes:
    """Return the key of a community's sessions."""
    return _SESSIONS + community_id.encode()


def minutes_key(community_id: str) -> bytes:
    """Return the key of a community's closed minutes."""
    return _MINUTES + community_id.encode()


def history_key(community_id: str) -> bytes:
    """Return the key of what a community drew."""
    return _HISTORY + community_id.encode()


def encode_sessions(community: Community) -> bytes:
    """Return a community's sessions, and orders to draw less, as bytes."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "sessions": [_row(kept) for kept in community.sessions.values()],
            "sheds": [[order_id, *shed] for order_id, shed in community.sheds.items()],
            "vehicles": list(community.vehicles.items()),
        }
    )


def encode_minutes(community: Community) -> bytes:
    """Return a community's closed minutes as bytes."""
    minutes = [[minute, *told] for minute, told in community.minutes.items()]
    return orjson.dumps({"schema": SCHEMA, "minutes": minutes})


def encode_history(community: Community) -> bytes:
    """Return what a community drew as bytes."""
    head = _HISTORY_HEAD.pack(SCHEMA, community.history_end)
    return head + community.history.astype("<f4").tobytes()


def encode_clock(clock: Clock) -> bytes:
    """Return how far a partition has come as bytes."""
    plan = None if clock.plan is None else clock.plan.model_dump(mode="json")
    return orjson.dumps(
        {"schema": SCHEMA, "newest": clock.newest, "planned": clock.planned, "plan": plan}
    )


def load(policy: ChargingPolicy, store: Store) -> Charging:
    """Return a partition's vehicles as the table has them.

    Raises:
        SchemaError: If a later version wrote it.
    """
    return restore(policy, store.items(_SESSIONS, prefix=b""))


def restore(policy: ChargingPolicy, records: Iterable[tuple[bytes, bytes]]) -> Charging:
    """Return the vehicles that records of the table hold, whatever their order.

    Raises:
        SchemaError: If a later version wrote them.
    """
    charging = Charging(policy)
    for key, data in records:
        kind = key[:1]
        if kind == CLOCK_KEY:
            charging.clock = _clock(_checked(data))
        elif kind in _KINDS:
            community = charging.communities.setdefault(key[1:].decode(), Community())
            _KINDS[kind](community, data)
    return charging


def _take_sessions(community: Community, data: bytes) -> None:
    stored = _checked(data)
    community.sessions = {row[0]["session_id"]: _kept(row) for row in stored["sessions"]}
    community.sheds = {order_id: Shed(*shed) for order_id, *shed in stored["sheds"]}
    community.vehicles = dict(stored["vehicles"])


def _take_minutes(community: Community, data: bytes) -> None:
    minutes = _checked(data)["minutes"]
    community.minutes = {minute: Minute(*told) for minute, *told in minutes}


def _take_history(community: Community, data: bytes) -> None:
    schema, end = _HISTORY_HEAD.unpack_from(data)
    _require(schema)
    community.history_end = end
    community.history = np.frombuffer(data, "<f4", offset=_HISTORY_HEAD.size).astype(np.float64)


_KINDS: Final = {_SESSIONS: _take_sessions, _MINUTES: _take_minutes, _HISTORY: _take_history}


def _clock(stored: dict[str, Any]) -> Clock:
    plan = stored["plan"]
    return Clock(
        stored["newest"],
        stored["planned"],
        None if plan is None else ChargePlan.model_validate(plan),
    )


def _row(kept: Kept) -> list[object]:
    return [
        kept.session.model_dump(mode="json"),
        kept.heard,
        [[quarter, *order] for quarter, order in kept.orders.items()],
        kept.lags,
        kept.step,
        None if kept.told is None else list(kept.told),
    ]


def _kept(row: list[Any]) -> Kept:
    session, heard, orders, lags, step, told = row
    return Kept(
        EvSession.model_validate(session),
        heard,
        {quarter: Order(*order) for quarter, *order in orders},
        lags,
        step,
        None if told is None else Told(told[0], Shortage(told[1]), ChargerState(told[2]), told[3]),
    )


def _checked(data: bytes) -> dict[str, Any]:
    stored: dict[str, Any] = orjson.loads(data)
    _require(stored["schema"])
    return stored


def _require(schema: int) -> None:
    if schema != SCHEMA:
        raise SchemaError(f"ev-charging table: schema {schema} is unknown here, known is {SCHEMA}")
