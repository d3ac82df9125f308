"""What production remembers comes back as it was."""

from streams.domain.plant_readings import Kept
from streams.domain.production_evaluator import Shedding
from streams.domain.production_history import Load, Quarter
from streams.domain.production_plants import PlantState
from tables.production import (
    decode,
    decode_plant,
    decode_shedding,
    encode_plant,
    encode_shedding,
    encode_tuple,
)
from tests.unit.sinks.messages import NOON, a_plant_minute


def test_a_plant_comes_back_with_its_orders_and_its_obedience() -> None:
    state = PlantState(
        last=a_plant_minute(version=2**62),
        expected_w={NOON: 300, NOON + 60: 320},
        held_w=320,
        judged=NOON,
        missed=2,
        followed=0,
        disobeys=True,
    )

    assert decode_plant(encode_plant(state)) == state


def test_what_is_asked_of_communities_comes_back() -> None:
    shedding = Shedding({"Ulm/3": 1_000, "c2": 1}, {NOON: 1_001, NOON + 60: 0})

    assert decode_shedding(encode_shedding(shedding)) == shedding


def test_minutes_quarters_and_readings_come_back() -> None:
    load, quarter = Load(7, -500, 300), Quarter(-499.5, 0.25, 14)
    kept = Kept(-1, 2**62, 500, 800, out_of_service=True)

    assert Load(*decode(encode_tuple(load))) == load
    assert Quarter(*decode(encode_tuple(quarter))) == quarter
    assert Kept(*decode(encode_tuple(kept))) == kept
