from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from load_generator.energy_flows import EnergyFlows, MeterState, flow
from load_generator.fleet import MAX_METERS_A_FRAME, Fleet, FleetError
from load_generator.profiles import SHIPPED_PROFILE, read_profiles

MIDNIGHT = int(datetime(2026, 7, 14, tzinfo=UTC).timestamp())

with_files = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def a_fleet(path: Path, *, communities: int = 3, households: int = 40, seed: int = 1) -> Fleet:
    return Fleet.build(
        communities=communities, households=households, seed=seed, profiles=read_profiles([path])
    )


def by_household(fleet: Fleet, owners: np.ndarray, energy: np.ndarray) -> np.ndarray:
    spread = np.zeros((len(energy), fleet.households), np.int64)
    spread[:, owners] = energy
    return spread


def a_day_of_flows(fleet: Fleet) -> list[EnergyFlows]:
    state = MeterState.at_start(fleet)
    flows = []
    for first_minute in range(MIDNIGHT, MIDNIGHT + 86_400, 900):
        some, state = flow(fleet, state, first_minute=first_minute, minutes=15)
        flows.append(some)
    return flows


@with_files
@given(seed=st.integers(0, 2**32), hour=st.integers(0, 23))
def test_energy_is_conserved_in_every_minute(a_day_of_profiles: Path, seed: int, hour: int) -> None:
    fleet = a_fleet(a_day_of_profiles, seed=seed)

    flows, _ = flow(
        fleet, MeterState.at_start(fleet), first_minute=MIDNIGHT + hour * 3600, minutes=15
    )

    production = by_household(fleet, fleet.pv, flows.production)
    charge = by_household(fleet, fleet.battery, flows.battery_charge)
    discharge = by_household(fleet, fleet.battery, flows.battery_discharge)
    used = flows.consumption + charge + flows.exported
    assert (used == production + discharge + flows.imported).all()
    assert (np.minimum(flows.imported, flows.exported) == 0).all()
    for energy in (flows.consumption, production, charge, discharge):
        assert energy.min() >= 0


@with_files
@given(seed=st.integers(0, 2**32))
def test_a_battery_stays_within_its_levels_and_never_runs_both_ways(
    a_day_of_profiles: Path, seed: int
) -> None:
    fleet = a_fleet(a_day_of_profiles, seed=seed)

    for flows in a_day_of_flows(fleet):
        assert (flows.battery_level >= 0).all()
        assert (flows.battery_level <= fleet.battery_capacity_mwh).all()
        assert (np.minimum(flows.battery_charge, flows.battery_discharge) == 0).all()
        assert (flows.battery_charge <= fleet.battery_minute_mwh).all()
        assert (flows.battery_discharge <= fleet.battery_minute_mwh).all()


def test_a_battery_loses_a_tenth_of_what_it_takes(a_day_of_profiles: Path) -> None:
    fleet = a_fleet(a_day_of_profiles, households=200)

    flows = a_day_of_flows(fleet)

    charged = sum(f.battery_charge.sum(axis=0) for f in flows)
    discharged = sum(f.battery_discharge.sum(axis=0) for f in flows)
    gained = flows[-1].battery_level[-1] - MeterState.at_start(fleet).battery_level
    assert charged.min() > 0
    # Each minute is rounded down to a whole mWh.
    assert (np.abs(charged * 0.9 - discharged - gained) < 1440).all()


def test_registers_grow_by_what_is_imported_and_exported(a_day_of_profiles: Path) -> None:
    fleet = a_fleet(a_day_of_profiles)
    start = MeterState.at_start(fleet)

    flows = a_day_of_flows(fleet)

    imported = sum(f.imported.sum(axis=0) for f in flows)
    exported = sum(f.exported.sum(axis=0) for f in flows)
    assert (flows[-1].import_register[-1] - start.import_register == imported).all()
    assert (flows[-1].export_register[-1] - start.export_register == exported).all()


def test_a_household_uses_about_four_hundred_watts_on_average() -> None:
    fleet = Fleet.build(
        communities=10, households=1000, seed=3, profiles=read_profiles([SHIPPED_PROFILE])
    )

    kwh = sum(f.consumption.sum(axis=0) for f in a_day_of_flows(fleet)) / 1e6

    plain = np.setdiff1d(np.arange(1000), np.union1d(fleet.heat_pump, fleet.ev))
    assert 0.3 * 24 < kwh[plain].mean() < 0.5 * 24
    assert np.percentile(kwh[plain], 90) > 2 * np.percentile(kwh[plain], 10)


def test_a_minute_varies_within_its_quarter_hour(a_day_of_profiles: Path) -> None:
    fleet = a_fleet(a_day_of_profiles)

    flows, _ = flow(fleet, MeterState.at_start(fleet), first_minute=MIDNIGHT, minutes=15)

    assert (flows.consumption.std(axis=0) > 0).all()


def test_households_are_spread_evenly_and_named_by_community(a_day_of_profiles: Path) -> None:
    fleet = a_fleet(a_day_of_profiles, communities=3, households=10)

    assert np.bincount(fleet.community).tolist() == [4, 3, 3]
    assert fleet.community_ids == ("c0001", "c0002", "c0003")
    assert fleet.meter_ids[3:5] == ("m0001-004", "m0002-001")


def test_a_large_community_reports_in_several_frames(a_day_of_profiles: Path) -> None:
    fleet = a_fleet(a_day_of_profiles, communities=1, households=2 * MAX_METERS_A_FRAME + 1)

    assert [terminal.last - terminal.first for terminal in fleet.terminals] == [
        MAX_METERS_A_FRAME,
        MAX_METERS_A_FRAME,
        1,
    ]


@pytest.mark.parametrize(("communities", "households"), [(0, 10), (5, 4), (1, 0)])
def test_a_community_without_a_household_is_refused(
    a_day_of_profiles: Path, communities: int, households: int
) -> None:
    with pytest.raises(FleetError, match=f"{households} households in {communities} communities"):
        a_fleet(a_day_of_profiles, communities=communities, households=households)
