"""The net load of a fleet that is made of measured profiles, on UTC quarter-hours."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from load_generator.fleet import MAX_SHIFT_QUARTERS, Fleet
from load_generator.profiles import PROFILE_ZONE, QUARTERS_A_DAY, Profiles
from schemas.units import PERIOD_S
from streams.domain.forecast import Watts
from streams.domain.forecast_times import DAY_S, utc_offsets_s

HOUSEHOLDS: Final = 2_000
COMMUNITIES: Final = 40
HOUSEHOLDS_SHOWN: Final = 60
KW: Final = 1_000.0


class Level(StrEnum):
    """How much is added up."""

    GRID = "grid"
    IN_STEP = "grid, in step"
    COMMUNITY = "community"
    HOUSEHOLD = "household"


@dataclass(frozen=True)
class Loads:
    """Net loads, W: consumption with heat pumps and vehicles, less what panels make.

    Attributes:
        first: Epoch seconds of the first quarter-hour.
        rows: (rows, periods) by level; NaN where the file has no such day.
    """

    first: int
    rows: dict[Level, Watts]

    @property
    def periods(self) -> int:
        """How many quarter-hours."""
        return int(self.rows[Level.GRID].shape[1])

    def between(self, first_day: date, days: int) -> "Loads":
        """Return some days alone, without what came before them."""
        start = (_midnight(first_day) - self.first) // PERIOD_S
        stop = (_midnight(first_day + timedelta(days=days)) - self.first) // PERIOD_S
        cut = slice(max(start, 0), min(stop, self.periods))
        return Loads(
            first=self.first + cut.start * PERIOD_S,
            rows={level: rows[:, cut] for level, rows in self.rows.items()},
        )


def loads_of(profiles: Profiles, *, seed: int) -> Loads:
    """Return what 2,000 households of the simulator's fleet take from the grid, without batteries.

    Households are as in the simulator: who owns what, how much of it, and by how much each is
    earlier or later than its shape, its vehicle and heat pump with it. No noise is added. `IN_STEP`
    is the same grid with nobody early or late. The first and the last hour of each stretch of days
    are left out, since who is early or late has them from outside.
    """
    fleet = Fleet.build(
        communities=COMMUNITIES, households=HOUSEHOLDS, seed=seed, profiles=profiles
    )
    first = _midnight(profiles.days[0])
    row = _rows(profiles, first)
    known = row >= 0
    communities = np.zeros((COMMUNITIES, len(row)))
    shown = {
        number: place
        for place, number in enumerate(range(0, HOUSEHOLDS, -(-HOUSEHOLDS // HOUSEHOLDS_SHOWN)))
    }
    households = np.zeros((len(shown), len(row)))
    for number, load in enumerate(_households(fleet, row, known)):
        communities[fleet.community[number]] += load
        if number in shown:
            households[shown[number]] = load
    in_step = dataclasses.replace(fleet, shift_quarters=np.zeros_like(fleet.shift_quarters))
    edge = ~_inside(known)
    rows = {
        Level.GRID: communities.sum(axis=0, keepdims=True),
        Level.IN_STEP: _sum(in_step, row),
        Level.COMMUNITY: communities,
        Level.HOUSEHOLD: households,
    }
    for values in rows.values():
        values[:, edge] = np.nan
    return Loads(first, rows)


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), PROFILE_ZONE).timestamp())


def _rows(profiles: Profiles, first: int) -> npt.NDArray[np.int64]:
    """Return the profiles' row of each quarter-hour from `first` on; -1 for days without."""
    end = _midnight(profiles.days[-1] + timedelta(days=1))
    moments = np.arange(first, end, PERIOD_S, dtype=np.int64)
    local = moments + utc_offsets_s(moments, PROFILE_ZONE.key)
    day = local // DAY_S
    numbers = np.array([d.toordinal() - date(1970, 1, 1).toordinal() for d in profiles.days])
    place = np.searchsorted(numbers, day)
    found = numbers[np.clip(place, 0, len(numbers) - 1)] == day
    quarter = local % DAY_S // PERIOD_S
    return np.where(found, place * QUARTERS_A_DAY + quarter, -1)


def _inside(known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which quarter-hours are known with all around them that a shift reaches."""
    inside = known.copy()
    for shift in range(1, MAX_SHIFT_QUARTERS + 1):
        inside[shift:] &= known[:-shift]
        inside[:-shift] &= known[shift:]
        inside[:shift] = False
        inside[-shift:] = False
    return inside


def _households(
    fleet: Fleet, row: npt.NDArray[np.int64], known: npt.NDArray[np.bool_]
) -> Iterator[Watts]:
    """Yield the net load of one household after the other."""
    heat_pump, ev, pv = (
        dict(zip(owners.tolist(), range(len(owners)), strict=True))
        for owners in (fleet.heat_pump, fleet.ev, fleet.pv)
    )
    at = np.where(known, row, 0)
    profiles = fleet.profiles
    for number in range(fleet.households):
        shifted = np.roll(at, -int(fleet.shift_quarters[number]))
        load = profiles.household[shifted, fleet.shape[number]] * float(fleet.full_load_w[number])
        if (own := heat_pump.get(number)) is not None:
            shape = profiles.heatpump[shifted, fleet.heat_pump_shape[own]]
            load = load + shape * float(fleet.heat_pump_w[own])
        if (own := ev.get(number)) is not None:
            charger = float(profiles.ev_home_kw[fleet.ev_shape[own]]) * KW
            load = load + profiles.ev_home[shifted, fleet.ev_shape[own]] * charger
        if (own := pv.get(number)) is not None:
            load = load - profiles.pv[at, fleet.pv_shape[own]] * float(fleet.pv_w[own])
        yield load.astype(np.float64)


def _sum(fleet: Fleet, row: npt.NDArray[np.int64]) -> Watts:
    """Return the sum over households that are not shifted, (1, periods)."""
    at = np.where(row >= 0, row, 0)
    profiles = fleet.profiles

    charger_w = profiles.ev_home_kw[fleet.ev_shape] * KW
    parts = (
        (profiles.household, fleet.shape, fleet.full_load_w),
        (profiles.heatpump, fleet.heat_pump_shape, fleet.heat_pump_w),
        (profiles.ev_home, fleet.ev_shape, charger_w),
        (profiles.pv, fleet.pv_shape, -fleet.pv_w),
    )
    whole = sum(
        shapes.astype(np.float64) @ np.bincount(shape, weights=watts, minlength=shapes.shape[1])
        for shapes, shape, watts in parts
    )
    return np.asarray(whole)[at][None, :]
