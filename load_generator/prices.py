"""Made-up day-ahead prices with the shape of real ones: by hour, day, week, season, sun and wind.

Nothing here was measured; what is put in, in EUR/MWh, is what such markets have shown since 2021:

- a level of 85, 20 more in the middle of winter and as much less in that of summer;
- a morning and an evening peak (8 and 19 o'clock local time), and less at night;
- a dip at noon with the sun, deep in summer and on clear days;
- 12 less at weekends, when the sun brings prices below 0 now and then;
- wind that lowers or raises whole days by some 25, from day to day much alike;
- noise of 4 from hour to hour, and a few scarce winter evenings at two to four times the price.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from load_generator.profiles import PROFILE_ZONE
from schemas.units import PERIOD_S

PRICES_STREAM: Final = 7
HOUR_S: Final = 3_600
HOURS_A_DAY: Final = 24
QUARTERS_AN_HOUR: Final = 4

LEVEL: Final = 85.0
SEASON: Final = 20.0
WEEKEND: Final = -12.0
MIDWINTER_DAY: Final = 15
DAYS_A_YEAR: Final = 365.25

MORNING: Final = (8.0, 1.8, 22.0)
EVENING: Final = (19.0, 2.2, 38.0)
NIGHT: Final = (3.0, 3.0, -16.0)
"""Hour, width in hours and height of each hump of the day."""

NOON: Final = (13.0, 2.8)
NOON_DEPTH: Final = 45.0
NOON_SEASON: Final = 30.0

WIND: Final = 25.0
WIND_STAYS: Final = 0.7
CLOUDS_STAY: Final = 0.5
NOISE: Final = 4.0
SCARCE_SHARE: Final = 0.06
LOWEST, HIGHEST = -150.0, 900.0


def day_ahead_cents(first: date, days: int, *, seed: int) -> NDArray[np.int64]:
    """Return the price of each quarter-hour of local days from `first` on, cents a MWh.

    The hours of a day have one price each. The same seed gives a day the same price, whatever days
    are asked for with the same first one.
    """
    rng = np.random.default_rng([seed, PRICES_STREAM])
    wind, clouds = _alike(rng, days, WIND_STAYS), _alike(rng, days, CLOUDS_STAY)
    scarce, height = rng.random(days), rng.uniform(2.0, 4.0, days)
    start, end = midnight(first), midnight(first + timedelta(days=days))
    hours = [
        datetime.fromtimestamp(second, UTC).astimezone(PROFILE_ZONE)
        for second in range(start, end, HOUR_S)
    ]
    noise = rng.normal(0, NOISE, len(hours))
    prices = []
    for moment, off in zip(hours, noise.tolist(), strict=True):
        day = (moment.date() - first).days
        winter = np.cos(2 * np.pi * (moment.timetuple().tm_yday - MIDWINTER_DAY) / DAYS_A_YEAR)
        hour = moment.hour + 0.5
        price = LEVEL + SEASON * winter + sum(_hump(hour, hump) for hump in (MORNING, NIGHT))
        evening = _hump(hour, EVENING)
        if scarce[day] < SCARCE_SHARE * max(winter, 0.0):
            evening *= height[day]
        sun = (NOON_DEPTH - NOON_SEASON * winter) * np.clip(1 + 0.6 * clouds[day], 0, 2)
        price += evening - _hump(hour, (*NOON, sun)) + WIND * wind[day] + off
        price += WEEKEND * (moment.weekday() >= 5)  # noqa: PLR2004 - from Saturday on
        prices.append(round(100 * float(np.clip(price, LOWEST, HIGHEST))))
    return np.repeat(np.array(prices, dtype=np.int64), QUARTERS_AN_HOUR)


def midnight(day: date) -> int:
    """Return when a local day begins, epoch s."""
    begins = datetime(day.year, day.month, day.day, tzinfo=PROFILE_ZONE)
    return int(begins.timestamp()) // PERIOD_S * PERIOD_S


def _hump(hour: float, hump: tuple[float, float, float]) -> float:
    at, width, height = hump
    apart = abs(hour - at)
    apart = min(apart, HOURS_A_DAY - apart)
    return height * float(np.exp(-((apart / width) ** 2) / 2))


def _alike(rng: np.random.Generator, days: int, stays: float) -> NDArray[np.float64]:
    """Return a value for each day, of mean 0 and variance 1, that is much like the day before's."""
    fresh = rng.normal(0, 1, days)
    values = np.empty(days)
    for day in range(days):
        before = values[day - 1] if day else fresh[0]
        values[day] = stays * before + np.sqrt(1 - stays**2) * fresh[day]
    return values
