"""The evaluator on a grid of plants that answer: scenarios, and laws of what it decides."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.production import BatteryCommitment, OrderReason, ShedReason
from streams.domain.forecast_learned import forecast
from streams.domain.production_history import History, Load, forecast_minutes, quarter_of
from tests.registered import a_plant
from tests.unit.domain.evaluating import FORECASTING, KW, NOON, Grid, a_grid_minute, the_plants

HOUR = 60
DAY_S = 86_400


def steady(watts: int) -> Grid:
    """Return a grid whose plants give what it draws, since an hour."""
    grid = Grid(lambda _minute: watts)
    grid.plays(HOUR)
    return grid


def test_at_a_cold_start_the_first_minute_is_enough_to_order_by() -> None:
    grid = Grid(lambda _minute: 300 * KW)

    first = grid.plays(1)

    # Without a history it is expected to stay as it is.
    assert {order.forecast_w for order in first.orders} == {300 * KW}
    assert {order.reason for order in first.orders} <= {
        OrderReason.STARTING,
        OrderReason.NOT_NEEDED,
    }


def test_a_plant_is_asked_for_nothing_before_it_has_told_anything() -> None:
    grid = Grid(lambda _minute: 300 * KW, mute={"coal", "gas", "turbine"})

    assert grid.plays(5).orders == []


def test_after_a_cold_start_plants_reach_the_load_and_its_reserve() -> None:
    grid = steady(300 * KW)

    assert grid.given_w == pytest.approx(306 * KW, rel=0.01)
    # The cheapest that can give it alone.
    assert grid.gives == {"coal": grid.given_w, "gas": 0, "turbine": 0}


def test_production_follows_demand_up_and_down() -> None:
    def ramps(minute: int) -> int:
        """A rise of 4 kW a minute for two hours, and back."""
        place = (minute - NOON) // 60 % 240
        return 250 * KW + 4 * KW * min(place, 240 - place)

    grid = Grid(ramps)
    grid.plays(HOUR)
    misses = []
    for _ in range(4 * HOUR):
        grid.plays(1)
        misses.append(abs(grid.given_w - 1.02 * ramps(grid.minute - 60)))

    assert max(misses) <= 25 * KW
    assert sum(misses) / len(misses) <= 8 * KW


def test_when_a_plant_trips_the_others_make_up_for_it_as_fast_as_they_can() -> None:
    grid = steady(450 * KW)
    grid.out.add("coal")

    tripped = grid.plays(1)
    by_plant = {order.plant_id: order for order in tripped.orders}
    grid.plays(15)

    assert by_plant["coal"].ordered_w == 0
    assert by_plant["coal"].reason is OrderReason.OUT_OF_SERVICE
    assert by_plant["gas"].reason is OrderReason.RAMP_LIMIT
    assert by_plant["turbine"].reason is OrderReason.STARTING
    assert grid.given_w == pytest.approx(459 * KW, rel=0.02)


def test_what_is_missing_until_then_is_handed_to_regulation_in_proportion() -> None:
    grid = steady(450 * KW)
    grid.sheddable_w = {"north": 150 * KW, "south": 50 * KW, "east": 0}
    grid.out.add("coal")

    tripped = grid.plays(1)

    shed = {order.community_id: order.shed_w for order in tripped.shed_orders}
    # All that there is, and that is not enough: said, not hidden.
    assert shed == {"north": 150 * KW, "south": 50 * KW}
    assert tripped.uncovered_w > 0
    assert {order.reason for order in tripped.shed_orders} == {ShedReason.DEFICIT}


def test_what_stays_missing_is_asked_for_every_minute_until_it_is_not() -> None:
    grid = steady(450 * KW)
    grid.sheddable_w = {"north": 7 * KW}
    grid.out |= {"coal", "gas"}

    short = [grid.plays(1) for _ in range(20)]
    grid.out.clear()
    relieved = [grid.plays(1) for _ in range(20)]

    orders = [step.shed_orders for step in short]
    assert [order.shed_w for (order,) in orders] == [7 * KW] * 20
    assert {order.reason for (order,) in orders} == {ShedReason.DEFICIT}
    for (before,), (after,) in pairwise(orders):
        assert after.version > before.version
        assert after.valid_from < before.valid_until
    ended = [[order.reason for order in step.shed_orders if not order.shed_w] for step in relieved]
    assert [ShedReason.RELIEVED] in ended
    assert not any(before and after for before, after in pairwise(ended)), "the end is told once"
    assert not relieved[-1].shed_orders


def test_shedding_ends_when_plants_can_meet_the_load_that_was_there_without_it() -> None:
    grid = steady(450 * KW)
    grid.sheddable_w = {"north": 300 * KW}
    full, shed = 450 * KW, [0, 0]
    # Regulation obeys two minutes later.
    grid.net_w = lambda _minute: full - shed[-2]
    grid.out.add("coal")
    asked = []
    for _ in range(30):
        step = grid.plays(1)
        shed.append(step.shed_orders[0].shed_w if step.shed_orders else 0)
        asked.append(shed[-1])

    # It falls and never rises again: nothing swings.
    assert asked[0] > 0
    assert asked[-1] == 0
    peak = asked.index(max(asked))
    assert asked[peak:] == sorted(asked[peak:], reverse=True)


def test_a_deficit_that_is_coming_is_handed_over_before_it_is_there() -> None:
    def climbs(minute: int) -> int:
        return 900 * KW + 3 * KW * ((minute - NOON) // 60)

    grid = Grid(climbs, sheddable_w={"north": 200 * KW})
    grid.plays(20)
    first = next(
        minute
        for minute, step in sorted(grid.steps.items())
        if minute >= NOON + 20 * 60 or step.shed_orders
    )
    for _ in range(60):
        if grid.steps[grid.minute - 60].shed_orders:
            break
        grid.plays(1)

    assert first <= grid.minute
    assert grid.steps[grid.minute - 60].shed_orders


def test_a_plant_that_does_not_obey_is_found_out_and_made_up_for() -> None:
    grid = steady(300 * KW)
    grid.deaf.add("coal")
    grid.orders.pop("coal")
    grid.net_w = lambda _minute: 420 * KW

    grid.plays(30)
    last = {order.plant_id: order for order in grid.steps[grid.minute - 60].orders}

    assert last["coal"].reason is OrderReason.DISOBEYS
    assert grid.given_w == pytest.approx(1.02 * 420 * KW, rel=0.02)


def test_it_is_counted_on_again_once_it_has_been_where_it_was_told() -> None:
    grid = steady(300 * KW)
    grid.deaf.add("coal")
    grid.orders.pop("coal")
    grid.net_w = lambda _minute: 420 * KW
    grid.plays(30)

    grid.deaf.clear()
    grid.plays(30)

    assert not grid.evaluator.plants["coal"].disobeys


def test_a_plant_whose_readings_are_late_is_taken_to_be_where_it_was() -> None:
    grid = steady(300 * KW)
    grid.mute.add("coal")

    soon, then = grid.plays(3), grid.plays(2)

    assert {order.plant_id: order.reason for order in soon.orders}["coal"] in {
        OrderReason.MERIT,
        OrderReason.AT_MINIMUM,
    }
    coal = {order.plant_id: order for order in then.orders}["coal"]
    assert coal.reason is OrderReason.SILENT
    assert coal.ordered_w == pytest.approx(306 * KW, rel=0.01)
    assert grid.given_w == pytest.approx(306 * KW, rel=0.01)


def test_a_late_reading_of_an_older_minute_changes_nothing() -> None:
    grid = steady(300 * KW)
    before = dict(grid.evaluator.plants)

    grid.tells("coal", minute=grid.minute - 600)

    assert grid.evaluator.plants == before


def test_one_that_is_lost_is_not_counted_on_and_not_told_to_stop() -> None:
    grid = steady(300 * KW)
    grid.mute.add("coal")

    grid.plays(16)
    lost = grid.plays(20)

    coal = {order.plant_id: order for order in lost.orders}["coal"]
    assert coal.ordered_w == pytest.approx(306 * KW, rel=0.01)
    assert grid.gives["gas"] + grid.gives["turbine"] >= 300 * KW


def test_a_minute_that_is_told_anew_is_decided_anew_as_a_further_version() -> None:
    grid = steady(300 * KW)
    first = grid.plays(1)
    grid.minute -= 60
    grid.net_w = lambda _minute: 340 * KW

    again = grid.closes()

    assert {order.order_id for order in again.orders} == {order.order_id for order in first.orders}
    assert again.orders[0].version > first.orders[0].version
    assert {order.forecast_w for order in again.orders} != {
        order.forecast_w for order in first.orders
    }


def test_an_older_minute_that_is_told_anew_orders_nothing() -> None:
    grid = steady(300 * KW)
    late = a_grid_minute(grid.minute - 600, 290 * KW, version=10_000)

    step = grid.evaluator.take_grid([late], registered=grid.around)

    assert step.orders == []
    assert list(step.history.minutes) == [grid.minute - 600]


def test_the_same_minute_again_does_nothing() -> None:
    grid = steady(300 * KW)
    told = a_grid_minute(grid.minute, 300 * KW, version=10_000)
    first = grid.evaluator.take_grid([told], registered=grid.around)

    second = grid.evaluator.take_grid([told], registered=grid.around)

    assert first.orders
    assert (second.orders, second.decided, second.history.minutes) == ([], None, {})


def test_a_plan_of_the_day_is_made_each_quarter_hour_for_each_plant() -> None:
    grid = Grid(lambda _minute: 300 * KW)
    grid.plays(31)

    planned = [
        (plan.period_start, plan.plant_id) for step in grid.steps.values() for plan in step.plans
    ]

    starts = [NOON, NOON + 900, NOON + 1_800]
    assert planned == [(start, name) for start in starts for name in ("coal", "gas", "turbine")]
    plan = next(step for step in reversed(grid.steps.values()) if step.plans).plans[0]
    assert len(plan.planned_w) == len(plan.forecast_w) == len(plan.deficit_w) == 96
    assert plan.planned_w[-1] == pytest.approx(306 * KW, rel=0.01)


def played_days(start: datetime, days: int, *, peak_hour: int, zone_hours: int) -> History:
    """Return a history of days with a peak in one hour of local time, in winter time."""
    history = History(retention_s=7_200)
    first = int(start.timestamp())
    for at in range(first, first + days * DAY_S, 300):
        hour = (at // 3600 + zone_hours) % 24
        watts = 600 * KW if hour == peak_hour else 300 * KW
        history.take(at - at % 60, Load(1, watts, 0))
    return history


def expected(history: History, minute: int, *, minutes: int) -> tuple[int, ...]:
    """Return the forecast of the minutes after one."""
    start = quarter_of(minute + 60)
    curve = forecast(
        history.net_w(start), period_start=start, horizon_periods=4, policy=FORECASTING
    )
    anchor = FORECASTING.floor.anchor_periods
    return forecast_minutes(
        history, minute=minute, minutes=minutes, curve=curve, anchor_periods=anchor
    )


def test_after_the_change_to_summer_time_people_still_live_by_the_clock() -> None:
    # 2026-03-29: at 01:00 UTC the clocks in Berlin go from 02:00 to 03:00.
    history = played_days(datetime(2026, 3, 21, tzinfo=UTC), 8, peak_hour=19, zone_hours=1)
    evening = int(datetime(2026, 3, 29, tzinfo=UTC).timestamp())
    for at in range(evening, evening + 16 * 3600 + 2700, 60):
        history.take(at, Load(1, 300 * KW, 0))
    minute = evening + 16 * 3600 + 2640

    # 19:00 in summer time is 17:00 UTC.
    ahead = expected(history, minute, minutes=30)

    assert ahead[-1] - ahead[0] > 50 * KW


def test_a_holiday_is_followed_minute_by_minute_though_no_day_was_like_it() -> None:
    history = played_days(datetime(2025, 12, 17, tzinfo=UTC), 8, peak_hour=7, zone_hours=1)
    christmas = int(datetime(2025, 12, 25, tzinfo=UTC).timestamp())
    for at in range(christmas, christmas + 6 * 3600 + 1800, 60):
        history.take(at, Load(1, 200 * KW, 0))
    minute = christmas + 6 * 3600 + 1740

    ahead = expected(history, minute, minutes=5)

    # Seven in the morning was a peak on all days before; nobody gets up today.
    assert all(abs(watts - 200 * KW) <= 40 * KW for watts in ahead)


def test_wind_is_taken_first_and_the_others_give_the_rest() -> None:
    plants = the_plants() | {"wind": a_plant("wind", capacity_w=150 * KW)}
    grid = Grid(lambda _minute: 500 * KW, plants=plants)

    grid.plays(HOUR)

    assert grid.gives["wind"] == 150 * KW
    assert grid.given_w == pytest.approx(510 * KW, rel=0.01)


def commitments(period: int, given_w: int, *, partition: int = 0) -> BatteryCommitment:
    return BatteryCommitment(
        partition=partition, period_start=period, version=1, given_w=given_w, batteries=1
    )


def test_what_batteries_will_give_no_plant_is_asked_for() -> None:
    grid = steady(300 * KW)
    quarter = grid.minute - grid.minute % 900 + 900
    grid.plays((quarter - grid.minute) // 60 - 1)
    told = [commitments(quarter, 30 * KW), commitments(quarter, 20 * KW, partition=1)]
    before = grid.steps[grid.minute - 60].orders[0].forecast_w

    # They begin with the next quarter-hour, which the next order is for.
    grid.evaluator.take_batteries([commitments(quarter - 900, 0), *told])
    step = grid.plays(1)

    assert before == pytest.approx(300 * KW, rel=0.01)
    assert step.orders[0].forecast_w == pytest.approx(250 * KW, rel=0.01)


def test_the_load_is_remembered_as_it_would_be_without_what_batteries_were_told() -> None:
    grid = steady(300 * KW)
    grid.evaluator.take_batteries([commitments(grid.minute - grid.minute % 900, -40 * KW)])
    grid.net_w = lambda _minute: 340 * KW

    step = grid.plays(1)

    assert [load.net_w for load in step.history.minutes.values() if load] == [300 * KW]
    # They go on taking until somebody says otherwise.
    assert step.orders[0].forecast_w == pytest.approx(340 * KW, rel=0.01)


def test_a_minute_told_anew_hours_later_is_what_batteries_and_the_sun_made_it_then() -> None:
    sun = a_plant("sun", source="solar", capacity_w=50 * KW, minimum_w=0)
    grid = Grid(lambda _minute: 300 * KW, plants=the_plants() | {"sun": sun})
    grid.plays(HOUR)
    grid.evaluator.take_batteries([commitments(grid.minute - grid.minute % 900, -40 * KW)])
    minute = grid.minute
    first = grid.plays(1).history.minutes[minute]
    grid.out.add("sun")
    for _ in range(6):
        grid.plays(15)
        grid.evaluator.take_batteries([commitments(grid.minute - grid.minute % 900, 0)])

    step = grid.evaluator.take_grid(
        [a_grid_minute(minute, 500 * KW, version=9_999)], registered=grid.around
    )

    assert first is not None
    assert (first.net_w, first.volatile_w) == (260 * KW, 50 * KW)
    assert step.history.minutes[minute] == Load(9_999, 460 * KW, 50 * KW)


loads = st.lists(st.integers(-200 * KW, 1_500 * KW), min_size=1, max_size=12)


@given(loads, st.data())
def test_whatever_comes_the_same_inputs_make_the_same_orders_within_the_limits(
    net_w: list[int], data: st.DataObject
) -> None:
    out = data.draw(st.sets(st.sampled_from(["coal", "gas", "turbine"])))
    deaf = data.draw(st.sets(st.sampled_from(["coal", "gas", "turbine"])))

    def played() -> Grid:
        grid = Grid(lambda minute: net_w[(minute - NOON) // 60 % len(net_w)])
        grid.sheddable_w = {"north": 100 * KW, "south": 1}
        grid.plays(2)
        grid.out, grid.deaf = set(out), set(deaf)
        grid.plays(len(net_w))
        return grid

    one, other = played(), played()

    assert one.steps == other.steps
    for step in one.steps.values():
        assert step.broken == []
        for order in step.orders:
            plant = one.plants[order.plant_id]
            assert order.ordered_w == 0 or (plant.minimum_w <= order.ordered_w <= plant.capacity_w)
            assert order.valid_until > order.valid_from
        shed = sum(order.shed_w for order in step.shed_orders)
        assert shed <= 100 * KW + 1


def test_a_plant_without_cost_is_asked_last() -> None:
    plants = the_plants()
    plants["unsaid"] = a_plant("unsaid", source="oil", capacity_w=500 * KW)
    grid = Grid(lambda _minute: 300 * KW, plants=plants)

    grid.plays(HOUR)

    assert grid.gives["unsaid"] == 0
    assert plants["coal"].cost_eur_per_mwh == Decimal(70)
