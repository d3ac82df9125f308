"""From topics to devices and back: who is meant, what is answered, what is reported."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from load_generator.profiles import read_profiles
from load_generator.registered import WAITING, registered
from load_generator.world.devices import Mode, Switch
from load_generator.world.directives import Addresses, ack
from load_generator.world.grid import World, WorldPlan
from load_generator.world.plants import Trips, registered_plants
from load_generator.world.reports import plant_readings, sessions
from schemas.batteries import BatteryDirective, BatteryMode, BatteryReason
from schemas.production import OrderReason, ProductionOrder
from schemas.regulation import AckOutcome, Level, SwitchDirective, SwitchReason, SwitchState
from streams.domain.registry import Claim
from streams.domain.registry_rules import register

EVENING = datetime(2026, 7, 14, 17, tzinfo=UTC)
START = int(EVENING.timestamp())


@pytest.fixture
def world(a_day_of_profiles: Path) -> World:
    trip = Trips(told=frozenset({("coal", START + 120)}))
    plan = WorldPlan(communities=2, households=60, seed=1, start=EVENING, trips=trip)
    return World(plan, read_profiles([a_day_of_profiles]))


def a_switching(meter_id: str, *, level: Level = Level.NORMAL) -> SwitchDirective:
    return SwitchDirective(
        directive_id=f"off-{meter_id}",
        community_id="c0001",
        meter_id=meter_id,
        minute=START,
        version=1,
        state=SwitchState.OFF,
        level=level,
        limit_w=None,
        reason=SwitchReason.CONNECTION_LIMIT,
        detail="too much",
        valid_from=START,
        valid_until=START + 900,
    )


def test_a_switch_obeys_its_directive_and_says_so(world: World) -> None:
    meter = world.fleet.meter_ids[0]

    played = world.play(START, [Addresses.of(world).order(a_switching(meter))])

    assert played.truth.commands.switch[0] == Switch.OFF
    (answer,) = played.answers
    said = ack(world.fleet, answer, START)
    assert said is not None
    assert (said.directive_id, said.meter_id, said.community_id, said.outcome) == (
        f"off-{meter}",
        meter,
        "c0001",
        AckOutcome.OBEYED,
    )


def test_a_directive_to_nobody_changes_nothing(world: World) -> None:
    played = world.play(START, [Addresses.of(world).order(a_switching("m9999-999"))])

    assert (played.truth.commands.switch == -1).all()
    assert ack(world.fleet, played.answers[0], START) is None


def test_an_emergency_can_t_be_refused(world: World) -> None:
    orders = Addresses.of(world)

    assert orders.order(a_switching("m0001-001")).is_refusable
    assert not orders.order(a_switching("m0001-001", level=Level.EMERGENCY)).is_refusable


def test_a_battery_and_a_plant_are_found_by_their_names(world: World) -> None:
    orders, household = Addresses.of(world), int(world.fleet.battery[1])
    battery = BatteryDirective(
        directive_id="b",
        community_id="c0001",
        meter_id=world.fleet.meter_ids[household],
        version=1,
        valid_from=START,
        valid_until=START + 900,
        mode=BatteryMode.DISCHARGE,
        power_w=500,
        reason=BatteryReason.DEAR,
    )
    plant = ProductionOrder(
        order_id="p",
        plant_id="gas-turbine",
        version=1,
        minute=START,
        valid_from=START,
        valid_until=START + 240,
        ordered_w=20_000,
        reason=OrderReason.MERIT,
        forecast_w=1,
        reserve_w=1,
        deficit_w=0,
        surplus_w=0,
    )

    commands = world.play(START, [orders.order(battery), orders.order(plant)]).truth.commands

    assert (commands.mode[1], commands.battery_w[1]) == (Mode.DISCHARGE, 500)
    assert commands.plant_w[world.plants.ids.index("gas-turbine")] == 20_000


def test_a_session_tells_what_was_charged_before_the_minute_and_ends_once(world: World) -> None:
    told = [
        report
        for minute in range(START, START + 16 * 3600, 60)
        for report in sessions(world, world.play(minute))
    ]

    by_session: dict[str, list[tuple[int, float, bool]]] = {}
    for report in told:
        by_session.setdefault(report.session_id, []).append(
            (report.version, report.charged_wh, report.unplugged)
        )
    assert by_session
    for reports in by_session.values():
        assert reports == sorted(reports)
        assert [left for *_, left in reports].count(True) <= 1
        assert all(charged <= told[0].charger_w * 24 for _, charged, _ in reports)


def test_a_plant_that_tripped_says_so_and_that_it_can_give_nothing(world: World) -> None:
    coal = world.plants.ids.index("coal")

    before, after = (
        list(plant_readings(world, [world.play(START + n * 60) for n in minutes][-1]))[coal]
        for minutes in (range(2), range(2, 4))
    )

    assert not before.out_of_service
    assert (after.out_of_service, after.production_w, after.available_w) == (True, 0, 0)


def test_its_households_and_plants_can_be_registered(world: World) -> None:
    entries = [*registered(world.fleet), *registered_plants(world.plants, version=WAITING)]
    claims = [Claim(line, entry) for line, entry in enumerate(entries, start=1)]

    assert register({}, claims, now_ms=1).faults == []
