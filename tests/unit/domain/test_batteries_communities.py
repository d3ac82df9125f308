"""Periods in, decisions out: once for each, whatever is told again, and taken back when limited."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.batteries import BatteryMode, BatteryReason
from schemas.prices import Price
from streams.codecs.batteries import directive, directive_id_of
from streams.domain.batteries_communities import (
    HISTORY_PERIODS,
    Community,
    Fleet,
    Limited,
    Measured,
    Period,
    Registered,
    Step,
    ToldPeriod,
)
from streams.domain.batteries_deciding import BatteryPolicy
from streams.domain.forecast import PERIODS_A_DAY
from streams.domain.prices import PriceBook
from tables.batteries import decode, decode_community, encode, encode_community
from tests.builders import DAY_S, HOUR_S, NOON, QUARTER_S

KWH = 1_000_000
POLICY = BatteryPolicy(horizon_periods=PERIODS_A_DAY)
REGISTERED = Registered({"m1": 10_000, "m2": 5_000}, 50_000)
PEAK_AT = 19 * HOUR_S


def a_period(
    start: int = NOON,
    version: int = 1,
    **others: Any,  # noqa: ANN401 - any field
) -> ToldPeriod:
    """Return a period of a community that peaks in the evening, with two batteries half full."""
    net = 5 * KWH if start % DAY_S // HOUR_S == PEAK_AT // HOUR_S else KWH
    told = ToldPeriod(
        community_id="c1",
        start=start,
        version=version,
        part=0,
        parts=1,
        net=net,
        batteries={"m1": Measured(100_000, 5 * KWH), "m2": Measured(50_000, 3 * KWH)},
    )
    return replace(told, **others)


def two_days(until: int = NOON) -> list[ToldPeriod]:
    return [a_period(start) for start in range(until - 2 * DAY_S, until + QUARTER_S, QUARTER_S)]


def cheap_until(end: int = NOON + HOUR_S) -> PriceBook:
    """Return prices of 10 EUR a MWh until a time, and 600 from then on."""
    book = PriceBook()
    for start in range(NOON - 3 * DAY_S, NOON + 2 * DAY_S, QUARTER_S):
        euros = Decimal("10.00") if start < end else Decimal("600.00")
        book.take(Price(period_start=start, version=1, price_eur_per_mwh=euros))
    return book


def fold(
    fleet: Fleet, told: Iterable[ToldPeriod | Limited], prices: PriceBook | None = None
) -> Step:
    return fleet.fold(
        told, registered=lambda _name, _at: REGISTERED, prices=prices or cheap_until()
    )


def a_fleet_that_knows_two_days() -> Fleet:
    known = {
        told.start: Period(1, {0: told.net}, is_whole=True, batteries=told.batteries)
        for told in two_days()[:-1]
    }
    return Fleet(POLICY, {"c1": Community(known, decided=NOON + QUARTER_S, steps=7)})


def test_tells_each_battery_what_to_do_in_the_period_after_the_one_that_has_begun() -> None:
    fleet = a_fleet_that_knows_two_days()

    step = fold(fleet, [a_period()])

    assert [(told.meter_id, told.start) for told in step.told] == [
        ("m1", NOON + 2 * QUARTER_S),
        ("m2", NOON + 2 * QUARTER_S),
    ]
    sent = directive(step.told[0])
    assert (sent.valid_from, sent.valid_until) == (NOON + 2 * QUARTER_S, NOON + 3 * QUARTER_S)
    assert sent.directive_id == directive_id_of("c1", "m1", NOON + 2 * QUARTER_S)
    assert (sent.mode, sent.reason) == (BatteryMode.CHARGE, BatteryReason.CHEAP)
    assert sent.power_w > 0
    assert sent.price_eur_per_mwh == Decimal("10.00")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=12))
def test_whatever_is_told_again_is_decided_once(again: list[int]) -> None:
    fleet = a_fleet_that_knows_two_days()
    periods = [a_period(NOON + number * QUARTER_S) for number in range(6)]
    first = fold(fleet, periods)

    step = fold(fleet, [periods[number] for number in again])

    assert len(first.told) == 2 * len(periods)
    assert (step.told, step.periods) == ([], {})


def test_a_correction_changes_what_is_known_and_not_what_was_told() -> None:
    fleet = a_fleet_that_knows_two_days()
    fold(fleet, [a_period()])

    step = fold(fleet, [a_period(version=2, net=2 * KWH)])

    assert step.told == []
    corrected = step.periods["c1", NOON]
    assert corrected is not None
    assert corrected.nets == {0: 2 * KWH}


def test_decides_when_all_parts_of_a_period_have_come() -> None:
    fleet = a_fleet_that_knows_two_days()

    first = fold(fleet, [a_period(parts=2)])
    second = fold(fleet, [a_period(part=1, parts=2, batteries={})])

    assert first.told == []
    assert len(second.told) == 2


def test_takes_back_what_was_to_be_drawn_when_regulation_limits_the_community() -> None:
    fleet = a_fleet_that_knows_two_days()
    before = fold(fleet, [a_period()]).told

    step = fold(fleet, [Limited("c1", NOON + 2 * QUARTER_S + 120, NOON + HOUR_S)])

    taken_back = [told for told in step.told if told.start == NOON + 2 * QUARTER_S]
    assert {told.meter_id for told in taken_back} == {told.meter_id for told in before}
    assert all(told.version > before[0].version for told in taken_back)
    for told in taken_back:
        sent = directive(told)
        assert (sent.mode, sent.reason) == (BatteryMode.AUTO, BatteryReason.COMMUNITY_LIMITED)


def test_while_it_is_limited_nothing_is_drawn_and_afterwards_it_is_again() -> None:
    fleet = a_fleet_that_knows_two_days()
    fold(fleet, [Limited("c1", NOON, NOON + 2 * QUARTER_S)])

    limited = fold(fleet, [a_period()]).told
    free = fold(fleet, [a_period(NOON + QUARTER_S)]).told

    assert all(not told.decision.order.grid for told in limited)
    assert any(told.decision.order.grid for told in free)


def test_keeps_eight_days_of_a_community_and_forgets_what_is_before() -> None:
    fleet = a_fleet_that_knows_two_days()
    later = NOON + HISTORY_PERIODS * QUARTER_S

    step = fold(fleet, [a_period(later)])
    too_late = fold(fleet, [a_period(NOON, version=2)])

    assert set(fleet.communities["c1"].periods) == {later}
    assert step.periods["c1", NOON - QUARTER_S] is None
    assert too_late.too_old == 1


def test_a_worker_that_takes_over_goes_on_from_what_the_tables_hold() -> None:
    fleet = a_fleet_that_knows_two_days()
    fold(fleet, [a_period()])
    community = fleet.communities["c1"]
    restored = decode_community(encode_community(community))
    restored.periods = {
        start: decode(encode(period)) for start, period in community.periods.items()
    }

    ours = fold(fleet, [a_period(NOON + QUARTER_S)])
    theirs = fold(Fleet(POLICY, {"c1": restored}), [a_period(NOON + QUARTER_S)])

    assert theirs.told == ours.told
    assert theirs.told[0].version == 9


def test_who_is_not_registered_with_a_battery_is_told_nothing() -> None:
    fleet = Fleet(POLICY)

    step = fleet.fold(
        two_days(), registered=lambda _name, _at: Registered({}, None), prices=cheap_until()
    )

    assert step.told == []
