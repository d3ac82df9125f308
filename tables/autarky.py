"""What autarky remembers: each community's closed periods, and who stood where after them.

`autarky-periods` is keyed by community and period: what was measured in it, and where each
household and the community stood after it. A record is written when its period closes and when
something before it is corrected. It is deleted once its period can't be corrected any more: the
retention (that of metering's windows and an hour) behind the community's newest period, but for
one, from which the others go on. So a community has at most 194 of them by default.

`autarky-communities` is keyed by community: which of its periods are kept. It stays, as the
community's newest period does. A household that has been silent for the retention is in neither.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from faust import Table

from schemas.autarky import AutarkyState
from streams.delivery.app import App
from streams.domain.autarky import Flows, Ledger
from streams.domain.autarky_communities import Autarky, Community
from streams.domain.autarky_periods import Change, Period
from streams.domain.autarky_states import AutarkyPolicy, Trail
from tables.minutes import SchemaError
from tables.store import Store

SCHEMA: Final = 1
_START: Final = struct.Struct(">Q")  # big-endian: keys of a community sort by time
_STATES: Final = tuple(AutarkyState)


@dataclass(frozen=True, slots=True)
class AutarkyTables:
    """Both tables, declared."""

    periods: Table[bytes, bytes]
    communities: Table[bytes, bytes]


def declare(app: App) -> AutarkyTables:
    """Declare the tables."""
    return AutarkyTables(app.bytes_table("autarky-periods"), app.bytes_table("autarky-communities"))


def key(community_id: str, start: int) -> bytes:
    """Return the key of a community's period."""
    return b"%s\0%s" % (community_id.encode(), _START.pack(start))


def encode(period: Period) -> bytes:
    """Return a period as bytes."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "version": period.version,
            "parts": sorted(period.parts),
            "whole": period.is_whole,
            "subjects": [
                [subject, _row(period.flows.get(subject)), *_trail_row(trail)]
                for subject, trail in period.trails.items()
            ],
            "changes": [
                [subject, _code(change.from_state), _code(change.to_state), *change[2:]]
                for subject, change in period.changes.items()
            ],
        }
    )


def decode(data: bytes) -> Period:
    """Return the period that bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    stored = _checked(data, "autarky-periods")
    period = Period(stored["version"], frozenset(stored["parts"]), stored["whole"])
    for subject, flows, *row in stored["subjects"]:
        if flows is not None:
            period.flows[subject] = Flows(*flows)
        period.trails[subject] = _trail(*row)
    for subject, before, after, *figures in stored["changes"]:
        period.changes[subject] = Change(_STATES[before], _STATES[after], *figures)
    return period


def encode_community(community: Community) -> bytes:
    """Return which periods of a community are kept, as bytes."""
    return orjson.dumps({"schema": SCHEMA, "starts": community.starts})


def load(policy: AutarkyPolicy, *, of_periods: Store, of_communities: Store) -> Autarky:
    """Return a partition's communities as the tables have them.

    Raises:
        SchemaError: If a later version wrote them.
    """
    read = _reader(of_periods)
    communities: dict[str, Community] = {}
    for community_key, data in of_communities.items(b"", prefix=b""):
        if community_key.startswith(b"__faust\0"):
            continue
        community_id = community_key.decode()
        starts: list[int] = _checked(data, "autarky-communities")["starts"]
        head = read(community_id, starts[-1])
        if head is not None:
            communities[community_id] = Community(starts, head)
    return Autarky(policy, read=read, communities=communities)


def _reader(store: Store) -> Callable[[str, int], Period | None]:
    def read(community_id: str, start: int) -> Period | None:
        data = store.get(key(community_id, start))
        return None if data is None else decode(data)

    return read


def _row(flows: Flows | None) -> list[int | None] | None:
    return None if flows is None else list(flows)


def _trail_row(trail: Trail) -> list[int | None]:
    return [
        _code(trail.settled),
        int(trail.is_known),
        _code(trail.towards),
        trail.since,
        trail.seen,
        *trail.ledger,
    ]


def _trail(  # noqa: PLR0913, PLR0917 - a row's columns
    settled: int,
    is_known: int,
    towards: int,
    since: int | None,
    seen: int,
    solar: int,
    grid: int,
) -> Trail:
    return Trail(
        _STATES[settled], bool(is_known), _STATES[towards], since, seen, Ledger(solar, grid)
    )


def _code(state: AutarkyState) -> int:
    return _STATES.index(state)


def _checked(data: bytes, table: str) -> dict[str, Any]:
    stored: dict[str, Any] = orjson.loads(data)
    if stored["schema"] != SCHEMA:
        raise SchemaError(
            f"{table} table: schema {stored['schema']} is unknown here, known is {SCHEMA}"
        )
    return stored
