"""What the batteries of a community are told, also when data is missing, and together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.batteries import BatteryReason
from streams.domain.batteries import AUTO, CHARGE, DISCHARGE, HOLD, Order
from streams.domain.batteries_deciding import (
    BatteryPolicy,
    Decision,
    Household,
    Room,
    Surroundings,
    decide,
    expectations,
    room_of,
    safe,
    share_of,
)
from streams.domain.batteries_futures import DAYS, Futures
from streams.domain.forecast import PERIODS_A_DAY, Watts
from streams.domain.prices import Prospect
from tests.builders import NOON

KWH = 1_000_000
POLICY = BatteryPolicy()
NEED_W = 400.0
PERIODS = POLICY.horizon_periods + 1
NOBODY = Futures(np.empty((0, DAYS, PERIODS)), np.empty((0, DAYS)))
"""Whose battery takes neither sun nor load from the community."""


def a_week(watts: float = NEED_W) -> Watts:
    return np.full(7 * PERIODS_A_DAY, watts)


def a_household(level: int | None = 5 * KWH, history: Watts | None = None) -> Household:
    return Household(
        battery=POLICY.battery(10_000),
        history=a_week() if history is None else history,
        level=level,
    )


def a_neighbourhood(*, is_limited: bool = False, limit_w: int | None = 50_000) -> Surroundings:
    """Return a community that uses 10 kW, and 20 kW in an hour of each day."""
    day = np.full(PERIODS_A_DAY, 10_000.0)
    day[70:74] = 20_000
    return Surroundings(history=np.tile(day, 7), limit_w=limit_w, is_limited=is_limited)


def the_prices(now: int, later: int, *, known: int = 4 * 24) -> Prospect:
    """Return a price for the next half hour, and another for all that comes then, in cents."""
    cents = np.full(POLICY.horizon_periods, later, np.int64)
    cents[:2] = now
    return Prospect(cents, known)


def told(
    household: Household,
    prospect: Prospect | None,
    around: Surroundings | None = None,
) -> Decision:
    around = around or a_neighbourhood()
    return decide({"m1": household}, around, prospect, now=NOON, policy=POLICY)["m1"]


def test_charges_from_the_grid_while_energy_is_cheap() -> None:
    decision = told(a_household(), the_prices(1_000, 60_000))

    assert decision.order.mode == CHARGE
    assert decision.order.grid > 0
    assert decision.reason is BatteryReason.CHEAP


def test_feeds_into_the_grid_while_energy_is_dear() -> None:
    decision = told(a_household(), the_prices(80_000, 1_000))

    assert decision.order.mode == DISCHARGE
    assert decision.order.grid > 0
    assert decision.reason is BatteryReason.DEAR


def test_serves_the_household_alone_when_the_price_stays_as_it_is() -> None:
    decision = told(a_household(), the_prices(8_000, 8_000))

    assert (decision.order, decision.reason) == (Order(AUTO), BatteryReason.SELF_CONSUMPTION)


def test_keeps_its_energy_for_later_when_that_is_worth_more_and_the_grid_too_dear() -> None:
    decision = told(a_household(), the_prices(8_000, 20_000), a_neighbourhood(limit_w=0))

    assert decision.order.mode in {CHARGE, HOLD}
    assert decision.order.grid == 0
    assert decision.reason is BatteryReason.WORTH_MORE_LATER


def test_is_left_to_itself_without_prices_or_with_too_few() -> None:
    for prospect in (None, the_prices(1_000, 60_000, known=POLICY.known_periods - 1)):
        decision = told(a_household(), prospect)

        assert (decision.order, decision.reason) == (Order(), BatteryReason.PRICES_MISSING)


def test_is_left_to_itself_without_a_forecast() -> None:
    decision = told(a_household(history=a_week(np.nan)), the_prices(1_000, 60_000))

    assert (decision.order, decision.reason) == (Order(), BatteryReason.FORECAST_MISSING)


def test_is_left_to_itself_when_its_level_is_not_known() -> None:
    decision = told(a_household(level=None), the_prices(1_000, 60_000))

    assert decision == Decision(Order(), BatteryReason.LEVEL_UNKNOWN, None)


def test_neither_charges_nor_holds_back_while_regulation_holds_the_load_down() -> None:
    decision = told(a_household(), the_prices(1_000, 60_000), a_neighbourhood(is_limited=True))

    assert decision.order.mode in {AUTO, DISCHARGE}


def test_gives_nothing_at_its_reserve_whatever_else_is_missing() -> None:
    decision = told(a_household(level=KWH // 2), None)

    assert (decision.order, decision.reason) == (Order(CHARGE), BatteryReason.RESERVE)


def test_expects_the_level_that_the_period_which_has_begun_will_leave() -> None:
    decision = told(a_household(level=5 * KWH), the_prices(8_000, 8_000))

    assert decision.level == 5 * KWH - int(NEED_W) * 250


@given(
    st.builds(Order, st.sampled_from([AUTO, HOLD, CHARGE, DISCHARGE]), st.integers(-10, 3 * KWH)),
    st.integers(-10, 3 * KWH),
    st.one_of(st.none(), st.integers(0, 10 * KWH)),
    st.data(),
)
def test_whatever_is_planned_what_is_told_keeps_all_rules(
    order: Order, most: int, level: int | None, data: st.DataObject
) -> None:
    battery, is_limited = POLICY.battery(10_000), data.draw(st.booleans())
    planned = Decision(order, BatteryReason.CHEAP, level)

    decision = safe(planned, battery, grid_most=most, is_limited=is_limited)

    order = decision.order
    assert 0 <= order.grid <= max(most, 0)
    assert order.grid <= battery.charge_most
    assert not (order.grid and order.mode in {AUTO, HOLD})
    assert not (is_limited and order.mode == CHARGE and order.grid)
    if level is not None and level <= battery.reserve:
        assert order.mode not in {AUTO, DISCHARGE}


def test_all_batteries_together_fill_the_community_up_to_its_daily_peak_and_no_further() -> None:
    around = a_neighbourhood()

    room = room_of(around, NOBODY, start=NOON, policy=POLICY)

    periods = len(room.grid_in)
    expected = expectations(around.history[None], start=NOON, periods=periods, policy=POLICY)[0]
    filled_w = expected.max(axis=0) + room.grid_in / 250
    assert filled_w.max() == pytest.approx(20_000)
    assert filled_w.min() == pytest.approx(20_000)
    assert (room.grid_in >= 0).all()


def test_what_they_take_of_the_sun_and_of_the_loads_comes_on_top_of_what_they_move() -> None:
    around = a_neighbourhood()
    chances = np.full((2, DAYS), 1 / DAYS)
    sunny = Futures(np.full((2, DAYS, PERIODS), -1_500.0), chances)

    room = room_of(around, sunny, start=NOON, policy=POLICY)

    alone = room_of(around, NOBODY, start=NOON, policy=POLICY)
    assert np.array_equal(room.grid_in, np.maximum(alone.grid_in - 3_000 * 250, 0))
    assert np.array_equal(room.grid_out, alone.grid_out)


def test_the_connection_limits_them_where_it_is_narrower() -> None:
    room = room_of(a_neighbourhood(limit_w=16_000), NOBODY, start=NOON, policy=POLICY)

    assert room.grid_in[0] == (16_000 * 90 // 100 - 10_000) * 250


def test_they_move_nothing_at_the_grid_before_the_community_is_known_for_a_day() -> None:
    around = Surroundings(history=np.full(PERIODS_A_DAY - 1, 10_000.0))

    assert not np.any(room_of(around, NOBODY, start=NOON, policy=POLICY))


@given(st.lists(st.integers(1_000, 20_000), min_size=1, max_size=20), st.integers(0, 10**9))
def test_their_shares_are_no_more_than_there_is(capacities: list[int], room: int) -> None:
    batteries = [POLICY.battery(capacity) for capacity in capacities]
    power = sum(battery.charge_most for battery in batteries)

    shares = [share_of(np.array([room]), battery, power)[0] for battery in batteries]

    assert sum(shares) <= room
    assert all(share >= 0 for share in shares)


def test_expects_what_days_have_differed_by_on_both_sides_of_the_forecast() -> None:
    days = np.array([300.0, 500.0] * 4)[:, None] * np.ones(PERIODS_A_DAY)

    low, middle, high = expectations(days.reshape(1, -1), start=NOON, periods=4, policy=POLICY)[0]

    assert (low < middle).all()
    assert np.allclose(high - middle, middle - low)


def test_a_community_that_never_changes_leaves_room_for_nothing_but_what_it_uses() -> None:
    around = Surroundings(history=a_week())

    room = room_of(around, NOBODY, start=NOON, policy=POLICY)

    assert isinstance(room, Room)
    assert not room.grid_in.any()
