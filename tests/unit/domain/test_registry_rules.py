"""What must hold between registered entries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.registry import Household
from streams.domain.registry import Claim, Entry, Fault, Registered, erased
from streams.domain.registry_rules import register
from streams.domain.rosters import Rosters
from tests.registered import (
    DAWN,
    a_community,
    a_household,
    a_person,
    a_technician,
    registered,
)

NOW = 1_750_000_000_000
MINUTE = 60


def faults_of(*entries: Entry, before: Registered | None = None) -> list[Fault]:
    claims = [Claim(line, entry) for line, entry in enumerate(entries, start=1)]
    return register(before or {}, claims, now_ms=NOW).faults


def test_a_household_s_community_and_customer_must_be_there_or_come_with_it() -> None:
    household = a_household(customer_id="p1")

    community, customer = faults_of(household)

    assert (community.field, community.value) == ("community_id", "c1")
    assert (customer.field, customer.value) == ("customer_id", "p1")
    assert faults_of(household, a_person(), a_community()) == []
    assert faults_of(household, before=registered(a_person(), a_community())) == []


def test_nobody_becomes_the_customer_who_was_erased() -> None:
    before = registered(a_community(), erased(a_person(), now_ms=NOW))

    (fault,) = faults_of(a_household(customer_id="p1"), before=before)

    assert (fault.field, fault.rule) == ("customer_id", "the person was erased")


def test_a_household_whose_customer_was_erased_afterwards_is_not_judged_again() -> None:
    household = a_household(customer_id="p1")
    before = registered(a_community(), erased(a_person(), now_ms=NOW), household)

    assert faults_of(household, a_community("c2"), before=before) == []


def test_a_technician_is_a_person_and_works_where_there_is_a_community() -> None:
    fields = {fault.field for fault in faults_of(a_technician(community_id="c1"))}

    assert fields == {"community_id", "technician_id"}
    assert faults_of(a_technician(), a_person()) == []


@pytest.mark.parametrize(
    ("begins", "ends"), [(DAWN, None), (DAWN - MINUTE, DAWN + MINUTE), (DAWN, DAWN + 3 * MINUTE)]
)
def test_a_household_stays_while_its_community_is_there(begins: int, ends: int | None) -> None:
    community = a_community(valid_to=DAWN + 2 * MINUTE)

    (fault,) = faults_of(community, a_household(valid_from=begins, valid_to=ends))

    assert (fault.line, fault.field) == (2, "community_id")
    assert "from 2025-01-01T00:00Z to 2025-01-01T00:02Z only" in fault.rule


def test_a_community_does_not_end_before_its_households() -> None:
    before = registered(a_community(), a_household())
    ending = a_community(valid_to=DAWN + MINUTE)

    (fault,) = faults_of(ending, before=before)

    assert (fault.line, fault.value) == (1, "c1")
    assert "household h1 stays there" in fault.rule
    assert faults_of(ending, a_household(valid_to=DAWN + MINUTE), before=before) == []


def test_a_household_is_in_one_community_at_a_time() -> None:
    before = registered(a_community("c1"), a_community("c2"), a_household())

    (fault,) = faults_of(a_household(community_id="c2", valid_from=DAWN + MINUTE), before=before)

    assert (fault.line, fault.field, fault.value) == (1, "household_id", "h1")
    assert "in household h1, community c1, from 2025-01-01T00:00Z too" in fault.rule


def test_a_meter_belongs_to_one_household_at_a_time() -> None:
    before = registered(a_community(), a_household("h1", valid_to=DAWN + MINUTE))
    other = a_household("h2", meter_id="m1")

    (fault,) = faults_of(other, before=before)

    assert (fault.field, fault.value) == ("meter_id", "m1")
    later = other.model_copy(update={"valid_from": DAWN + MINUTE})
    assert faults_of(later, before=before) == []


def test_a_long_stay_is_held_against_all_that_begin_in_it() -> None:
    long = a_household("h1")
    shorts = [
        a_household(f"h{n}", meter_id="m1", valid_from=DAWN + n * 10, valid_to=DAWN + n * 10 + 60)
        for n in (6, 60)
    ]

    found = faults_of(a_community(), long, *shorts)

    assert [fault.line for fault in found] == [3, 4]


def test_a_stay_that_never_was_is_in_nobody_s_way() -> None:
    before = registered(a_community(), a_household(valid_to=DAWN))

    assert faults_of(a_household("h2", meter_id="m1"), before=before) == []


def test_every_fault_is_listed_in_the_order_of_the_lines() -> None:
    found = faults_of(
        a_household("h1", customer_id="p9"),
        a_community("c2"),
        a_household("h2", community_id="c2"),
        a_household("h3", community_id="c2", meter_id="m2"),
        a_household("h4", community_id="c8"),
    )

    assert [(fault.line, fault.field, fault.value) for fault in found] == [
        (1, "community_id", "c1"),
        (1, "customer_id", "p9"),
        (4, "meter_id", "m2"),
        (5, "community_id", "c8"),
    ]


def test_what_refers_to_a_line_that_is_wrong_itself_is_not_wrong_for_that() -> None:
    result = register({}, [Claim(2, a_household())], now_ms=NOW, unclear={("community", "c1")})

    assert result.faults == []


stays = st.builds(
    lambda household, community, meter, begins, length: a_household(
        household,
        community,
        meter_id=meter,
        valid_from=DAWN + begins * MINUTE,
        valid_to=None if length is None else DAWN + (begins + length) * MINUTE,
    ),
    st.sampled_from(["h1", "h2", "h3"]),
    st.sampled_from(["c1", "c2"]),
    st.sampled_from(["m1", "m2", "m3"]),
    st.integers(0, 4),
    st.none() | st.integers(0, 3),
)


@given(files=st.lists(st.lists(stays, max_size=4), max_size=5))
def test_whatever_is_registered_no_meter_is_in_two_places_in_any_minute(
    files: list[list[Household]],
) -> None:
    known = registered(a_community("c1"), a_community("c2"))
    for file in files:
        claims = [Claim(line, entry) for line, entry in enumerate(file, start=1)]
        known = {**known, **registered(*register(known, claims, now_ms=NOW).entries)}

    households = [entry for entry in known.values() if isinstance(entry, Household)]
    rosters = Rosters(learns=False)
    for household in households:
        rosters.take(household)
    for minute in range(DAWN, DAWN + 10 * MINUTE, MINUTE):
        found = [rosters.at(community, minute) for community in ("c1", "c2")]
        meters = [meter for roster in found if roster is not None for meter in roster.meters]
        assert len(meters) == len(set(meters))
