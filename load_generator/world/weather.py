"""The weather over a grid: clouds and wind, by quarter-hour, from a seed alone.

Whatever the order in which quarter-hours are asked for, each has the same weather: it lies between
knots at the quarter-hours, and each knot has its own chance.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.units import PERIOD_MINUTES, PERIOD_S

Share = NDArray[np.float32]

DARKEST: Final = 0.15
"""What the thickest clouds leave of the profile's sun."""
BRIGHTEST: Final = 1.25
"""Above 1: sun between clouds, brighter than the profile's mean."""

WEATHER_STREAM: Final = 7
_DAY_S: Final = 86_400
_FINEST_DAY, _DULLEST_DAY = 1.1, 0.45
_OWN_SKY: Final = 0.35
"""How far a community's sky departs from that of the region."""
_CALM: Final = 0.05


def sky(seed: int, quarter: int, communities: int) -> Share:
    """Return what each minute's sky leaves of an even sun, (15, communities)."""
    minute = _within()[:, np.newaxis]
    before, after = (_clouds(seed, start, communities) for start in (quarter, quarter + PERIOD_S))
    shares: Share = before * (1 - minute) + after * minute
    return shares


def wind(seed: int, quarter: int) -> Share:
    """Return what the wind gives in each minute of a quarter-hour, as a share of its best, (15)."""
    knots = _hourly(seed, quarter)
    minute = (quarter % 3600 // 60 + np.arange(PERIOD_MINUTES, dtype=np.float32)) / np.float32(60)
    shares: Share = (knots[0] * (1 - minute) + knots[1] * minute).astype(np.float32)
    return shares


@lru_cache(maxsize=8)
def _clouds(seed: int, quarter: int, communities: int) -> Share:
    day = np.random.default_rng([seed, WEATHER_STREAM, quarter // _DAY_S])
    region = day.uniform(_DULLEST_DAY, _FINEST_DAY)
    rng = np.random.default_rng([seed, WEATHER_STREAM, 1, quarter])
    region *= rng.uniform(0.8, 1.15)
    own = rng.uniform(1 - _OWN_SKY, 1 + _OWN_SKY, communities)
    return np.clip(region * own, DARKEST, BRIGHTEST).astype(np.float32)


@lru_cache(maxsize=8)
def _hourly(seed: int, quarter: int) -> tuple[float, float]:
    hour = quarter // 3600
    before, after = (
        # Squared: mostly a light wind, now and then a strong one.
        float(np.random.default_rng([seed, WEATHER_STREAM, 2, at]).uniform(_CALM, 1) ** 2)
        for at in (hour, hour + 1)
    )
    return before, after


def _within() -> Share:
    return np.arange(PERIOD_MINUTES, dtype=np.float32) / np.float32(PERIOD_MINUTES)
