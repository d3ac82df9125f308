"""The grid that answers: it conserves energy, obeys within its limits, and repeats itself."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from load_generator.profiles import Profiles, read_profiles
from load_generator.world.devices import Mode, Switch
from load_generator.world.grid import Minute, World, WorldPlan
from load_generator.world.measured import Meters
from load_generator.world.terminals import Device, Order, TerminalRates

EVENING = datetime(2026, 7, 14, 17, tzinfo=UTC)
START = int(EVENING.timestamp())
HOUR = 3600

with_files = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def a_day(a_day_of_profiles: Path) -> Profiles:
    return read_profiles([a_day_of_profiles])


def a_plan(*, seed: int = 1, start: datetime = EVENING, **more: object) -> WorldPlan:
    plan = WorldPlan(communities=3, households=60, seed=seed, start=start)
    return replace(plan, **more)  # type: ignore[arg-type]


def an_order(device: Device, place: int, *, what: int = 0, power_w: int = -1) -> Order:
    return Order(
        device=device,
        place=place,
        order_id=f"{device}-{place}-{what}-{power_w}",
        rank=START,
        version=1,
        valid_from=START,
        valid_until=START + HOUR,
        what=what,
        power_w=power_w,
        is_refusable=device is Device.SWITCH,
    )


def all_told(world: World, device: Device, *, what: int = 0, power_w: int = -1) -> list[Order]:
    places = len(world.terminals.standing[device].what)
    return [an_order(device, place, what=what, power_w=power_w) for place in range(places)]


def played(world: World, orders: list[Order], *, minutes: int) -> list[Minute]:
    start = int(world.plan.start.timestamp())
    return [
        world.play(start + number * 60, orders if number == 0 else ()) for number in range(minutes)
    ]


some_orders = st.lists(
    st.one_of(
        st.tuples(st.just(Device.SWITCH), st.sampled_from(Switch), st.integers(-1, 6_000)),
        st.tuples(st.just(Device.CHARGER), st.just(0), st.integers(0, 22_000)),
        st.tuples(st.just(Device.BATTERY), st.sampled_from(Mode), st.integers(0, 10_000)),
        st.tuples(st.just(Device.PLANT), st.just(0), st.integers(0, 100_000)),
    ),
    max_size=4,
)


@with_files
@given(seed=st.integers(0, 2**32), told=some_orders)
def test_energy_is_conserved_whatever_is_ordered(
    a_day: Profiles, seed: int, told: list[tuple[Device, int, int]]
) -> None:
    world = World(a_plan(seed=seed), a_day)
    orders = [
        order
        for device, what, power_w in told
        for order in all_told(world, device, what=what, power_w=power_w)
    ]
    fleet = world.fleet

    for minute in played(world, orders, minutes=20):
        flows = minute.truth.flows
        balance = flows.consumption + flows.exported - flows.imported
        balance[:, fleet.pv] -= flows.production
        balance[:, fleet.battery] += flows.battery_charge - flows.battery_discharge
        assert not balance.any()
        assert (np.minimum(flows.imported, flows.exported) == 0).all()
        assert (np.minimum(flows.battery_charge, flows.battery_discharge) == 0).all()
        assert (flows.battery_level >= 0).all()
        assert (flows.battery_level <= fleet.battery_capacity_mwh).all()


@with_files
@given(seed=st.integers(0, 2**32), told=some_orders)
def test_hot_water_that_is_not_heated_now_is_heated_later_or_stays_cold(
    a_day: Profiles, seed: int, told: list[tuple[Device, int, int]]
) -> None:
    world = World(a_plan(seed=seed), a_day)
    free = World(a_plan(seed=seed), a_day)
    orders = [
        order
        for device, what, power_w in told
        for order in all_told(world, device, what=what, power_w=power_w)
    ]

    steered, unsteered = played(world, orders, minutes=90), played(free, [], minutes=90)

    def heated(minutes: list[Minute]) -> np.ndarray:
        sums = sum(minute.truth.heated.drawn + minute.truth.heated.cold for minute in minutes)
        return np.asarray(sums) + minutes[-1].truth.heated.lacking

    assert (heated(steered) == heated(unsteered)).all()
    power = world.fleet.heater_w * 1000 // 60
    assert all((minute.truth.heated.drawn <= power).all() for minute in steered)


def test_two_worlds_of_one_seed_are_the_same_to_the_byte(a_day: Profiles) -> None:
    plan = a_plan(rates=TerminalRates(delayed=0.2, lost=0.2, refused=0.2), silent=0.1)
    one, other = World(plan, a_day), World(plan, a_day)
    meters = Meters.of(one.fleet)
    orders = all_told(one, Device.SWITCH, what=Switch.OFF)

    frames = [meters.frames(minute.truth) for minute in played(one, orders, minutes=30)]
    again = [
        meters.frames(minute.truth) for minute in played(other, list(reversed(orders)), minutes=30)
    ]

    assert frames == again


def test_a_world_that_starts_later_has_the_same_weather_and_habits(a_day: Profiles) -> None:
    early, late = World(a_plan(), a_day), World(a_plan(start=EVENING.replace(hour=18)), a_day)

    of_early = played(early, [], minutes=61)[-1].truth
    of_late = played(late, [], minutes=1)[-1].truth

    assert (of_early.flows.production == of_late.flows.production).all()
    assert (of_early.available_w == of_late.available_w).all()


def test_a_heater_that_was_off_draws_what_it_missed(a_day: Profiles) -> None:
    world, free = World(a_plan(), a_day), World(a_plan(), a_day)

    steered = played(world, all_told(world, Device.SWITCH, what=Switch.OFF), minutes=120)
    unsteered = played(free, [], minutes=120)

    def drawn(minutes: list[Minute]) -> int:
        return sum(int(minute.truth.heated.drawn.sum()) for minute in minutes)

    assert drawn(steered[:60]) == 0
    assert drawn(unsteered[:60]) > 0
    assert drawn(steered[60:]) > drawn(unsteered[60:])


def test_off_with_a_limit_leaves_the_household_what_it_is_guaranteed(a_day: Profiles) -> None:
    world = World(a_plan(heater_share=1.0), a_day)
    orders = all_told(world, Device.SWITCH, what=Switch.OFF, power_w=1_000)

    for minute in played(world, orders, minutes=30):
        truth = minute.truth
        others = truth.flows.consumption[0] - truth.heated.drawn
        others[world.fleet.ev] -= truth.charged
        assert (others + truth.heated.drawn <= np.maximum(others, 1_000_000 // 60)).all()


def test_heaters_on_auto_wait_for_the_off_peak_hours(a_day: Profiles) -> None:
    # 17:00 UTC is 19:00 in Germany in July.
    world = World(a_plan(off_peak_hours=frozenset({20})), a_day)

    minutes = played(world, [], minutes=61)

    assert all(minute.truth.heated.drawn.sum() == 0 for minute in minutes[:60])
    assert minutes[60].truth.heated.drawn.sum() > 0


@pytest.mark.parametrize(
    ("mode", "charges", "discharges"),
    [(Mode.HOLD, False, False), (Mode.CHARGE, True, False), (Mode.DISCHARGE, False, True)],
)
def test_a_battery_does_what_its_mode_says(
    a_day: Profiles, mode: Mode, *, charges: bool, discharges: bool
) -> None:
    world = World(a_plan(), a_day)
    power_w = 500 if mode in {Mode.CHARGE, Mode.DISCHARGE} else 0

    minutes = played(world, all_told(world, Device.BATTERY, what=mode, power_w=power_w), minutes=10)

    flows = [minute.truth.flows for minute in minutes]
    assert any(flow.battery_charge.any() for flow in flows) is charges
    assert any(flow.battery_discharge.any() for flow in flows) is discharges


def test_vehicles_charge_at_once_until_they_are_told_a_power(a_day: Profiles) -> None:
    world, free = World(a_plan(), a_day), World(a_plan(), a_day)

    stopped = played(world, all_told(world, Device.CHARGER, power_w=0), minutes=60)
    at_once = played(free, [], minutes=60)

    assert sum(int(minute.truth.charged.sum()) for minute in stopped) == 0
    assert sum(int(minute.truth.charged.sum()) for minute in at_once) > 0


def test_a_vehicle_is_told_of_when_it_comes_and_when_it_leaves(a_day: Profiles) -> None:
    world = World(a_plan(start=EVENING.replace(hour=10)), a_day)

    minutes = played(world, [], minutes=26 * 60)

    told = {int(vehicle) for minute in minutes for vehicle in minute.sessions.told}
    left = [int(vehicle) for minute in minutes for vehicle in minute.sessions.left]
    assert told
    assert set(left) <= told
    assert len(left) == len(set(left))
    plugged = minutes[-1].truth.plugged
    assert (plugged.charged <= plugged.needed).all()


@with_files
@given(ordered_w=st.integers(0, 200_000), seed=st.integers(0, 2**32))
def test_plants_keep_to_their_ramps_and_to_what_is_available(
    a_day: Profiles, ordered_w: int, seed: int
) -> None:
    world = World(a_plan(seed=seed), a_day)

    minutes = played(world, all_told(world, Device.PLANT, power_w=ordered_w), minutes=30)

    for before, after in pairwise(minutes):
        rise = after.truth.plants.production_w - before.truth.plants.production_w
        assert (rise <= world.plants.ramp_w).all()
        assert (after.truth.plants.production_w <= after.truth.available_w).all()
    target = np.where(ordered_w < world.plants.minimum_w, 0, ordered_w)
    steady = (world.plants.ramp_w * 29 >= world.plants.capacity_w) & (target == 0)
    assert (minutes[-1].truth.plants.production_w[steady] == 0).all()


def test_orders_that_are_lost_get_no_answer_and_refused_ones_say_so(a_day: Profiles) -> None:
    lost, refused = (
        World(a_plan(rates=rates), a_day)
        for rates in (TerminalRates(lost=1.0), TerminalRates(refused=1.0))
    )

    unheard = played(lost, all_told(lost, Device.SWITCH, what=Switch.OFF), minutes=10)
    declined = played(refused, all_told(refused, Device.SWITCH, what=Switch.OFF), minutes=10)

    assert not any(minute.answers for minute in unheard)
    answers = [answer for minute in declined for answer in minute.answers]
    assert len(answers) == 60
    assert not any(answer.obeyed for answer in answers)
    assert (declined[-1].truth.commands.switch == -1).all()


def test_an_order_that_is_lost_may_arrive_when_it_is_sent_again(a_day: Profiles) -> None:
    world = World(a_plan(rates=TerminalRates(lost=0.5)), a_day)
    orders = all_told(world, Device.SWITCH, what=Switch.OFF)

    heard = {
        answer.order.order_id
        for number in range(20)
        for answer in world.play(START + number * 60, orders).answers
    }

    assert len(heard) == len(orders)


def test_an_order_ends_when_it_says_and_the_switch_is_auto_again(a_day: Profiles) -> None:
    world = World(a_plan(), a_day)

    minutes = played(world, all_told(world, Device.SWITCH, what=Switch.OFF), minutes=61)

    assert (minutes[59].truth.commands.switch == Switch.OFF).all()
    assert (minutes[60].truth.commands.switch == -1).all()


def test_an_older_order_that_comes_late_does_not_replace_a_newer_one(a_day: Profiles) -> None:
    world = World(a_plan(), a_day)
    newer = an_order(Device.SWITCH, 0, what=Switch.OFF)
    older = newer._replace(order_id="older", rank=START - 60, what=Switch.ON)

    world.play(START, [newer])
    after = world.play(START + 60, [older])

    assert after.truth.commands.switch[0] == Switch.OFF


def test_frames_tell_what_happened_unless_the_terminal_is_silent(a_day: Profiles) -> None:
    world = World(a_plan(silent=0.5), a_day)
    meters = Meters.of(world.fleet)

    minutes = played(world, [], minutes=20)

    sent = [
        (minute.truth, orjson.loads(f.value))
        for minute in minutes
        for f in meters.frames(minute.truth)
    ]
    assert 0 < len(sent) < 20 * 3
    for truth, frame in sent:
        assert frame["minute"] == truth.minute
        place = world.fleet.community_ids.index(frame["community_id"])
        members = world.fleet.community == place
        told = np.rint(np.array(frame["consumption_wh"]) * 1000)
        assert (told == truth.flows.consumption[0, members]).all()
