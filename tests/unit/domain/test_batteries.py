"""What a battery does under an order, whatever the order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.batteries import (
    AUTO,
    CHARGE,
    DISCHARGE,
    HOLD,
    Battery,
    BatteryError,
    Order,
    follow,
)

KWH = 1_000_000


def a_battery(
    capacity: int = 10 * KWH,
    *,
    reserve: int = KWH,
    most: int = 1_250_000,
    efficiency_percent: int = 90,
) -> Battery:
    return Battery(
        capacity=capacity,
        reserve=reserve,
        charge_most=most,
        discharge_most=most,
        efficiency_percent=efficiency_percent,
    )


orders = st.builds(
    Order, st.sampled_from([AUTO, HOLD, CHARGE, DISCHARGE]), st.integers(0, 5_000_000)
)
nets = st.integers(-5_000_000, 5_000_000)


@st.composite
def batteries(draw: st.DrawFn) -> Battery:
    capacity = draw(st.integers(0, 20 * KWH))
    return a_battery(
        capacity,
        reserve=draw(st.integers(0, capacity)),
        most=draw(st.integers(0, 5 * KWH)),
        efficiency_percent=draw(st.integers(1, 100)),
    )


@given(batteries(), orders, nets, st.data())
def test_its_level_stays_between_reserve_and_capacity(
    battery: Battery, order: Order, net: int, data: st.DataObject
) -> None:
    level = data.draw(st.integers(battery.reserve, battery.capacity))

    moved = follow(order, level, net, battery=battery)

    assert battery.reserve <= moved.level <= battery.capacity


@given(batteries(), orders, nets, st.data())
def test_below_its_reserve_it_gives_nothing_and_never_exceeds_its_power(
    battery: Battery, order: Order, net: int, data: st.DataObject
) -> None:
    level = data.draw(st.integers(0, battery.reserve))

    moved = follow(order, level, net, battery=battery)

    assert moved.discharge == 0
    assert moved.level >= level
    assert 0 <= moved.charge <= battery.charge_most


@given(batteries(), orders, nets, st.data())
def test_it_never_charges_and_discharges_at_once_and_loses_what_the_efficiency_says(
    battery: Battery, order: Order, net: int, data: st.DataObject
) -> None:
    level = data.draw(st.integers(0, battery.capacity))

    moved = follow(order, level, net, battery=battery)

    assert not (moved.charge and moved.discharge)
    assert moved.level - level == (
        moved.charge * battery.efficiency_percent // 100 - moved.discharge
    )


def test_in_auto_it_takes_what_the_sun_leaves_over_and_gives_what_the_loads_lack() -> None:
    battery = a_battery()

    assert follow(Order(AUTO), 5 * KWH, -100_000, battery=battery).charge == 100_000
    assert follow(Order(AUTO), 5 * KWH, 100_000, battery=battery).discharge == 100_000


def test_it_charges_from_the_grid_on_top_of_the_sun_and_leaves_the_loads_to_the_grid() -> None:
    battery = a_battery()

    assert follow(Order(CHARGE, 200_000), 5 * KWH, -100_000, battery=battery).charge == 300_000
    assert follow(Order(CHARGE, 200_000), 5 * KWH, 100_000, battery=battery)[:2] == (200_000, 0)


def test_it_discharges_to_the_grid_on_top_of_the_loads_and_leaves_the_sun_to_the_grid() -> None:
    battery = a_battery()

    assert follow(Order(DISCHARGE, 50_000), 5 * KWH, 100_000, battery=battery).discharge == 150_000
    assert follow(Order(DISCHARGE, 50_000), 5 * KWH, -100_000, battery=battery)[:2] == (0, 50_000)


@given(nets)
def test_on_hold_nothing_moves(net: int) -> None:
    assert follow(Order(HOLD), 5 * KWH, net, battery=a_battery()) == (0, 0, 5 * KWH)


def test_refuses_a_reserve_that_does_not_fit_into_it() -> None:
    with pytest.raises(BatteryError, match=r"reserve=11000000 must lie in 0\.\.capacity=10000000"):
        a_battery(reserve=11 * KWH)
