"""Files of the registry: what they say, what is wrong with them, and there and back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.registry.files import Claims, minute_of, read_claims, write_entries
from schemas.units import LATEST_MINUTE
from streams.domain.registry import Claim, Entry, Fault, RegistryError, erased
from tests.registered import (
    DAWN,
    IBAN,
    a_community,
    a_household,
    a_person,
    a_plant,
    a_technician,
)


def claims_of(folder: Path, text: str, *, name: str = "file.csv") -> Claims:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return read_claims(file)


def only_fault(claims: Claims) -> Fault:
    (fault,) = claims.faults
    return fault


def test_a_csv_file_names_its_columns_and_what_is_empty_is_not_there(tmp_path: Path) -> None:
    text = (
        "\ufeffkind,household_id,meter_id,community_id,valid_from,pv_peak_w,battery_wh\n"
        "household,h1,m1,c1,2025-01-01T01:00+01:00,5000,\n"
    )

    (claim,) = claims_of(tmp_path, text).sound

    assert claim == Claim(2, a_household(pv_peak_w=5_000))


def test_columns_at_the_end_without_a_name_or_a_value_say_nothing(tmp_path: Path) -> None:
    text = (
        "kind,household_id,meter_id,community_id,valid_from,,\n"
        "household,h1,m1,c1,2025-01-01T01:00+01:00,,\n"
    )

    assert claims_of(tmp_path, text).sound == [Claim(2, a_household())]


def test_a_line_of_json_is_an_entry(tmp_path: Path) -> None:
    text = (
        '{"kind": "community", "community_id": "c1", "connection_limit_w": 250000,'
        ' "zone": "Europe/Berlin", "valid_from": "2025-01-01T00:00Z"}\n\n'
        '{"kind": "person", "person_id": "p1", "name": "Erika Mustermann",'
        ' "email": "erika@example.org", "iban": "DE89 3704 0044 0532 0130 00"}\n'
    )

    claims = claims_of(tmp_path, text, name="file.jsonl")

    assert claims.sound == [Claim(1, a_community()), Claim(3, a_person(iban=IBAN))]


def test_each_thing_that_is_wrong_is_said_with_line_field_value_and_rule(tmp_path: Path) -> None:
    text = (
        "kind,community_id,connection_limit_w,zone,valid_from,valid_to,colour\n"
        "community,c1,much,Mars,2025-01-01T00:00,2024-01-01T00:00Z,red\n"
        "community,c2,-1,Europe/Berlin,,,\n"
        "robot,c3,1,Europe/Berlin,2025-01-01T00:00Z,,\n"
    )

    claims = claims_of(tmp_path, text)

    assert claims.sound == []
    assert {(fault.line, fault.field, fault.value) for fault in claims.faults} == {
        (2, "connection_limit_w", "much"),
        (2, "zone", "Mars"),
        (2, "valid_from", "2025-01-01T00:00"),
        (2, "colour", "red"),
        (3, "connection_limit_w", "-1"),
        (3, "valid_from", ""),
        (4, "kind", "robot"),
    }
    assert all(fault.rule for fault in claims.faults)
    assert claims.unclear == {("community", "c1"), ("community", "c2")}


@pytest.mark.parametrize(
    ("line", "field", "rule"),
    [
        ("person,p1,,,,", "name", "name is missing"),
        ("person,p1,Erika,erika,,", "email", "pattern"),
        ("person,p1,Erika,,DE89370400440532013001,", "iban", "check digits"),
        ("person,p1,Erika,,DE89,", "iban", "check digits"),
        ("person,p1,Erika,,,2025-01-01T00:00Z", "valid_from", "no field of a person"),
        ("person,,Erika,,,", "person_id", "required"),
        ("person,p1,Erika,,,,surplus", "", "more values than columns"),
    ],
)
def test_a_person_s_fields_have_their_rules(
    tmp_path: Path, line: str, field: str, rule: str
) -> None:
    fault = only_fault(claims_of(tmp_path, f"kind,person_id,name,email,iban,valid_from\n{line}\n"))

    assert (fault.line, fault.field) == (2, field)
    assert rule in fault.rule


def test_a_validity_does_not_end_before_it_begins(tmp_path: Path) -> None:
    text = (
        '{"kind": "technician", "technician_id": "p1", "valid_from": "2025-01-01T00:00Z",'
        ' "valid_to": "2024-12-31T23:59Z"}'
    )

    fault = only_fault(claims_of(tmp_path, text, name="file.jsonl"))

    assert (fault.field, fault.value) == ("valid_to", "2024-12-31T23:59Z")


@pytest.mark.parametrize(
    "time",
    [
        "2025-01-01",
        "2025-01-01T00:00",
        "2025-01-01T00:00:01Z",
        "1969-12-31T23:59Z",
        "soon",
        17,
        True,
    ],
)
def test_a_time_is_a_whole_minute_with_its_offset(tmp_path: Path, time: object) -> None:
    said = str(time).lower() if isinstance(time, bool | int) else f'"{time}"'
    text = f'{{"kind": "technician", "technician_id": "p1", "valid_from": {said}}}'

    assert only_fault(claims_of(tmp_path, text, name="file.jsonl")).field == "valid_from"


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.csv", "name,zone\n", 1),
        ("a.csv", "", 1),
        ("a.csv", 'kind,name\nplant,"a"b\n', 2),
        ("a.jsonl", "\n[1]\n", 2),
        ("a.jsonl", "{kind}\n", 1),
    ],
)
def test_a_line_that_is_none_is_a_fault(tmp_path: Path, name: str, text: str, line: int) -> None:
    assert only_fault(claims_of(tmp_path, text, name=name)).line == line


def test_a_text_over_several_lines_begins_where_it_begins(tmp_path: Path) -> None:
    text = 'kind,person_id,name,address\nperson,p1,Erika,"Heide 17\n51147 Köln"\nperson,p2,,\n'

    claims = claims_of(tmp_path, text)

    assert [claim.line for claim in claims.sound] == [2]
    assert only_fault(claims).line == 4


def test_a_file_that_is_no_text_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_bytes(b"kind\n\xff")

    for name in ("file.csv", "missing.csv"):
        with pytest.raises(RegistryError, match=name):
            read_claims(tmp_path / name)


def test_the_erased_are_in_no_file() -> None:
    assert write_entries([erased(a_person(), now_ms=5)], as_csv=False) == ""


def test_an_option_s_minute_follows_the_same_rule() -> None:
    assert minute_of("2025-01-01T00:00Z") == DAWN
    with pytest.raises(RegistryError, match="--at noon is not a whole minute"):
        minute_of("noon")
    with pytest.raises(RegistryError, match="PERIOD noon is not a whole minute"):
        minute_of("noon", named="PERIOD")


def test_a_line_that_is_nested_without_an_end_is_a_fault(tmp_path: Path) -> None:
    claims = claims_of(tmp_path, "[" * 100_000, name="file.jsonl")

    assert only_fault(claims).rule.startswith("not JSON: ")


powers = st.none() | st.integers(0, 10**12)
minutes = st.integers(0, LATEST_MINUTE // 60).map(lambda minute: minute * 60)
texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(a_community, texts, name=texts, valid_from=minutes),
    st.builds(
        a_household,
        texts,
        texts,
        meter_id=texts,
        customer_id=st.none() | texts,
        valid_from=minutes,
        contract_power_w=powers,
        pv_peak_w=powers,
        battery_wh=powers,
        ev_charger_w=powers,
    ),
    st.builds(a_person, texts, name=texts, address=st.none() | texts),
    st.builds(a_plant, texts, name=texts, minimum_w=st.integers(0, 10)),
    st.builds(a_technician, texts, community_id=st.none() | texts),
)


@pytest.mark.parametrize("name", ["file.csv", "file.jsonl"])
@given(written=st.lists(entries, max_size=5))
def test_what_is_written_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, name: str, written: list[Entry]
) -> None:
    text = write_entries(written, as_csv=name.endswith(".csv"))

    claims = claims_of(tmp_path_factory.mktemp("there"), text, name=name)

    assert claims.faults == []
    assert [claim.entry for claim in claims.sound] == written
