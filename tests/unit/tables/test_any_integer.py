"""Whatever integer a device, a plant, a charger or an operator sends: refused, or kept as it came.

JSON has integers of any size; tables and ClickHouse have those of 64 bits.
"""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.regulation import SwitchState
from sinks.clickhouse.battery_rows import price_rows
from sinks.clickhouse.ev_charging_rows import rejected_session_rows
from sinks.clickhouse.registry_rows import (
    registered_community_rows,
    registered_household_rows,
    registered_person_rows,
    registered_plant_rows,
    registered_technician_rows,
)
from sinks.clickhouse.regulation_rows import directive_ack_rows
from sinks.clickhouse.rejection_rows import rejection_rows
from streams import topics
from streams.codecs import ev_charging as ev_codec
from streams.codecs import prices as price_codec
from streams.codecs import production as production_codec
from streams.codecs import registry as registry_codec
from streams.codecs import regulation as regulation_codec
from streams.codecs.judgement import judge as judge_frame
from streams.codecs.results import rejected_reading
from streams.domain.ev_charging import Refused as RefusedSession
from streams.domain.ev_charging import judge as judge_session
from streams.domain.ev_charging import take as take_session
from streams.domain.ev_charging_loads import Community as Vehicles
from streams.domain.frames import MeterList, Rejection
from streams.domain.plant_readings import Kept, ReadingPolicy, Readings, Refused, refusal
from streams.domain.prices import PriceBook
from streams.domain.registry import Entry, kind_of
from streams.domain.regulation_communities import Regulation
from streams.domain.rosters import Rosters
from streams.domain.windows import WindowPolicy, Windows
from streams.records import Record
from tables import ev_charging as ev_tables
from tables import minutes as minute_tables
from tables import production as production_tables
from tables import regulation as regulation_tables
from tests.builders import NOON, a_frame
from tests.registered import a_community, a_household, a_person, a_plant, a_technician
from tests.unit.domain.regulating import GRID, POLICY, Played, a_choice, an_answer
from tests.unit.ev_charging.playing import EVENING, a_session
from tests.unit.ev_charging.playing import POLICY as CHARGING

MAX_BYTES = 1 << 20
LATER = 2**34

Document = dict[str, Any]

integers = st.one_of(
    st.integers(),
    st.integers(0, 2**70),
    st.integers(0, 2**64 // 900).map(lambda number: number * 900),
    st.sampled_from([2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30]),
)


def integers_of(document: Document) -> list[str]:
    return [name for name, value in document.items() if type(value) is int]


def with_any_integer(document: Document) -> st.SearchStrategy[bytes]:
    """Return the document's bytes with any integer in the place of one of its own."""
    return st.tuples(st.sampled_from(integers_of(document)), integers).map(
        lambda change: json.dumps(document | dict([change])).encode()
    )


ASKED = Played(answers=False).minute(1, 103_000)
(PLACE, SWITCH), *_ = ASKED.switches.items()
ACK = an_answer(SWITCH.directive.directive_id, SWITCH.directive.meter_id).model_dump(mode="json")
CHOICE = a_choice("m1", SwitchState.ON).model_dump(mode="json") | {"valid_until": NOON}


def told_regulation(topic: topics.Topic, value: bytes) -> Regulation | None:
    """Return what regulation is after a record, None where it can't be read."""
    regulation = Regulation(POLICY, switches={"c1": {PLACE[1]: SWITCH}})
    try:
        given = regulation_codec.read(topic.name, Record(0, 0, b"c1", value))
    except ValueError:
        return None
    regulation.fold([given], now=NOON, registered=lambda _, __: GRID)
    return regulation


@given(with_any_integer(ACK))
@example(json.dumps(ACK | {"minute": 2**64 // 60 * 60 + 60}).encode())
def test_an_answer_of_a_terminal(value: bytes) -> None:
    regulation = told_regulation(topics.DIRECTIVE_ACKS, value)

    if regulation is not None:
        switch = regulation.switches["c1"][PLACE[1]]
        assert regulation_tables.decode_switch(regulation_tables.encode_switch(switch)) == switch
    kept = directive_ack_rows([value])
    assert len(kept.malformed) == (regulation is None)


@given(with_any_integer(CHOICE))
@example(json.dumps(CHOICE | {"valid_from": 2**64}).encode())
@example(json.dumps(CHOICE | {"valid_until": 2**64}).encode())
def test_a_choice_of_a_customer(value: bytes) -> None:
    regulation = told_regulation(topics.SWITCH_CHOICES, value)

    if regulation is not None:
        community = regulation.communities["c1"]
        stored = regulation_tables.encode_community(community)
        assert regulation_tables.decode_community("c1", stored) == community


SESSION = a_session(minute=EVENING, charged_wh=0).model_dump(mode="json") | {
    "energy_wh": 20_000,
    "charged_wh": 0,
}


@given(with_any_integer(SESSION))
@example(json.dumps(SESSION | {"version": 2**64 - 1}).encode())
@example(json.dumps(SESSION | {"version": 2**64}).encode())
def test_a_report_of_a_vehicle(value: bytes) -> None:
    session = ev_codec.session(value)

    if isinstance(session, RefusedSession):
        _, told = ev_codec.rejection(Record(0, 0, b"c1", value), session, partition=0)
        assert not rejected_session_rows([told]).malformed
        return
    if judge_session(
        session,
        key="c1",
        known=None,
        registered=None,
        must_be_registered=False,
        now=LATER,
        policy=CHARGING,
    ):
        return
    kept = take_session(None, session)
    assert kept is not None
    stored = ev_tables.encode_sessions(Vehicles(sessions={"s1": kept}))
    again = ev_tables.restore(CHARGING, [(ev_tables.sessions_key("c1"), stored)])
    assert again.communities["c1"].sessions == {"s1": kept}


READING = {
    "plant_id": "w1",
    "minute": NOON,
    "production_w": 5,
    "available_w": 5,
    "sequence": 1,
}


@given(with_any_integer(READING))
def test_a_reading_of_a_plant(value: bytes) -> None:
    said = production_codec.plant_reading(value)

    if isinstance(said, Refused):
        _, minute = production_codec.claimed(value)
        _, told = rejected_reading(
            Rejection(0, said.rule, said.detail, minute=minute),
            Record(0, 0, b"w1", value),
            topic="plant-readings",
            partition=0,
            received_at_ms=0,
        )
        assert not rejection_rows([told]).malformed
        return
    policy = ReadingPolicy(max_ahead_s=180, retention_s=7_200, cap_factor=1.1)
    if refusal(said, key=b"w1", plant=a_plant(), newest=None, now=LATER, policy=policy):
        return
    readings = Readings()
    readings.take(said, place=0)
    ((place, kept),) = readings.minutes.items()
    assert production_tables.reading_key(*place)
    assert Kept(*production_tables.decode(production_tables.encode_tuple(kept))) == kept


FRAME = a_frame("c1") | {"sequence": 1, "first_offset": 1}


@given(
    with_any_integer(FRAME)
    | integers.map(lambda wh: json.dumps(a_frame("c1", consumption_wh=[wh])).encode())
)
def test_a_frame_of_a_terminal(value: bytes) -> None:
    judged = judge_frame(b"c1", value, offset=7, generation=0, max_bytes=MAX_BYTES)

    frames = [] if judged.frame is None else [judged.frame]
    policy = WindowPolicy(allowed_lateness_s=120, retention_s=48 * 3600, max_ahead_s=180)
    windows = Windows(policy, read=lambda *_: None)
    step = windows.fold(frames, now=LATER, clock=0.0)
    for place, minute in step.minutes.items():
        assert minute_tables.key(*place)
        again = minute_tables.decode(minute_tables.encode(minute))
        assert (again.ranks, again.cells.tolist()) == (minute.ranks, minute.cells.tolist())


PRICE = {"period_start": NOON, "version": 1, "price_eur_per_mwh": 5, "kind": "day_ahead"}


@given(with_any_integer(PRICE))
def test_a_price_of_an_operator(value: bytes) -> None:
    kept = price_rows([value])

    if not kept.malformed:
        price = price_codec.decode(value)
        book = PriceBook()
        assert book.take(price)
        prospect = book.prospect(price.period_start, 1)
        assert prospect is not None
        assert price_codec.decode(price_codec.encode(price)[1]) == price


ROWS_OF = {
    "community": registered_community_rows,
    "household": registered_household_rows,
    "person": registered_person_rows,
    "plant": registered_plant_rows,
    "technician": registered_technician_rows,
}
ENTRIES: list[Entry] = [
    a_community(),
    a_household(
        valid_to=NOON,
        contract_power_w=1,
        pv_peak_w=1,
        battery_wh=1,
        ev_charger_w=1,
        register_maximum_wh=1,
        flexible_w=1,
    ),
    a_person(),
    a_plant(minimum_w=1, ramp_w_per_minute=1, co2_g_per_kwh=1),
    a_technician(),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=kind_of)
@given(st.data())
def test_an_entry_of_the_registry(entry: Entry, data: st.DataObject) -> None:
    kind, value = kind_of(entry), data.draw(with_any_integer(entry.model_dump(mode="json")))

    kept = ROWS_OF[kind]([value])

    if not kept.malformed:
        assert registry_codec.encode(registry_codec.decode(kind, value))


@given(with_any_integer(ENTRIES[1].model_dump(mode="json")))
def test_a_household_whose_readings_are_held_against_it(value: bytes) -> None:
    rosters = Rosters(learns=False)
    try:
        household = registry_codec.decode("household", value)
    except registry_codec.UnreadableEntryError:
        return

    rosters.take(household)  # type: ignore[arg-type]  # a household is one
    roster = rosters.at("c1", NOON)

    assert roster is not None
    caps = roster.of(MeterList(("m1",))).caps
    assert caps.min(initial=0) >= 0
