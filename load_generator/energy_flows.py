"""What every household uses, makes, stores and exchanges, minute by minute, in whole mWh."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from load_generator.fleet import MAX_SHIFT_QUARTERS, Fleet, Power
from load_generator.profiles import QUARTER

Energy = NDArray[np.int64]
"""mWh, (minutes, households) unless said otherwise."""

MWH_A_MINUTE_PER_W: Final = 1000 / 60
BATTERY_EFFICIENCY_PERCENT: Final = 90
"""Of what is charged, so much reaches the store; discharging draws one for one."""
FULLEST_START_PERCENT: Final = 60
OLDEST_REGISTER_MWH: Final = 20_000_000_000

ENERGY_STREAM: Final = 1


@dataclass(frozen=True)
class MeterState:
    """What carries over from one minute to the next: battery levels and registers, in mWh.

    `battery_level` is by battery; the registers are by household.
    """

    battery_level: Energy
    import_register: Energy
    export_register: Energy

    @classmethod
    def at_start(cls, fleet: Fleet) -> Self:
        """Return the state before the first minute: meters and batteries have a past."""
        rng = np.random.default_rng([fleet.seed, ENERGY_STREAM])
        percent = rng.integers(0, FULLEST_START_PERCENT + 1, len(fleet.battery))
        export = np.zeros(fleet.households, np.int64)
        export[fleet.pv] = rng.integers(0, OLDEST_REGISTER_MWH, len(fleet.pv))
        return cls(
            battery_level=fleet.battery_capacity_mwh * percent // 100,
            import_register=rng.integers(0, OLDEST_REGISTER_MWH, fleet.households),
            export_register=export,
        )


@dataclass(frozen=True)
class EnergyFlows:
    """Some minutes within one quarter-hour, for the whole grid, in mWh.

    Production is by PV owner and the battery's arrays by battery owner, (minutes, owners);
    levels and registers are those at the end of the minute. In every minute and household:
    consumption + charge + exported = production + discharge + imported.
    """

    consumption: Energy
    production: Energy
    battery_charge: Energy
    battery_discharge: Energy
    battery_level: Energy
    imported: Energy
    exported: Energy
    import_register: Energy
    export_register: Energy


def flow(
    fleet: Fleet, before: MeterState, *, first_minute: int, minutes: int
) -> tuple[EnergyFlows, MeterState]:
    """Return the flows of `minutes` minutes from `first_minute` (epoch s), and the state after.

    The minutes lie in one quarter-hour. The same fleet, state and minute give the same flows.
    """
    rng = np.random.Generator(np.random.SFC64([fleet.seed, ENERGY_STREAM, first_minute]))
    start = datetime.fromtimestamp(first_minute, UTC)
    consumption = _consumption(fleet, rng, start, minutes)
    production = _production(fleet, rng, start, minutes)
    net = net_load(fleet, consumption, production)[:, fleet.battery]
    charge, discharge, level = _batteries(fleet, before.battery_level, net)
    return exchange(
        fleet,
        before,
        consumption=consumption,
        production=production,
        battery_charge=charge,
        battery_discharge=discharge,
        battery_level=level,
    )


def exchange(  # noqa: PLR0913 - one array for each of what flows within a household
    fleet: Fleet,
    before: MeterState,
    *,
    consumption: Energy,
    production: Energy,
    battery_charge: Energy,
    battery_discharge: Energy,
    battery_level: Energy,
) -> tuple[EnergyFlows, MeterState]:
    """Return the flows with what crosses each household's connection, and the state after."""
    net = net_load(fleet, consumption, production)
    net[:, fleet.battery] += battery_charge - battery_discharge
    imported = np.maximum(net, 0)
    exported = imported - net
    flows = EnergyFlows(
        consumption=consumption,
        production=production,
        battery_charge=battery_charge,
        battery_discharge=battery_discharge,
        battery_level=battery_level,
        imported=imported,
        exported=exported,
        import_register=before.import_register + np.cumsum(imported, axis=0),
        export_register=before.export_register + np.cumsum(exported, axis=0),
    )
    after = MeterState(battery_level[-1], flows.import_register[-1], flows.export_register[-1])
    return flows, after


def net_load(fleet: Fleet, consumption: Energy, production: Energy) -> Energy:
    """Return what each household needs beyond its own panels, below zero what is left of them."""
    net = consumption.copy()
    net[:, fleet.pv] -= production
    return net


def _consumption(fleet: Fleet, rng: np.random.Generator, start: datetime, minutes: int) -> Energy:
    energy = appliances(fleet, rng, start, minutes)
    steady = np.zeros(fleet.households, np.float32)
    steady[fleet.heat_pump] += heat_pumps_w(fleet, start)
    charger_w = fleet.profiles.ev_home_kw[fleet.ev_shape] * np.float32(1000)
    row = _rows(fleet, start)
    steady[fleet.ev] += fleet.profiles.ev_home[row[fleet.ev], fleet.ev_shape] * charger_w
    energy += steady * np.float32(MWH_A_MINUTE_PER_W)
    return whole(energy)


def appliances(fleet: Fleet, rng: np.random.Generator, start: datetime, minutes: int) -> Power:
    """Return what households use but for heat and vehicles, mWh (minutes, households)."""
    load = fleet.profiles.household[_rows(fleet, start), fleet.shape] * fleet.full_load_w
    # Neighbours of one shape differ from quarter-hour to quarter-hour.
    load *= np.float32(0.5) + rng.random(fleet.households, np.float32)
    load *= np.float32(MWH_A_MINUTE_PER_W)
    # Skewed with mean 1: most minutes are quiet and a few have an appliance on.
    minute = rng.random((minutes, fleet.households), np.float32)
    minute *= minute
    minute *= np.float32(1.8)
    minute += np.float32(0.4)
    minute *= load
    return minute


def heat_pumps_w(fleet: Fleet, start: datetime) -> Power:
    """Return what each heat pump draws in a quarter-hour, W, by owner."""
    shape = fleet.profiles.heatpump[fleet.profiles.row(start), fleet.heat_pump_shape]
    power: Power = shape * fleet.heat_pump_w
    return power


def panels_mwh(fleet: Fleet, start: datetime) -> Power:
    """Return what each owner's panels give in a minute of a quarter-hour under an even sky, mWh."""
    shape = fleet.profiles.pv[fleet.profiles.row(start)]
    energy: Power = shape[fleet.pv_shape] * fleet.pv_w * np.float32(MWH_A_MINUTE_PER_W)
    return energy


def _rows(fleet: Fleet, start: datetime) -> NDArray[np.int64]:
    """Return the row of the profiles that each household follows: some live a little later."""
    shifts = range(-MAX_SHIFT_QUARTERS, MAX_SHIFT_QUARTERS + 1)
    rows = np.array([fleet.profiles.row(start + shift * QUARTER) for shift in shifts])
    return rows[fleet.shift_quarters + MAX_SHIFT_QUARTERS]


def _production(fleet: Fleet, rng: np.random.Generator, start: datetime, minutes: int) -> Energy:
    # One sky over a community.
    sky = np.float32(0.7) + np.float32(0.6) * rng.random(
        (minutes, len(fleet.community_ids)), np.float32
    )
    return whole(sky[:, fleet.community[fleet.pv]] * panels_mwh(fleet, start))


def whole(energy: Power) -> Energy:
    """Return energies as whole mWh."""
    return np.rint(energy).astype(np.int64)


def _batteries(fleet: Fleet, level: Energy, net: Energy) -> tuple[Energy, Energy, Energy]:
    """Charge from surplus, discharge into need."""
    charge = np.zeros_like(net)
    discharge = np.zeros_like(net)
    levels = np.zeros_like(net)
    for minute, need in enumerate(net):
        charge[minute], discharge[minute], level = batteries_for_a_minute(fleet, level, -need)
        levels[minute] = level
    return charge, discharge, levels


def batteries_for_a_minute(
    fleet: Fleet, level: Energy, wanted: Energy
) -> tuple[Energy, Energy, Energy]:
    """Return what batteries take, what they give, and their levels after it, by battery.

    `wanted` is what each shall take, below zero what it shall give; power and level limit it, and
    none does both at once.
    """
    power = fleet.battery_minute_mwh
    room = (fleet.battery_capacity_mwh - level) * 100 // BATTERY_EFFICIENCY_PERCENT
    charge = np.clip(wanted, 0, np.minimum(power, room))
    discharge = np.clip(-wanted, 0, np.minimum(power, level))
    after = level + charge * BATTERY_EFFICIENCY_PERCENT // 100 - discharge
    return charge, discharge, after
