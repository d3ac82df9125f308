from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from load_generator.energy_flows import MeterState, flow
from load_generator.faults import FaultRateError
from load_generator.fleet import Fleet
from load_generator.meter_faults import (
    APART_MINUTES,
    LABEL_SCHEMA,
    METER_FAULT_RATES,
    MeterFaultKind,
    MeterFaultRates,
    draw_meter_faults,
    label_table,
    meters_of,
    write_labels,
)
from load_generator.profiles import read_profiles
from load_generator.telling import NOT_TOLD, REGISTER_MAXIMUM_MWH, Meters, Told

FIRST_MINUTE = int(datetime(2026, 7, 14, tzinfo=UTC).timestamp())
MINUTES = 10 * 1440
MANY = METER_FAULT_RATES["some"]


@pytest.fixture(scope="module")
def fleet(a_day_of_profiles: Path) -> Fleet:
    return Fleet.build(
        communities=2, households=40, seed=4, profiles=read_profiles([a_day_of_profiles])
    )


def told_quarters(fleet: Fleet, rates: MeterFaultRates, *, quarters: int) -> tuple[Meters, Told]:
    """What is told of some quarter-hours, one after the other."""
    minutes = quarters * 15
    meters = Meters(fleet, rates, first_minute=FIRST_MINUTE, minutes=minutes)
    state, parts = MeterState.at_start(fleet), []
    for quarter in range(quarters):
        start = FIRST_MINUTE + quarter * 900
        flows, state = flow(fleet, state, first_minute=start, minutes=15)
        parts.append(meters.tell(flows, first_minute=start))
    columns = {
        name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns
    }
    clock_off = np.concatenate([part.clock_off for part in parts])
    return meters, Told(columns, clock_off, np.concatenate([part.reported_by for part in parts]))


def test_without_rates_meters_tell_what_flows(fleet: Fleet) -> None:
    state = MeterState.at_start(fleet)
    flows, _ = flow(fleet, state, first_minute=FIRST_MINUTE, minutes=15)

    meters, told = told_quarters(fleet, MeterFaultRates(), quarters=1)

    assert meters.faults == []
    assert (told.columns["consumption"] == flows.consumption).all()
    assert (told.columns["import_register"] == flows.import_register).all()
    assert (told.columns["production"][:, fleet.pv] == flows.production).all()
    assert not told.clock_off.any()


def test_the_same_seed_draws_the_same_faults(fleet: Fleet) -> None:
    first, again = (
        draw_meter_faults(fleet, MANY, first_minute=FIRST_MINUTE, minutes=MINUTES) for _ in range(2)
    )

    assert first == again
    assert len(first) > 10


def test_faults_of_a_meter_keep_apart(fleet: Fleet) -> None:
    faults = draw_meter_faults(fleet, MANY, first_minute=FIRST_MINUTE, minutes=MINUTES)

    free_from = np.zeros(fleet.households)
    for fault in faults:
        meters = meters_of(fleet, fault)
        assert (free_from[meters] <= fault.first_minute).all()
        free_from[meters] = fault.end + APART_MINUTES * 60


@pytest.mark.parametrize("kind", MeterFaultKind)
def test_each_kind_shows_in_what_is_told_and_nowhere_but_in_its_minutes(
    fleet: Fleet, kind: MeterFaultKind
) -> None:
    rate = 1.0 if kind is MeterFaultKind.ROLLOVER else 40.0
    rates = MeterFaultRates(**{kind.value: rate})

    _, right = told_quarters(fleet, MeterFaultRates(), quarters=400)
    meters, wrong = told_quarters(fleet, rates, quarters=400)

    labelled = np.zeros(right.reported_by.shape, np.bool_)
    for fault in meters.faults:
        first = (fault.first_minute - FIRST_MINUTE) // 60
        labelled[first : first + fault.minutes, meters_of(fleet, fault)] = True
    differs = (right.reported_by != wrong.reported_by) | (wrong.clock_off[:, fleet.terminal] != 0)
    for name, column in wrong.columns.items():
        if kind in {MeterFaultKind.RESET, MeterFaultKind.ROLLOVER} and "register" in name:
            continue
        differs |= column != right.columns[name]
    assert labelled.any()
    assert not (differs & ~labelled).any()
    is_of_registers = kind in {MeterFaultKind.RESET, MeterFaultKind.ROLLOVER}
    assert is_of_registers or differs.any()


def test_a_register_that_rolls_over_falls_by_its_maximum(fleet: Fleet) -> None:
    meters, told = told_quarters(fleet, MeterFaultRates(register_rollover=1.0), quarters=200)

    register = told.columns["import_register"]
    falls = np.argwhere(np.diff(register, axis=0) < 0)
    assert len(falls) == len(meters.faults) > 0
    assert (register[falls[:, 0], falls[:, 1]] > REGISTER_MAXIMUM_MWH * 0.99).all()


def test_a_register_that_is_reset_begins_at_nothing(fleet: Fleet) -> None:
    meters, told = told_quarters(fleet, MeterFaultRates(register_reset=20.0), quarters=200)

    fault = meters.faults[0]
    row = (fault.first_minute - FIRST_MINUTE) // 60
    register = told.columns["import_register"][:, fault.owner]
    assert register[row] < register[row - 1]
    assert register[row] < 1_000_000


def test_in_an_outage_nothing_is_told(fleet: Fleet) -> None:
    meters, told = told_quarters(fleet, MeterFaultRates(outage=20.0), quarters=100)

    fault = meters.faults[0]
    row = (fault.first_minute - FIRST_MINUTE) // 60
    assert all(column[row, fault.owner] == NOT_TOLD for column in told.columns.values())


def test_labels_name_every_meter_that_a_fault_concerns(fleet: Fleet, tmp_path: Path) -> None:
    faults = draw_meter_faults(fleet, MANY, first_minute=FIRST_MINUTE, minutes=MINUTES)

    table = label_table(fleet, faults)
    write_labels(table, tmp_path / "labels.parquet")

    assert table.schema == LABEL_SCHEMA
    assert table.num_rows == sum(
        meters_of(fleet, fault).stop - meters_of(fleet, fault).start for fault in faults
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"spike": -1}, "spike=-1"), ({"register_rollover": 1.5}, "must be at most 1")],
)
def test_rates_that_cannot_be_are_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(FaultRateError, match=said):
        MeterFaultRates(**wrong)
