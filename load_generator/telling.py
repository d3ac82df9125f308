"""What the meters tell of what flows, their faults included; whole mWh."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from load_generator.energy_flows import Energy, EnergyFlows
from load_generator.fleet import Fleet, Index
from load_generator.meter_faults import (
    METER_FAULT_STREAM,
    MeterFault,
    MeterFaultKind,
    MeterFaultRates,
    draw_meter_faults,
    meters_of,
)
from schemas.units import MINUTE_S

NOT_TOLD: Final = int(np.iinfo(np.int64).min)
"""Where a meter says nothing: no such device, or out of order. Any other number can be a fault."""

REGISTER_MAXIMUM_MWH: Final = 100_000_000_000
"""A register of five digits, in kWh."""

_PHANTOM_MWH: Final = 20_000
_MEAN_METER_W: Final = 500
_ENERGIES: Final = ("consumption", "production", "battery_charge", "battery_discharge")


@dataclass(frozen=True)
class Told:
    """What is told of some minutes, in mWh, (minute, household), `NOT_TOLD` where nothing is.

    `clock_off` is (minute, terminal): how many minutes its stamp is ahead of the truth;
    `reported_by` is (minute, household): the number of the community that it comes in with.
    """

    columns: dict[str, Energy]
    clock_off: Index
    reported_by: Index


class Meters:
    """The meters of a run, told quarter-hour by quarter-hour; they remember what they are stuck at.

    `faults` grows by the rollovers, whose minute follows from what flows.
    """

    def __init__(
        self, fleet: Fleet, rates: MeterFaultRates, *, first_minute: int, minutes: int
    ) -> None:
        """Draw what will go wrong."""
        self.fleet: Final = fleet
        drawn = draw_meter_faults(fleet, rates, first_minute=first_minute, minutes=minutes)
        self.faults: Final = list(drawn)
        self._by_quarter: Final = _by_quarter(drawn)
        self._stuck_at: Final[dict[MeterFault, int]] = {}
        rng = np.random.default_rng([fleet.seed, METER_FAULT_STREAM, 1])
        self._rolls = np.flatnonzero(rng.random(fleet.households) < rates.register_rollover)
        mean_mwh = _MEAN_METER_W * 1000 * minutes / 60
        self._left = (rng.random(len(self._rolls)) * mean_mwh).astype(np.int64)
        self._shift = {
            "import_register": np.zeros(fleet.households, np.int64),
            "export_register": np.zeros(fleet.households, np.int64),
        }
        self._has_begun = False

    def tell(self, flows: EnergyFlows, *, first_minute: int) -> Told:
        """Return what is told of one quarter-hour, or less of it."""
        fleet, minutes = self.fleet, len(flows.consumption)
        everyone = np.arange(fleet.households)
        columns = {
            "consumption": flows.consumption.copy(),
            "production": _spread(fleet, fleet.pv, flows.production),
            "battery_charge": _spread(fleet, fleet.battery, flows.battery_charge),
            "battery_discharge": _spread(fleet, fleet.battery, flows.battery_discharge),
            "battery_level": _spread(fleet, fleet.battery, flows.battery_level),
            **self._registers(flows, first_minute),
        }
        told = Told(
            columns,
            np.zeros((minutes, len(fleet.terminals)), np.int64),
            np.broadcast_to(fleet.community[everyone], (minutes, fleet.households)).copy(),
        )
        for fault in self._by_quarter.get(first_minute // _QUARTER_S, ()):
            first = max((fault.first_minute - first_minute) // MINUTE_S, 0)
            end = min((fault.end - first_minute) // MINUTE_S, minutes)
            if first < end:
                self._disturb(told, fault, slice(first, end), first_minute)
        return told

    def _registers(self, flows: EnergyFlows, first_minute: int) -> dict[str, Energy]:
        if not self._has_begun:
            self._has_begun = True
            begin = flows.import_register[0, self._rolls] - flows.imported[0, self._rolls]
            self._shift["import_register"][self._rolls] = (
                REGISTER_MAXIMUM_MWH - 1 - self._left - begin
            )
        raw = {"import_register": flows.import_register, "export_register": flows.export_register}
        flowed = {"import_register": flows.imported, "export_register": flows.exported}
        told = {}
        for name, register in raw.items():
            shifted = register + self._shift[name]
            before = shifted[:1] - flowed[name][:1]
            laps = np.diff(np.concatenate([before, shifted]) // REGISTER_MAXIMUM_MWH, axis=0)
            for minute, meter in np.argwhere(laps > 0).tolist():
                start = first_minute + minute * MINUTE_S
                self.faults.append(
                    MeterFault(MeterFaultKind.ROLLOVER, meter, "import_register", start, 1)
                )
            told[name] = shifted % REGISTER_MAXIMUM_MWH
        for fault in self._by_quarter.get(first_minute // _QUARTER_S, ()):
            if fault.kind is MeterFaultKind.RESET and fault.first_minute >= first_minute:
                at, meter = (fault.first_minute - first_minute) // MINUTE_S, fault.owner
                for name, register in raw.items():
                    self._shift[name][meter] = flowed[name][at, meter] - register[at, meter]
                    told[name][at:, meter] = register[at:, meter] + self._shift[name][meter]
        return told

    def _disturb(  # noqa: C901 - one case for each kind
        self, told: Told, fault: MeterFault, rows: slice, first_minute: int
    ) -> None:
        meters = meters_of(self.fleet, fault)
        match fault.kind:
            case MeterFaultKind.OUTAGE | MeterFaultKind.TERMINAL_OUTAGE:
                for column in told.columns.values():
                    column[rows, meters] = NOT_TOLD
            case MeterFaultKind.WRONG_COMMUNITY:
                told.reported_by[rows, meters] = int(fault.factor)
            case MeterFaultKind.DRIFT:
                now = first_minute + np.arange(rows.start, rows.stop) * MINUTE_S
                share = (now - fault.first_minute) / (fault.minutes * MINUTE_S)
                told.clock_off[rows, fault.owner] = np.rint(share * fault.factor)
            case MeterFaultKind.UNIT:
                for name in _ENERGIES:
                    part = told.columns[name][rows, meters]
                    is_told = part != NOT_TOLD
                    part[is_told] = np.rint(part[is_told] * fault.factor)
            case MeterFaultKind.STUCK | MeterFaultKind.SPIKE | MeterFaultKind.NEGATIVE:
                self._falsify(told.columns[fault.channel or "consumption"], fault, rows)
            case MeterFaultKind.GLITCH:
                register = told.columns["import_register"]
                register[rows, meters] = (register[rows, meters] * fault.factor).astype(np.int64)
            case MeterFaultKind.PHANTOM:
                told.columns["battery_discharge"][rows, meters] = _PHANTOM_MWH
            case MeterFaultKind.RESET | MeterFaultKind.ROLLOVER:
                pass

    def _falsify(self, column: Energy, fault: MeterFault, rows: slice) -> None:
        part = column[rows, fault.owner]
        match fault.kind:
            case MeterFaultKind.STUCK:
                column[rows, fault.owner] = self._stuck_at.setdefault(fault, int(part[0]))
            case MeterFaultKind.SPIKE:
                column[rows, fault.owner] = (part * fault.factor).astype(np.int64)
            case _:
                # One less than nothing at all, which is where some arrays keep what is missing.
                column[rows, fault.owner] = -2 - part


_QUARTER_S: Final = 900


def _by_quarter(faults: Iterable[MeterFault]) -> dict[int, list[MeterFault]]:
    by_quarter: dict[int, list[MeterFault]] = defaultdict(list)
    for fault in faults:
        for quarter in range(fault.first_minute // _QUARTER_S, (fault.end - 1) // _QUARTER_S + 1):
            by_quarter[quarter].append(fault)
    return by_quarter


def _spread(fleet: Fleet, owners: Index, energy: Energy) -> NDArray[np.int64]:
    column = np.full((len(energy), fleet.households), NOT_TOLD, np.int64)
    column[:, owners] = energy
    return column
