"""The plan over the level: as good as trying everything, and never worse than self-consumption."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.batteries import AUTO, CHARGE, DISCHARGE, Battery, Order, follow
from streams.domain.batteries_plan import (
    Costs,
    Outlook,
    best_order,
    cost_of,
    plan,
    stage_cost,
    values,
)

STEP = 1 << 18
LEVELS = 5

prices = st.integers(-20_000, 60_000)
dear_enough = st.integers(0, 60_000)
"""Below 0, and without wear, it pays to lose energy."""

costs = st.builds(Costs, fee=st.integers(0, 20_000), wear=st.integers(0, 10_000))


def a_battery(*, efficiency_percent: int = 100, most: int = 4 * STEP) -> Battery:
    return Battery(
        capacity=40 * STEP,
        reserve=0,
        charge_most=most,
        discharge_most=most,
        efficiency_percent=efficiency_percent,
    )


def an_outlook(price: list[int], net: list[int], *, grid: int = 4 * STEP) -> Outlook:
    free = np.full(len(price), grid, np.int64)
    return Outlook(
        nets=np.array([net], np.int64),
        chances=np.ones(1),
        prices=np.array(price, np.int64),
        grid_in=free,
        grid_out=free,
    )


def least_cost(battery: Battery, outlook: Outlook, level: int, *, costs: Costs) -> int:
    """Return the cost of the best of all ways from level to level of the lattice, each tried."""
    periods = list(zip(outlook.nets[0].tolist(), outlook.prices.tolist(), strict=True))
    return min(
        sum(
            stage_cost(
                net,
                max(after - before, 0) * STEP * 100 // battery.efficiency_percent,
                max(before - after, 0) * STEP,
                price,
                *costs,
            )
            for (net, price), before, after in zip(periods, (level, *way), way, strict=False)
        )
        for way in product(range(LEVELS), repeat=len(periods))
    )


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(dear_enough, st.integers(-3, 3)), min_size=1, max_size=3),
    st.integers(0, 4),
    st.sampled_from([50, 100]),
    costs,
)
def test_it_costs_as_little_as_the_best_of_all_ways_through_the_lattice(
    periods: list[tuple[int, int]], level: int, efficiency_percent: int, costs: Costs
) -> None:
    # Twice as wide steps, so that half of what is charged lies on the lattice as well.
    battery = Battery(
        capacity=4 * STEP,
        reserve=0,
        charge_most=8 * STEP,
        discharge_most=8 * STEP,
        efficiency_percent=efficiency_percent,
    )
    outlook = an_outlook(
        [price for price, _ in periods], [2 * STEP * net for _, net in periods], grid=8 * STEP
    )

    found = values(battery, outlook, costs=costs, levels=LEVELS)

    assert found[0, 0, level] == least_cost(battery, outlook, level, costs=costs)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(prices, st.integers(-2_000_000, 2_000_000)), min_size=1, max_size=40),
    st.integers(0, 40 * STEP),
    st.integers(50, 100),
    costs,
)
def test_what_is_planned_never_costs_more_than_self_consumption(
    periods: list[tuple[int, int]], level: int, efficiency_percent: int, costs: Costs
) -> None:
    battery = a_battery(efficiency_percent=efficiency_percent)
    outlook = an_outlook(*map(list, zip(*periods, strict=True)))
    net = outlook.nets[0]

    orders = plan(battery, outlook, level, costs=costs)

    alone = cost_of([Order()] * len(net), battery, outlook.prices, net, level, costs=costs)
    assert cost_of(orders, battery, outlook.prices, net, level, costs=costs) <= alone


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(prices, st.integers(-2_000_000, 2_000_000)), min_size=2, max_size=12),
    st.integers(0, 40 * STEP),
    costs,
)
def test_planned_anew_in_each_period_it_never_costs_more_either(
    periods: list[tuple[int, int]], level: int, costs: Costs
) -> None:
    battery = a_battery(efficiency_percent=90)
    price, net = map(list, zip(*periods, strict=True))
    alone = cost_of(
        [Order()] * len(net), battery, np.array(price), np.array(net), level, costs=costs
    )

    total = 0
    for first in range(len(net)):
        outlook = an_outlook(price[first:], net[first:])
        order = plan(battery, outlook, level, costs=costs)[0]
        moved = follow(order, level, net[first], battery=battery)
        total += stage_cost(net[first], moved.charge, moved.discharge, price[first], *costs)
        level = moved.level

    assert total <= alone


@settings(deadline=None)
@given(
    st.integers(0, 30_000), st.integers(0, 60_000), st.integers(0, 10_000), st.integers(0, 9_000)
)
def test_it_trades_only_when_the_later_price_times_the_efficiency_less_the_price_is_above_the_wear(
    low: int, high: int, wear: int, fee: int
) -> None:
    battery = a_battery(efficiency_percent=50)

    first, second = plan(
        battery, an_outlook([low, high], [0, 0]), 0, costs=Costs(fee=fee, wear=wear)
    )

    gain = high * 50 // 100 - (low + fee) - wear
    if gain > 0:
        assert (first, second.mode) == (Order(CHARGE, 4 * STEP), DISCHARGE)
    elif gain < -1:
        assert (first.grid, second.grid) == (0, 0)


def test_it_takes_no_more_from_the_grid_than_it_may() -> None:
    battery = a_battery()
    outlook = an_outlook([1_000, 90_000], [0, 0], grid=STEP)

    orders = plan(battery, outlook, 0, costs=Costs(fee=0, wear=0))

    assert orders == [Order(CHARGE, STEP), Order(DISCHARGE, STEP)]


def test_it_keeps_what_the_sun_gave_in_the_morning_for_the_dear_evening() -> None:
    battery = a_battery()
    sun, need = -2 * STEP, 2 * STEP

    orders = plan(
        battery,
        an_outlook([5_000, 5_000, 40_000], [sun, need, need], grid=0),
        0,
        costs=Costs(fee=10_000, wear=0),
    )

    levels = [0]
    for order, net in zip(orders, [sun, need, need], strict=True):
        levels.append(follow(order, levels[-1], net, battery=battery).level)
    assert levels == [0, 2 * STEP, 2 * STEP, 0]


def test_when_it_is_uncertain_whether_the_sun_or_the_load_comes_first_it_follows_both() -> None:
    battery, costs = a_battery(), Costs(fee=15_000, wear=3_000)
    outlook = Outlook(
        nets=np.array([[-STEP, STEP], [0, 0], [STEP, -STEP]], np.int64),
        chances=np.full(3, 1 / 3),
        prices=np.array([8_000, 8_000], np.int64),
        grid_in=np.zeros(2, np.int64),
        grid_out=np.zeros(2, np.int64),
    )
    worth = values(battery, outlook, costs=costs)

    assert best_order(battery, outlook, worth, STEP // 2, costs=costs) == Order(AUTO)


def test_it_keeps_nothing_for_a_future_that_the_day_has_shown_not_to_come() -> None:
    battery, costs = a_battery(), Costs(fee=0, wear=0)
    sunny, cloudy = [0, -8 * STEP, 4 * STEP], [0, 0, 4 * STEP]
    orders = {}
    for name, chances in (("sunny", [1.0, 0.0]), ("cloudy", [0.0, 1.0])):
        outlook = Outlook(
            nets=np.array([sunny, cloudy], np.int64),
            chances=np.array(chances),
            prices=np.array([20_000, -1_000, 40_000], np.int64),
            grid_in=np.zeros(3, np.int64),
            grid_out=np.full(3, 4 * STEP, np.int64),
        )
        worth = values(battery, outlook, costs=costs)
        orders[name] = best_order(battery, outlook, worth, 4 * STEP, costs=costs)

    assert orders["sunny"] == Order(DISCHARGE, 4 * STEP)
    assert orders["cloudy"].grid == 0
