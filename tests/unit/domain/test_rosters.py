"""Who is registered where, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.registry import Household
from streams.domain.frames import MeterList
from streams.domain.registry_stays import is_valid
from streams.domain.rosters import FOREVER, LISTS_A_STAY, Rosters
from tests.registered import DAWN, a_household

MINUTE = 60
NOON = DAWN + 12 * 3600


def rosters_of(*households: Household, learns: bool = False) -> Rosters:
    found = Rosters(learns=learns)
    for household in households:
        found.take(household)
    return found


def test_a_roster_names_who_is_registered_and_knows_strangers() -> None:
    roster = rosters_of(a_household("h1"), a_household("h2")).at("c1", NOON)

    assert roster is not None
    assert roster.meters == ("m1", "m2")
    assert (roster.holds_from, roster.holds_to) == (DAWN, FOREVER)
    admittance = roster.of(MeterList(("m3", "m2")))
    assert (set(admittance.strangers), admittance.places) == ({"m3"}, (1,))
    assert admittance.meters.ids == ("m2",)


def test_a_list_of_meters_is_looked_through_once() -> None:
    roster = rosters_of(a_household("h1"), a_household("h2")).at("c1", NOON)
    whole, half = MeterList(("m1", "m2")), MeterList(("m1",))

    assert roster is not None
    said = [roster.of(meters) for meters in (whole, half, MeterList(("m1", "m2")), half, whole)]

    assert said[0] is said[2] is said[4]
    assert said[1] is said[3]


@pytest.mark.parametrize("lengths", [(1,), (2, 16, 17), (200,)])
@pytest.mark.parametrize("registered", [0, 1, 2])
def test_a_roster_remembers_no_more_of_made_up_lists_than_of_its_own_meters(
    registered: int, lengths: tuple[int, ...]
) -> None:
    roster = rosters_of(*(a_household(f"h{n}") for n in range(registered))).at("c1", NOON)
    assert roster is not None

    for number in range(1_000):
        made_up = [f"x{number}-{n}" for n in range(lengths[number % len(lengths)])]
        assert roster.of(MeterList(tuple(made_up))).strangers == frozenset(made_up)

    known, _ = roster._latest
    kept = {*roster._known} if known is None else {*roster._known, known}
    assert sum(len(meters.ids) for meters in kept) <= LISTS_A_STAY * registered


def test_the_same_roster_comes_back_until_something_in_it_changes() -> None:
    rosters = rosters_of(a_household("h1"))
    first = rosters.at("c1", NOON)

    assert rosters.at("c1", NOON + MINUTE) is first
    rosters.take(a_household("h2"))
    assert rosters.at("c1", NOON) is not first


def test_of_several_versions_the_highest_stands_in_whatever_order_they_come() -> None:
    rosters = rosters_of(
        a_household("h1", version=3, valid_to=NOON), a_household("h1", version=2, meter_id="m9")
    )

    before, after = rosters.at("c1", NOON - MINUTE), rosters.at("c1", NOON)

    assert before is not None
    assert before.meters == ("m1",)
    assert after is not None
    assert after.meters == ()


def test_who_has_moved_is_at_home_in_the_new_community_from_that_minute_on() -> None:
    rosters = rosters_of(a_household("h1", valid_to=NOON), a_household("h1", "c2", valid_from=NOON))

    assert rosters.home_of("m1", NOON - MINUTE) == "c1"
    assert rosters.home_of("m1", NOON) == "c2"
    assert rosters.home_of("m1", DAWN - MINUTE) is None
    assert rosters.home_of("m7", NOON) is None


def test_where_nobody_is_registered_nobody_is_expected_or_all_are_welcome() -> None:
    nobody = rosters_of().at("c1", NOON)

    assert nobody is not None
    assert (nobody.meters, nobody.holds_from, nobody.holds_to) == ((), 0, FOREVER)
    assert rosters_of(learns=True).at("c1", NOON) is None
    assert rosters_of(a_household("h1", "c2"), learns=True).at("c1", NOON) is None


def test_a_household_may_use_what_its_connection_panels_and_battery_give_and_a_tenth_more() -> None:
    household = a_household(contract_power_w=6_000, pv_peak_w=3_000, battery_wh=12_000)
    roster = rosters_of(household, a_household("h2")).at("c1", NOON)

    assert roster is not None
    whole, unknown = roster.of(MeterList(("m1", "m2"))).caps.T.tolist()

    # W x h / 60 of connection, panels and battery; a battery gives its capacity in an hour.
    assert whole == [385_000, 55_000, 220_000, 220_000, 12_000_000]
    assert unknown[0] > 10**12
    assert unknown[1:] == [0, 0, 0, 0]


lengths = st.none() | st.integers(0, 5)
stays = st.lists(
    st.tuples(st.integers(0, 8), lengths).map(
        lambda span: a_household(
            valid_from=span[0] * MINUTE,
            valid_to=None if span[1] is None else (span[0] + span[1]) * MINUTE,
        )
    ),
    min_size=1,
    max_size=6,
).map(
    lambda found: [
        stay.model_copy(update={"household_id": f"h{n}", "meter_id": f"m{n}"})
        for n, stay in enumerate(found)
    ]
)


@given(found=stays, asked=st.integers(0, 14))
def test_a_roster_holds_for_as_long_as_it_says_and_no_longer(
    found: list[Household], asked: int
) -> None:
    rosters = rosters_of(*found)
    answer = rosters.at("c1", asked * MINUTE)

    assert answer is not None
    assert answer.holds_from <= asked * MINUTE < answer.holds_to
    for minute in range(0, 15 * MINUTE, MINUTE):
        there = tuple(sorted(stay.meter_id for stay in found if is_valid(stay, minute)))
        if answer.holds_from <= minute < answer.holds_to:
            assert answer.meters == there
        again = rosters.at("c1", minute)
        assert again is not None
        assert again.meters == there
