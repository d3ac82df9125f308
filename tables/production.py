"""What production remembers.

`plant-readings`: under plant and minute the reading that stands, deleted when it can't be corrected
any more. `battery-commitments`: under its id each directive of the last hour. `production`, in the
partition of the grid: minutes and quarter-hours of the grid (deleted after hours and weeks), the
state of each plant (as many as ever reported), what batteries are told (an hour), what communities
are asked to shed, and what was decided last; written when it changes.
"""

from collections.abc import Iterator, Mapping
from struct import Struct
from typing import Any, Final

import orjson
from faust import Table

from schemas.production import BatteryCommitment, PlantMinute
from streams.delivery.app import App
from streams.domain.communities import NEVER
from streams.domain.forecast_learned import LearnedPolicy
from streams.domain.plant_readings import Kept, Readings
from streams.domain.production import ProductionPolicy
from streams.domain.production_commitments import Commitments, Committed, GridCommitments
from streams.domain.production_evaluator import Evaluator, Shedding
from streams.domain.production_history import History, Load, Quarter
from streams.domain.production_plants import PlantState
from tables.minutes import SchemaError
from tables.store import Store

SCHEMA: Final = 1

# No id begins with one of these, so that no key is taken for a community's.
_MINUTE, _QUARTER, _PLANT = b"\x01", b"\x02", b"\x03"
_READING: Final = b"\x04"
SHEDDING_KEY: Final = b"\x05"
DECIDED_KEY: Final = b"\x06"
_GRID_COMMITMENT, _COMMITMENT = b"\x07", b"\x08"
_TIME: Final = Struct(">q")
_PERIOD_AND_PARTITION: Final = Struct(">cqq")


def declare_readings(app: App) -> Table[bytes, bytes]:
    """Declare the table of plants' readings."""
    return app.bytes_table("plant-readings")


def declare(app: App) -> Table[bytes, bytes]:
    """Declare the table of what is decided from."""
    return app.bytes_table("production")


def declare_commitments(app: App) -> Table[bytes, bytes]:
    """Declare the table of batteries' directives."""
    return app.bytes_table("battery-commitments")


def commitment_key(directive_id: str) -> bytes:
    """Return the key of a battery's directive."""
    return _COMMITMENT + directive_id.encode()


def grid_commitment_key(period: int, partition: int) -> bytes:
    """Return the key of what a partition's batteries are told in a period."""
    return _PERIOD_AND_PARTITION.pack(_GRID_COMMITMENT, period, partition)


def encode_grid_commitment(commitment: BatteryCommitment) -> bytes:
    """Return what a partition's batteries are told as bytes."""
    return encode(commitment.model_dump())


def load_commitments(store: Store) -> Commitments:
    """Return the directives of a partition's batteries.

    Raises:
        SchemaError: If a later version wrote them.
    """
    return Commitments(
        (key[1:].decode(), Committed(*decode(data)))
        for key, data in store.items(_COMMITMENT, prefix=_COMMITMENT)
    )


def reading_key(plant_id: str, minute: int) -> bytes:
    """Return the key of a plant's minute."""
    return _READING + _TIME.pack(minute) + plant_id.encode()


def minute_key(minute: int) -> bytes:
    """Return the key of a minute of the grid."""
    return _MINUTE + _TIME.pack(minute)


def quarter_key(start: int) -> bytes:
    """Return the key of a quarter-hour of the grid."""
    return _QUARTER + _TIME.pack(start)


def plant_key(plant_id: str) -> bytes:
    """Return the key of a plant's state."""
    return _PLANT + plant_id.encode()


def encode(content: object) -> bytes:
    """Return plain content as bytes."""
    return orjson.dumps([SCHEMA, content], option=orjson.OPT_NON_STR_KEYS)


def encode_tuple(content: tuple[object, ...]) -> bytes:
    """Return a reading that stands, a minute or a quarter-hour as bytes."""
    return encode(list(content))


def encode_plant(state: PlantState) -> bytes:
    """Return a plant's state as bytes."""
    return encode(
        {
            "last": state.last.model_dump(),
            "expected": list(state.expected_w.items()),
            "held": state.held_w,
            "judged": [state.judged, state.missed, state.followed, state.disobeys],
        }
    )


def encode_shedding(shedding: Shedding) -> bytes:
    """Return what is asked of communities as bytes."""
    return encode([dict(shedding.by_community), list(shedding.totals.items())])


def decode(data: bytes) -> Any:  # noqa: ANN401 - as it was encoded
    """Return what bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    schema, content = orjson.loads(data)
    if schema != SCHEMA:
        raise SchemaError(f"production tables: schema {schema} is unknown here, known is {SCHEMA}")
    return content


def decode_plant(data: bytes) -> PlantState:
    """Return the plant's state that bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    stored = decode(data)
    judged, missed, followed, disobeys = stored["judged"]
    return PlantState(
        last=PlantMinute.model_validate(stored["last"]),
        expected_w=dict(stored["expected"]),
        held_w=stored["held"],
        judged=judged,
        missed=missed,
        followed=followed,
        disobeys=disobeys,
    )


def decode_shedding(data: bytes) -> Shedding:
    """Return what was asked of communities, from bytes.

    Raises:
        SchemaError: If a later version wrote them.
    """
    by_community, totals = decode(data)
    return Shedding(by_community, dict(totals))


def load_readings(store: Store) -> Readings:
    """Return the readings that stand in a partition.

    Raises:
        SchemaError: If a later version wrote them.
    """
    minutes = {}
    for key, data in store.items(_READING, prefix=_READING):
        (minute,) = _TIME.unpack_from(key, 1)
        minutes[key[1 + _TIME.size :].decode(), minute] = Kept(*decode(data))
    return Readings.of(minutes)


def load(
    store: Store, policy: ProductionPolicy, forecasting: LearnedPolicy, *, retention_s: int
) -> Evaluator:
    """Return the evaluator as it was.

    Raises:
        SchemaError: If a later version wrote it.
    """
    shedding, decided = store.get(SHEDDING_KEY), store.get(DECIDED_KEY)
    minute, version, planned = (NEVER, 0, NEVER) if decided is None else decode(decided)
    return Evaluator(
        policy,
        forecasting,
        history=History(
            retention_s=retention_s,
            minutes=((at, Load(*row)) for at, row in _times(store, _MINUTE)),
            quarters=((at, Quarter(*row)) for at, row in _times(store, _QUARTER)),
        ),
        plants=_plants(store),
        commitments=GridCommitments(
            BatteryCommitment.model_validate(decode(data))
            for _, data in store.items(_GRID_COMMITMENT, prefix=_GRID_COMMITMENT)
        ),
        shedding=None if shedding is None else decode_shedding(shedding),
        decided=(minute, version, planned),
    )


def _plants(store: Store) -> Mapping[str, PlantState]:
    return {
        key[1:].decode(): decode_plant(data) for key, data in store.items(_PLANT, prefix=_PLANT)
    }


def _times(store: Store, tag: bytes) -> Iterator[tuple[int, list[Any]]]:
    for key, data in store.items(tag, prefix=tag):
        yield _TIME.unpack_from(key, 1)[0], decode(data)
