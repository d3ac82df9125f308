"""What batteries remembers: each community's closed periods, and what was told of the next.

`battery-periods` is keyed by community and period: the community's net load, and of each household
with a battery its net load and the battery's level. A record is written when its period closes or
is corrected, and deleted 8 days behind the community's newest period: 768 a community.

`battery-communities` is keyed by community: what was told for the newest two periods, how often,
and up to when regulation limits it. It is written with each decision, and stays.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final

import orjson
from faust import Table

from streams.delivery.app import App
from streams.domain.batteries import Order
from streams.domain.batteries_communities import Community, Fleet, Measured, Period
from streams.domain.batteries_deciding import BatteryPolicy
from tables.minutes import SchemaError
from tables.store import Store

SCHEMA: Final = 1
_START: Final = struct.Struct(">Q")  # big-endian: keys of a community sort by time


@dataclass(frozen=True, slots=True)
class BatteryTables:
    """Both tables, declared."""

    periods: Table[bytes, bytes]
    communities: Table[bytes, bytes]


def declare(app: App) -> BatteryTables:
    """Declare the tables."""
    return BatteryTables(app.bytes_table("battery-periods"), app.bytes_table("battery-communities"))


def key(community_id: str, start: int) -> bytes:
    """Return the key of a community's period."""
    return b"%s\0%s" % (community_id.encode(), _START.pack(start))


def encode(period: Period) -> bytes:
    """Return a period as bytes."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "version": period.version,
            "nets": list(period.nets.items()),
            "whole": period.is_whole,
            "batteries": [[meter, *measured] for meter, measured in period.batteries.items()],
        }
    )


def decode(data: bytes) -> Period:
    """Return the period that bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    stored = _checked(data, "battery-periods")
    return Period(
        version=stored["version"],
        nets=dict(stored["nets"]),
        is_whole=stored["whole"],
        batteries={meter: Measured(*row) for meter, *row in stored["batteries"]},
    )


def encode_community(community: Community) -> bytes:
    """Return a community without its periods as bytes."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "decided": community.decided,
            "steps": community.steps,
            "limited_until": community.limited_until,
            "standing": [
                [start, [[meter, *order] for meter, order in orders.items()]]
                for start, orders in community.standing.items()
            ],
        }
    )


def decode_community(data: bytes) -> Community:
    """Return the community that bytes hold, without its periods.

    Raises:
        SchemaError: If a later version wrote them.
    """
    stored = _checked(data, "battery-communities")
    return Community(
        decided=stored["decided"],
        steps=stored["steps"],
        limited_until=stored["limited_until"],
        standing={
            start: {meter: Order(*order) for meter, *order in orders}
            for start, orders in stored["standing"]
        },
    )


def load(policy: BatteryPolicy, *, of_periods: Store, of_communities: Store) -> Fleet:
    """Return a partition's communities as the tables have them.

    Raises:
        SchemaError: If a later version wrote them.
    """
    communities = {
        record_key.decode(): decode_community(data)
        for record_key, data in of_communities.items(b"", prefix=b"")
        if not record_key.startswith(_FAUST)
    }
    for record_key, data in of_periods.items(b"", prefix=b""):
        if not record_key.startswith(_FAUST):
            name = record_key[: -_START.size - 1].decode()
            start: int = _START.unpack(record_key[-_START.size :])[0]
            communities.setdefault(name, Community()).periods[start] = decode(data)
    return Fleet(policy, communities)


_FAUST: Final = b"__faust\0"
"""Begins the keys of what Faust keeps beside ours."""


def _checked(data: bytes, table: str) -> dict[str, Any]:
    stored: dict[str, Any] = orjson.loads(data)
    if stored["schema"] != SCHEMA:
        raise SchemaError(
            f"{table} table: schema {stored['schema']} is unknown here, known is {SCHEMA}"
        )
    return stored
