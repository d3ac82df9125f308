"""Which plant gives how much: by merit, within minimum, maximum and ramps."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.production import OrderReason
from streams.domain.production import (
    Dispatch,
    Order,
    ProductionPolicy,
    Unit,
    dispatch,
    guarded,
    reserve_w,
    shortage_w,
    within,
)

POLICY = ProductionPolicy(reserve_percent=0)
FREE = Decimal(0)


def a_unit(name: str = "gas", **others: Any) -> Unit:  # noqa: ANN401 - any field
    fields = {
        "minimum_w": 0,
        "maximum_w": 1_000,
        "ramp_w": None,
        "now_w": 0,
        "cost_eur_per_mwh": Decimal(80),
    }
    return Unit(plant_id=name, **{**fields, **others})


def asked(*units: Unit, demand: int, peak: int = 0, policy: ProductionPolicy = POLICY) -> Dispatch:
    return dispatch(units, forecasts_w=[demand], peak_w=max(peak, demand), policy=policy)


def ordered(done: Dispatch) -> dict[str, int]:
    return {order.plant_id: order.ordered_w for order in done.orders}


def reasons(done: Dispatch) -> dict[str, OrderReason]:
    return {order.plant_id: order.reason for order in done.orders}


def test_the_cheapest_give_first_and_the_dearest_the_rest() -> None:
    hydro = a_unit("hydro", maximum_w=400, cost_eur_per_mwh=Decimal(8))
    gas = a_unit("gas")
    oil = a_unit("oil", cost_eur_per_mwh=Decimal(200))

    done = asked(oil, gas, hydro, demand=1_000)

    assert ordered(done) == {"hydro": 400, "gas": 600, "oil": 0}
    assert (done.deficit_w, done.surplus_w) == (0, 0)


def test_among_equal_costs_the_cleaner_gives_first_and_who_names_none_last() -> None:
    clean, dirty = a_unit("b", co2_g_per_kwh=300), a_unit("a", co2_g_per_kwh=900)
    unsaid = a_unit("c", cost_eur_per_mwh=None)

    done = asked(unsaid, dirty, clean, demand=1_200)

    assert ordered(done) == {"b": 1_000, "a": 200, "c": 0}


def test_the_reserve_is_asked_for_and_given_up_before_there_is_a_deficit() -> None:
    policy = ProductionPolicy(reserve_percent=2)

    enough = asked(a_unit(maximum_w=2_000), demand=1_000, policy=policy)
    scarce = asked(a_unit(maximum_w=1_010), demand=1_000, policy=policy)
    lacking = asked(a_unit(maximum_w=900), demand=1_000, policy=policy)

    assert (enough.expected_w, enough.reserve_w) == (1_020, 20)
    assert (scarce.expected_w, scarce.deficit_w) == (1_010, 0)
    assert lacking.deficit_w == 100


def test_no_reserve_is_asked_for_what_is_fed_in() -> None:
    assert reserve_w(-1_000, ProductionPolicy(reserve_percent=2)) == 0


def test_a_plant_goes_up_and_down_by_its_ramp_and_no_faster() -> None:
    slow = a_unit("slow", ramp_w=50, now_w=500)

    up = asked(slow, demand=900)
    down = asked(slow, demand=100)

    assert (ordered(up), up.deficit_w, reasons(up)) == (
        {"slow": 550},
        350,
        {"slow": OrderReason.RAMP_LIMIT},
    )
    assert (ordered(down), down.surplus_w) == ({"slow": 450}, 350)


def test_one_that_is_needed_starts_and_passes_below_its_minimum_on_its_way() -> None:
    coal = a_unit("coal", minimum_w=400, ramp_w=100, cost_eur_per_mwh=Decimal(70))
    gas = a_unit("gas")

    done = asked(coal, gas, demand=500)

    assert ordered(done) == {"coal": 400, "gas": 400}
    assert reasons(done)["coal"] is OrderReason.STARTING
    assert done.expected_w == 500


def test_it_is_started_in_time_for_the_highest_demand_in_sight() -> None:
    gas, reserve = a_unit("gas", now_w=800), a_unit("turbine", minimum_w=100, now_w=0, ramp_w=50)
    dear = replace(reserve, cost_eur_per_mwh=Decimal(150))

    quiet = asked(gas, dear, demand=800, peak=900)
    before_the_peak = asked(gas, dear, demand=800, peak=1_300)

    assert ordered(quiet)["turbine"] == 0
    assert ordered(before_the_peak)["turbine"] == 100


def test_a_dear_one_is_not_stopped_before_the_cheap_one_that_replaces_it_runs() -> None:
    dear = a_unit("dear", minimum_w=100, now_w=600, cost_eur_per_mwh=Decimal(150))
    cheap = a_unit("cheap", minimum_w=400, ramp_w=30, cost_eur_per_mwh=Decimal(50))

    done = asked(dear, cheap, demand=600)

    assert ordered(done) == {"cheap": 400, "dear": 570}
    assert done.deficit_w == 0


def test_a_plant_is_kept_while_the_others_are_only_just_enough() -> None:
    cheap = a_unit("cheap", now_w=700, cost_eur_per_mwh=Decimal(50))
    dear = a_unit("dear", minimum_w=100, now_w=100)

    wavering = asked(cheap, dear, demand=950)
    clear = asked(cheap, dear, demand=800)

    assert ordered(wavering) == {"cheap": 850, "dear": 100}
    assert ordered(clear) == {"cheap": 800, "dear": 0}
    assert reasons(clear)["dear"] is OrderReason.STOPPING


def test_where_the_committed_are_too_slow_a_fast_dear_one_helps_out() -> None:
    slow = a_unit("slow", ramp_w=10, now_w=500)
    fast = a_unit("fast", minimum_w=50, ramp_w=400, cost_eur_per_mwh=Decimal(150))

    done = asked(slow, fast, demand=700)

    assert reasons(done)["fast"] is OrderReason.STARTING


def test_with_too_much_sun_the_minimum_of_the_dearest_goes_off_first() -> None:
    sun = a_unit("sun", maximum_w=900, now_w=900, cost_eur_per_mwh=FREE, is_volatile=True)
    coal = a_unit("coal", minimum_w=400, now_w=400, ramp_w=400)
    gas = a_unit("gas", minimum_w=300, now_w=300, ramp_w=400, cost_eur_per_mwh=Decimal(90))

    done = asked(sun, coal, gas, demand=500, peak=1_900)

    assert ordered(done) == {"sun": 100, "coal": 400, "gas": 0}


def test_one_that_is_out_of_service_is_asked_for_nothing() -> None:
    done = asked(a_unit(now_w=500, in_service=False), demand=500)

    assert ordered(done) == {"gas": 0}
    assert reasons(done) == {"gas": OrderReason.OUT_OF_SERVICE}
    assert done.deficit_w == 500


def test_one_that_does_not_obey_is_counted_as_it_is_and_told_the_same_again() -> None:
    deaf = a_unit("deaf", now_w=300, held_w=800, follows=False, cost_eur_per_mwh=FREE)

    done = asked(deaf, a_unit(), demand=900)

    assert ordered(done) == {"deaf": 800, "gas": 600}
    assert reasons(done)["deaf"] is OrderReason.DISOBEYS
    assert done.deficit_w == 0


def test_one_that_is_silent_is_told_what_it_was_told_before() -> None:
    silent = a_unit("silent", now_w=0, held_w=700, is_known=False)

    done = asked(silent, demand=100)

    assert ordered(done) == {"silent": 700}
    assert reasons(done) == {"silent": OrderReason.SILENT}


def test_what_a_plant_can_give_has_fallen_below_its_minimum_so_it_goes_off() -> None:
    weak = a_unit(minimum_w=300, maximum_w=200, now_w=300)

    assert ordered(asked(weak, demand=500)) == {"gas": 0}


def test_a_shortage_is_seen_before_it_is_there() -> None:
    slow = a_unit("slow", ramp_w=50, now_w=500)

    assert shortage_w([slow], [520, 560, 700]) == 50
    assert shortage_w([slow], [520, 560, 640]) <= 0


def test_an_order_beyond_the_limits_never_leaves() -> None:
    unit = a_unit(minimum_w=300, maximum_w=900)
    orders = [Order("gas", watts, watts, OrderReason.MERIT) for watts in (200, 500, 1_000)]

    safe, broken = guarded(orders, {"gas": unit})

    assert [order.ordered_w for order in safe] == [0, 500, 900]
    assert [order.ordered_w for order in broken] == [200, 1_000]


def test_a_policy_that_means_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="lost_minutes=1 must be at least silent_minutes=3"):
        ProductionPolicy(lost_minutes=1)


@st.composite
def plants(draw: st.DrawFn) -> list[Unit]:
    count = draw(st.integers(1, 6))
    drawn = []
    for number in range(count):
        minimum = draw(st.integers(0, 500))
        drawn.append(
            a_unit(
                f"p{number}",
                minimum_w=minimum,
                maximum_w=draw(st.integers(0, 1_000)),
                ramp_w=draw(st.none() | st.integers(0, 600)),
                now_w=draw(st.integers(0, 1_000)),
                held_w=draw(st.integers(0, 1_000)),
                cost_eur_per_mwh=draw(st.none() | st.integers(0, 3).map(Decimal)),
                follows=draw(st.booleans() | st.just(value=True)),
                is_known=draw(st.booleans() | st.just(value=True)),
                in_service=draw(st.booleans() | st.just(value=True)),
            )
        )
    return drawn


loads = st.lists(st.integers(-1_000, 5_000), min_size=1, max_size=5)


@given(plants(), loads, st.integers(0, 6_000))
def test_no_order_is_outside_a_plants_limits_or_beyond_its_ramp(
    units: list[Unit], forecasts: list[int], peak: int
) -> None:
    done = dispatch(units, forecasts_w=forecasts, peak_w=peak, policy=ProductionPolicy())

    _, broken = guarded(done.orders, {unit.plant_id: unit for unit in units})

    assert broken == []
    by_name = {unit.plant_id: unit for unit in units}
    for order in done.orders:
        unit = by_name[order.plant_id]
        assert order.ordered_w == within(unit, order.ordered_w) or not unit.in_service
        if unit.steers and unit.is_on and order.ordered_w and unit.ramp_w is not None:
            fastest = min(abs(order.ordered_w - unit.now_w), unit.ramp_w)
            assert abs(order.expected_w - unit.now_w) <= max(fastest, unit.now_w - unit.maximum_w)


@given(plants(), loads, st.integers(0, 6_000))
def test_together_they_meet_the_demand_or_none_that_is_on_could_give_more_or_less(
    units: list[Unit], forecasts: list[int], peak: int
) -> None:
    done = dispatch(units, forecasts_w=forecasts, peak_w=peak, policy=ProductionPolicy())
    by_name = {unit.plant_id: unit for unit in units}
    on = [
        (by_name[order.plant_id], order)
        for order in done.orders
        if by_name[order.plant_id].steers
        and by_name[order.plant_id].is_on
        and order.reason not in {OrderReason.STOPPING, OrderReason.NOT_NEEDED, OrderReason.STARTING}
    ]

    if done.expected_w < done.demand_w:
        assert all(order.ordered_w == unit.highest() for unit, order in on)
    if done.expected_w > done.demand_w:
        assert all(order.ordered_w == unit.lowest() for unit, order in on)


@given(plants(), loads, st.integers(0, 6_000))
def test_none_gives_less_than_it_can_while_a_dearer_one_gives_more_than_it_must(
    units: list[Unit], forecasts: list[int], peak: int
) -> None:
    done = dispatch(units, forecasts_w=forecasts, peak_w=peak, policy=ProductionPolicy())
    by_name = {unit.plant_id: unit for unit in units}
    filled = {
        OrderReason.MERIT,
        OrderReason.AT_MAXIMUM,
        OrderReason.AT_MINIMUM,
        OrderReason.RAMP_LIMIT,
    }
    on = sorted(
        ((by_name[order.plant_id], order) for order in done.orders if order.reason in filled),
        key=lambda pair: pair[0].merit,
    )

    for place, (cheap, order) in enumerate(on):
        if order.ordered_w < cheap.highest():
            assert all(other.ordered_w == dear.lowest() for dear, other in on[place + 1 :])


@given(plants(), loads, st.integers(0, 6_000))
def test_a_deficit_and_a_surplus_never_come_together_and_are_exact(
    units: list[Unit], forecasts: list[int], peak: int
) -> None:
    done = dispatch(units, forecasts_w=forecasts, peak_w=peak, policy=ProductionPolicy())

    assert done.deficit_w == max(forecasts[0] - done.expected_w, 0)
    assert not (done.deficit_w and done.surplus_w)
