"""What regulation remembers: of communities, of their switches, of what their households drew.

`regulation-communities`, by community: the newest minute, for how long there has been too much,
what the grid asks, what customers chose, a day's demand; written every minute.
`regulation-switches`, by community and meter: what was ordered last; written when that changes.
`regulation-loads`, by community, quarter-hour and part: what households drew; deleted with the
quarter-hours that are kept no more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from struct import Struct
from typing import Any, Final

import orjson
from faust import Table

from schemas.regulation import Level, SwitchChoice, SwitchDirective
from schemas.units import LATEST_MINUTE
from streams.delivery.app import App
from streams.domain.regulation import Community, RegulationPolicy, Switch
from streams.domain.regulation_communities import Regulation
from streams.domain.regulation_deficits import Deficit
from streams.domain.regulation_foresight import Demand
from streams.domain.regulation_inputs import ClosedPeriod, Drawn, Loads
from tables.minutes import SchemaError
from tables.store import Store

SCHEMA: Final = 1

_SEPARATOR: Final = b"\0"
_PLACE: Final = Struct(">qi")


def declare_communities(app: App) -> Table[bytes, bytes]:
    """Declare the table of communities."""
    return app.bytes_table("regulation-communities")


def declare_switches(app: App) -> Table[bytes, bytes]:
    """Declare the table of switches."""
    return app.bytes_table("regulation-switches")


def declare_loads(app: App) -> Table[bytes, bytes]:
    """Declare the table of what households drew."""
    return app.bytes_table("regulation-loads")


def community_key(community_id: str) -> bytes:
    """Return the key of a community."""
    return community_id.encode()


def switch_key(community_id: str, meter_id: str) -> bytes:
    """Return the key of a meter's switch."""
    return community_id.encode() + _SEPARATOR + meter_id.encode()


def load_key(community_id: str, start: int, part: int) -> bytes:
    """Return the key of a part of a quarter-hour."""
    return community_id.encode() + _SEPARATOR + _PLACE.pack(start, part)


def encode_community(community: Community) -> bytes:
    """Return a community as bytes."""
    demand = community.demand
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "newest": community.newest,
            "told_at": community.told_at,
            "over": community.over,
            "let_go": community.let_go,
            "demand": [demand.periods, demand.start, demand.sum_w, demand.minutes, *demand.recent],
            "deficits": [asdict(deficit) for deficit in community.deficits],
            "choices": [choice.model_dump(mode="json") for choice in community.choices.values()],
        }
    )


def decode_community(community_id: str, data: bytes) -> Community:
    """Return the community that bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    stored = _checked(data, "regulation-communities")
    periods, start, sum_w, minutes, *recent = stored["demand"]
    demand = Demand(
        tuple((each, watts) for each, watts in periods), start, sum_w, minutes, tuple(recent)
    )
    deficits = tuple(
        Deficit(**{**fields, "level": Level(fields["level"])}) for fields in stored["deficits"]
    )
    choices = [_choice(fields) for fields in stored["choices"]]
    return Community(
        community_id=community_id,
        newest=stored["newest"],
        told_at=stored["told_at"],
        over=stored["over"],
        let_go=stored["let_go"],
        demand=demand,
        deficits=deficits,
        choices={choice.meter_id: choice for choice in choices},
    )


def _choice(fields: Mapping[str, Any]) -> SwitchChoice:
    """Return a customer's choice; one that was taken when times had no end holds up to theirs."""
    times = {
        name: min(fields[name], LATEST_MINUTE)
        for name in ("valid_from", "valid_until")
        if fields[name] is not None
    }
    return SwitchChoice.model_validate({**fields, **times})


def encode_switch(switch: Switch) -> bytes:
    """Return a switch as bytes."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "directive": switch.directive.model_dump(mode="json"),
            "times": [switch.off_at, switch.back_at, switch.sent_at, switch.refused_until],
            "relief_w": switch.relief_w,
            "level": switch.level,
            "shed_s": switch.shed_s,
            "before_s": switch.before_s,
            "is_answered": switch.is_answered,
            "obeyed": [switch.obeyed_at, switch.obeyed_until],
        }
    )


def decode_switch(data: bytes) -> Switch:
    """Return the switch that bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    stored = _checked(data, "regulation-switches")
    off_at, back_at, sent_at, refused_until = stored["times"]
    # Not kept at first: then what it obeyed, or was off before, is over.
    obeyed_at, obeyed_until = stored.get("obeyed", (0, 0))
    return Switch(
        SwitchDirective.model_validate(stored["directive"]),
        off_at=off_at,
        back_at=back_at,
        relief_w=stored["relief_w"],
        level=Level(stored["level"]),
        shed_s=stored["shed_s"],
        before_s=stored.get("before_s", 0),
        sent_at=sent_at,
        is_answered=stored["is_answered"],
        refused_until=refused_until,
        obeyed_at=obeyed_at,
        obeyed_until=obeyed_until,
    )


def encode_period(period: ClosedPeriod) -> bytes:
    """Return a part of a quarter-hour as bytes."""
    rows = [[meter, *drawn] for meter, drawn in period.drawn.items()]
    return orjson.dumps({"schema": SCHEMA, "drawn": rows})


def load(
    policy: RegulationPolicy,
    *,
    of_communities: Store,
    of_switches: Store,
    of_loads: Store,
    now: float,
) -> tuple[Regulation, dict[tuple[str, int], set[int]]]:
    """Return the regulation of a partition, and which parts of quarter-hours are stored.

    Args:
        policy: The rules.
        of_communities: The communities.
        of_switches: Their switches.
        of_loads: What their households drew.
        now: The wall clock, epoch seconds; who has told nothing is waited for from now on.

    Raises:
        SchemaError: If a later version wrote them.
    """
    communities = {
        key.decode(): decode_community(key.decode(), data) for key, data in _items(of_communities)
    }
    switches: dict[str, dict[str, Switch]] = {}
    for key, data in _items(of_switches):
        community_id, _, meter_id = key.decode().partition("\0")
        switches.setdefault(community_id, {})[meter_id] = decode_switch(data)
    loads: dict[str, Loads] = {}
    parts: dict[tuple[str, int], set[int]] = {}
    for key, data in _items(of_loads):
        name = key[: -_PLACE.size - 1].decode()
        start, part = _PLACE.unpack(key[-_PLACE.size :])
        stored = _checked(data, "regulation-loads")
        drawn = {meter: Drawn(*numbers) for meter, *numbers in stored["drawn"]}
        loads.setdefault(name, Loads()).take(ClosedPeriod(name, start, part, drawn))
        parts.setdefault((name, start), set()).add(part)
    kept = Regulation(policy, communities=communities, switches=switches, loads=loads, since=now)
    return kept, parts


def _items(store: Store) -> Iterable[tuple[bytes, bytes]]:
    for key, data in store.items(b"", prefix=b""):
        if not key.startswith(b"__faust\0"):
            yield key, data


def _checked(data: bytes, table: str) -> dict[str, Any]:
    stored: dict[str, Any] = orjson.loads(data)
    if stored["schema"] != SCHEMA:
        raise SchemaError(
            f"{table} table: schema {stored['schema']} is unknown here, known is {SCHEMA}"
        )
    return stored
