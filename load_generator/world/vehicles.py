"""Vehicles that come home, want to be charged, and leave again."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from load_generator.energy_flows import Energy
from load_generator.fleet import Fleet, Index
from load_generator.profiles import PROFILE_ZONE
from schemas.units import MINUTE_S, PERIOD_S

DRIVES: Final = 0.8
"""Share of evenings on which a vehicle comes home with something to charge."""
ARRIVES_H, ARRIVES_SPREAD_H = 18.0, 1.5
LEAVES_H, LEAVES_SPREAD_H = 7.25, 0.75
EARLIEST_H, LATEST_H = 14.0, 23.5
LEAST_WH, MOST_WH = 3_000, 32_000
TYPICAL_WH: Final = 9_000
LEAVES_EARLY: Final = 0.04
CHANGES: Final = 0.05
"""Share of sessions whose driver, an hour after arriving, says another time of departure."""
CONTINUOUS_FROM_W: Final = 7_000
"""Larger chargers can be set to any power from their least on; smaller ones are on or off."""
LEAST_CURRENT_SHARE: Final = 6 / 16
"""6 of 16 A: what IEC 61851 lets a charger go down to."""

VEHICLE_STREAM: Final = 9
NO_ORDER: Final = -1


@dataclass(frozen=True)
class Evening:
    """The sessions that begin on one local day, by vehicle; times are minutes, epoch s.

    `leaves` is when the vehicle really goes, `said` the departure that its driver says on
    arriving, `said_later` the one that is said an hour afterwards.
    """

    day: date
    drives: NDArray[np.bool_]
    arrives: Index
    leaves: Index
    said: Index
    said_later: Index
    energy_wh: Index


def evening(fleet: Fleet, day: date) -> Evening:
    """Return who comes home on a day; a session ends before the next evening's begins."""
    rng = np.random.default_rng([fleet.seed, VEHICLE_STREAM, day.toordinal()])
    count = len(fleet.ev)
    today, tomorrow = (_midnight(day + timedelta(days=more)) for more in (0, 1))
    arrives_h = np.clip(rng.normal(ARRIVES_H, ARRIVES_SPREAD_H, count), EARLIEST_H, LATEST_H)
    leaves_h = np.clip(rng.normal(LEAVES_H, LEAVES_SPREAD_H, count), 5, 11)
    energy = np.clip(rng.lognormal(np.log(TYPICAL_WH), 0.5, count), LEAST_WH, MOST_WH)
    drives = rng.random(count) < DRIVES
    said = _minutes(tomorrow, leaves_h)
    changes = rng.random(count) < CHANGES
    by_quarters = rng.integers(-6, 7, count) * PERIOD_S
    said_later = np.where(changes, said + by_quarters, said)
    early = rng.random(count) < LEAVES_EARLY
    hurry = rng.integers(15, 121, count) * MINUTE_S
    return Evening(
        day=day,
        drives=drives,
        arrives=_minutes(today, arrives_h),
        leaves=np.where(early, said_later - hurry, said_later),
        said=said,
        said_later=said_later,
        energy_wh=energy.astype(np.int64),
    )


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), PROFILE_ZONE).timestamp())


def _minutes(midnight: int, hours: NDArray[np.float64]) -> Index:
    minutes: Index = midnight + (hours * 60).astype(np.int64) * MINUTE_S
    return minutes


@dataclass(frozen=True)
class Chargers:
    """What each vehicle's charger can do, W and by vehicle."""

    power_w: Index
    continuous: NDArray[np.bool_]
    minimum_w: Index

    @classmethod
    def of(cls, fleet: Fleet) -> Self:
        """Return a fleet's chargers."""
        power = (fleet.profiles.ev_home_kw[fleet.ev_shape] * 1000).round().astype(np.int64)
        continuous = power >= CONTINUOUS_FROM_W
        least = (power * LEAST_CURRENT_SHARE).astype(np.int64)
        return cls(power, continuous, np.where(continuous, least, power))

    def obeying(self, ordered_w: Index) -> Index:
        """Return the power that chargers give when told one; without an order all they can.

        One that is on or off is on from half of its power on; one that was told less than its
        least is off.
        """
        threshold = np.where(self.continuous, self.minimum_w, self.power_w // 2)
        told = np.where(self.continuous, np.minimum(ordered_w, self.power_w), self.power_w)
        power: Index = np.where(ordered_w >= threshold, told, 0)
        return np.where(ordered_w == NO_ORDER, self.power_w, power)


@dataclass(frozen=True)
class Plugged:
    """The vehicles at their chargers; arrays are by vehicle, and count where `is_in`.

    `day` is the ordinal of the session's evening, `departure` the one that was said last, `leaves`
    when the vehicle really goes. Energy in mWh.
    """

    is_in: NDArray[np.bool_]
    day: Index
    plugged_in: Index
    departure: Index
    leaves: Index
    changes_at: Index
    changes_to: Index
    needed: Energy
    charged: Energy

    @classmethod
    def none(cls, fleet: Fleet) -> "Plugged":
        """Return a grid before anyone came home."""
        nothing = np.zeros(len(fleet.ev), np.int64)
        return cls(nothing.astype(np.bool_), *([nothing] * 8))

    def arriving(self, tonight: Evening, come: NDArray[np.bool_], minute: int) -> "Plugged":
        """Return it with those who come in a minute."""

        def at(new: Index, old: Index) -> Index:
            return np.where(come, new, old)

        return Plugged(
            is_in=self.is_in | come,
            day=at(np.full(len(come), tonight.day.toordinal()), self.day),
            plugged_in=at(np.full(len(come), minute), self.plugged_in),
            departure=at(tonight.said, self.departure),
            leaves=at(tonight.leaves, self.leaves),
            changes_at=at(tonight.arrives + 3600, self.changes_at),
            changes_to=at(tonight.said_later, self.changes_to),
            needed=at(tonight.energy_wh * 1000, self.needed),
            charged=at(np.zeros(len(come), np.int64), self.charged),
        )

    def without(self, left: NDArray[np.bool_]) -> "Plugged":
        """Return it without those who leave; their session stays known until the next one."""
        return replace(self, is_in=self.is_in & ~left)

    def at_home_since(self, arrived: Index, minute: int, power_w: Index) -> "Plugged":
        """Return it as if those who are in had charged with all their power since they arrived."""
        energy = (minute - arrived) // MINUTE_S * (power_w * 1000 // 60)
        return replace(self, charged=np.where(self.is_in, np.minimum(energy, self.needed), 0))

    def changed(self, minute: int) -> tuple["Plugged", NDArray[np.bool_]]:
        """Return it with the departures that drivers change in a minute, and whose they are."""
        who = self.is_in & (self.changes_at == minute) & (self.changes_to != self.departure)
        return replace(self, departure=np.where(who, self.changes_to, self.departure)), who

    def charging(self, power_w: Index) -> tuple["Plugged", Energy]:
        """Return it after a minute at these powers, and what was charged, mWh."""
        offered = power_w * 1000 // 60
        energy = np.where(self.is_in, np.minimum(offered, self.needed - self.charged), 0)
        return replace(self, charged=self.charged + energy), energy


def local_day(minute: int) -> date:
    """Return the local day that a minute lies in."""
    return datetime.fromtimestamp(minute, UTC).astimezone(PROFILE_ZONE).date()
