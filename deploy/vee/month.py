"""A community's simulated month, as it was and as it is told, in the shapes of the rules."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from load_generator.energy_flows import EnergyFlows, MeterState, flow
from load_generator.fleet import Fleet
from load_generator.meter_faults import MeterFault, MeterFaultRates
from load_generator.profiles import Profiles
from load_generator.registered import (
    LATITUDE_DEG,
    LONGITUDE_DEG,
    contract_powers_w,
    panel_peaks_w,
)
from load_generator.telling import NOT_TOLD, REGISTER_MAXIMUM_MWH, Meters, Told
from schemas.units import MINUTE_S, PERIOD_MINUTES, PERIOD_S
from streams.domain.arrival_rules import check_clocks, check_drift, check_membership, punctual
from streams.domain.channels import CHANNELS, MISSING, Cells
from streams.domain.like_days import kind_of
from streams.domain.sun import elevation_deg
from streams.domain.validation import PeriodOfDay
from streams.domain.vee import FAILING, Flags, MeterLimits, Thresholds

ZONE: Final = ZoneInfo("Europe/Berlin")

DAY_MINUTES: Final = 1440
FIRST_MINUTE: Final = int(datetime(2025, 6, 2, tzinfo=ZONE).timestamp())
"""A Monday's midnight where the profiles were measured; no clock changes in the month after."""

_UNDER_WAY_S: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Month:
    """One community, all meters in one terminal; (minute, ..., meter).

    Attributes:
        fleet: Who is in it.
        truth: (minute, channel, meter) mWh, `MISSING` for what is not installed.
        cells: What was told and admitted, at the minute that its stamp says.
        arrival: What the rules on arrival said of it, at that minute.
        faults: What went wrong.
        limits: What a registry would know of the meters.
        calendar: Of each period.
        is_night: By minute.
        has_registers: By meter: the others don't send them.
    """

    fleet: Fleet
    truth: Cells
    cells: Cells
    arrival: Flags
    faults: tuple[MeterFault, ...]
    limits: MeterLimits
    calendar: tuple[PeriodOfDay, ...]
    is_night: npt.NDArray[np.bool_]
    has_registers: npt.NDArray[np.bool_]


def simulate(  # noqa: PLR0913 - whom, how long, what goes wrong, against which thresholds
    profiles: Profiles,
    *,
    households: int,
    days: int,
    seed: int,
    rates: MeterFaultRates,
    thresholds: Thresholds,
) -> Month:
    """Return a community's month; every second meter sends no registers."""
    fleet = Fleet.build(communities=1, households=households, seed=seed, profiles=profiles)
    minutes = days * DAY_MINUTES
    meters = Meters(fleet, rates, first_minute=FIRST_MINUTE, minutes=minutes)
    state = MeterState.at_start(fleet)
    truth = np.full((minutes, len(CHANNELS), households), MISSING, np.int64)
    stated = truth.copy()
    clock_off = np.zeros(minutes, np.int64)
    reported_by = np.zeros((minutes, households), np.int64)
    for first in range(0, minutes, PERIOD_MINUTES):
        start, rows = FIRST_MINUTE + first * MINUTE_S, slice(first, first + PERIOD_MINUTES)
        flows, state = flow(fleet, state, first_minute=start, minutes=PERIOD_MINUTES)
        told = meters.tell(flows, first_minute=start)
        _put_truth(truth[rows], fleet, flows)
        _put_told(stated[rows], told)
        clock_off[rows], reported_by[rows] = told.clock_off[:, 0], told.reported_by
    has_registers = np.arange(households) % 2 == 0
    stated[:, CHANNELS.index("import_register") :, ~has_registers] = MISSING
    cells, arrival = _admit(stated, clock_off, reported_by, thresholds)
    starts = FIRST_MINUTE + np.arange(minutes) * MINUTE_S
    sun = elevation_deg(starts, latitude_deg=LATITUDE_DEG, longitude_deg=LONGITUDE_DEG)
    return Month(
        fleet,
        truth,
        cells,
        arrival,
        tuple(meters.faults),
        limits_of(fleet),
        calendar_of(minutes // PERIOD_MINUTES),
        sun < thresholds.night_elevation_deg,
        has_registers,
    )


def months(  # noqa: PLR0913 - a month is said by as many
    profiles: Profiles,
    *,
    households: int,
    communities: int,
    days: int,
    seed: int,
    rates: MeterFaultRates,
    thresholds: Thresholds,
) -> Iterator[Month]:
    """Yield the month of each community, one after the other, so that memory stays small."""
    for number in range(communities):
        yield simulate(
            profiles,
            households=households // communities + (number < households % communities),
            days=days,
            # Communities of one seed differ, and those of two seeds as well.
            seed=seed * 1_000 + number,
            rates=rates,
            thresholds=thresholds,
        )


def limits_of(fleet: Fleet) -> MeterLimits:
    """Return what a registry knows: the contract, the panels, the battery."""
    panels, battery = np.zeros((2, fleet.households), np.int64)
    panels[fleet.pv] = panel_peaks_w(fleet)
    battery[fleet.battery] = fleet.battery_capacity_mwh
    return MeterLimits(
        contract_power_w=contract_powers_w(fleet),
        pv_peak_w=panels,
        battery_capacity_mwh=battery,
        register_maximum_mwh=np.full(fleet.households, REGISTER_MAXIMUM_MWH),
    )


def calendar_of(periods: int) -> tuple[PeriodOfDay, ...]:
    """Return where each period of a month stands in the local calendar."""
    return tuple(
        PeriodOfDay(
            at.toordinal(), kind_of(at.weekday()), (at.hour * 60 + at.minute) // PERIOD_MINUTES
        )
        for at in (
            datetime.fromtimestamp(FIRST_MINUTE + number * PERIOD_S, UTC).astimezone(ZONE)
            for number in range(periods)
        )
    )


def _put_truth(cells: Cells, fleet: Fleet, flows: EnergyFlows) -> None:
    cells[:, 0] = flows.consumption
    cells[:, 1, fleet.pv] = flows.production
    cells[:, 2, fleet.battery] = flows.battery_charge
    cells[:, 3, fleet.battery] = flows.battery_discharge
    cells[:, 4, fleet.battery] = flows.battery_level
    cells[:, 5] = flows.import_register
    cells[:, 6] = flows.export_register


def _put_told(cells: Cells, told: Told) -> None:
    for channel, name in enumerate(CHANNELS):
        column = told.columns[name]
        cells[:, channel] = np.where(column == NOT_TOLD, MISSING, column)


def _admit(
    stated: Cells,
    clock_off: npt.NDArray[np.int64],
    reported_by: npt.NDArray[np.int64],
    thresholds: Thresholds,
) -> tuple[Cells, Flags]:
    """Put each minute's frame where its stamp says, if it is admitted; a later one stands."""
    minutes = len(stated)
    sent = np.arange(minutes)
    starts = FIRST_MINUTE + sent * MINUTE_S
    stamps = starts + clock_off * MINUTE_S
    received = starts + MINUTE_S + _UNDER_WAY_S
    newest = np.maximum.accumulate(np.minimum(stamps, received))
    frames = check_clocks(stamps, received, newest, thresholds=thresholds)
    state = punctual(1)
    for number in range(minutes):
        drift, state = check_drift(
            stamps[number : number + 1], received[number : number + 1], state, thresholds=thresholds
        )
        frames[number] |= drift[0]
    members = check_membership(reported_by, np.zeros_like(reported_by))
    cells = np.full_like(stated, MISSING)
    flags = np.zeros(reported_by.shape, np.uint32)
    places = sent + clock_off
    for number in np.flatnonzero((places >= 0) & (places < minutes)).tolist():
        judged = frames[number] | members[number]
        flags[places[number]] |= np.where(stated[number, 0] == MISSING, np.uint32(0), judged)
        admitted = (judged & np.uint32(FAILING)) == 0
        cells[places[number]][:, admitted] = stated[number][:, admitted]
    return cells, flags
