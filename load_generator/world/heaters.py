"""Water heaters on a switch: what is drawn of hot water is heated again, now or later."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from load_generator.energy_flows import Energy
from load_generator.fleet import Fleet
from load_generator.profiles import PROFILE_ZONE
from schemas.units import MINUTE_S, PERIOD_MINUTES

TANK_MWH: Final = 9_000_000
"""What a tank can lack before its water is cold: about 150 l by 50 degrees."""

DRAWS_A_DAY: Final = 8
LEAST_DRAW_WH, MOST_DRAW_WH = 150, 1_250

JUST_USED: Final = 0.12
"""Share of the tanks that heat in the first minute."""

WATER_STREAM: Final = 8

_HABITS: Final = np.array(
    [1, 1, 1, 1, 2, 5, 11, 12, 8, 5, 4, 4, 5, 4, 3, 3, 4, 6, 8, 9, 8, 6, 4, 2], np.float64
)
"""How often hot water is drawn in each hour of the day, to each other."""


@dataclass(frozen=True)
class Heated:
    """A minute of the heaters, mWh by heater.

    What was drawn, what lacks after it and what stayed cold are together what lacked before and
    what was used. `cold` is hot water that was wanted while the tank had none.
    """

    drawn: Energy
    lacking: Energy
    cold: Energy


def hot_water(fleet: Fleet, quarter: int) -> Energy:
    """Return the energy of the hot water that is drawn, mWh (15, heaters)."""
    rng = np.random.Generator(np.random.SFC64([fleet.seed, WATER_STREAM, quarter]))
    hour = datetime.fromtimestamp(quarter, UTC).astimezone(PROFILE_ZONE).hour
    chance = DRAWS_A_DAY * _HABITS[hour] / _HABITS.sum() / MINUTE_S
    shape = (PERIOD_MINUTES, len(fleet.heater))
    draws = rng.random(shape, np.float32) < chance
    energy: Energy = rng.integers(LEAST_DRAW_WH * 1000, MOST_DRAW_WH * 1000, shape) * draws
    return energy


def heat(lacking: Energy, used: Energy, allowed: Energy) -> Heated:
    """Return a minute in which each heater may draw up to `allowed`."""
    wanted = lacking + used
    drawn = np.minimum(wanted, allowed)
    left = wanted - drawn
    return Heated(drawn, np.minimum(left, TANK_MWH), np.maximum(left - TANK_MWH, 0))


def held_back(fleet: Fleet, heated: Heated) -> Energy:
    """Return what each heater would draw in the next minute if it might, mWh."""
    energy: Energy = np.minimum(heated.lacking, fleet.heater_w * 1000 // 60)
    return energy


def is_off_peak(minute: int, hours: frozenset[int]) -> bool:
    """Say whether a minute lies in one of these hours of local time."""
    return datetime.fromtimestamp(minute, UTC).astimezone(PROFILE_ZONE).hour in hours


def lacking_at_start(fleet: Fleet) -> Energy:
    """Return what the tanks lack before the first minute: most are hot, some were just used."""
    rng = np.random.default_rng([fleet.seed, WATER_STREAM])
    lacking = rng.integers(0, MOST_DRAW_WH * 1000, len(fleet.heater))
    used: NDArray[np.int64] = lacking * (rng.random(len(fleet.heater)) < JUST_USED)
    return used
