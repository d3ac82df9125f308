"""What a history says of the coming quarter-hours, as numbers that a linear model weighs.

Every number is a difference of loads, or a spread of them, so that what is learned on one grid
holds on one of another size or with another level: a forecast scales and shifts with its history.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.units import PERIOD_S
from streams.domain.forecast import PERIODS_A_DAY, Watts
from streams.domain.forecast_times import (
    DAY_S,
    Moments,
    day_kinds,
    periods_before,
    same_times_before,
    utc_offsets_s,
)
from streams.domain.like_days import DayKind
from streams.domain.sun import elevation_deg

DAYS: Final = 14
"""Days looked back on."""
MOST_PERIODS: Final = (DAYS + 2) * PERIODS_A_DAY
"""What lies further back in a history is not looked at: the state of a forecast."""
WEEK: Final = 7
NARROW, WIDE = 4, 10
"""Quarter-hours on either side that a value is smoothed over."""
RECENT: Final = (1, 4, 16, PERIODS_A_DAY)
DIFFERENCES: Final = 11
_SKY_PERIODS: Final = 8
_DAYS_SMOOTHED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and by whose clock people live.

    Attributes:
        timezone: Whose clock.
        latitude_deg: North is positive; for the height of the sun, about the middle of the grid.
        longitude_deg: East is positive.
        holidays: Days on which people live as on a Sunday.
    """

    timezone: str = "Europe/Berlin"
    latitude_deg: float = 51.0
    longitude_deg: float = 9.5
    holidays: frozenset[date] = frozenset()

    def sunshine(self, moments: Moments) -> Watts:
        """Return the sine of the sun's elevation in the middle of quarter-hours, 0 at night."""
        elevation = elevation_deg(
            moments + PERIOD_S // 2,
            latitude_deg=self.latitude_deg,
            longitude_deg=self.longitude_deg,
        )
        return np.maximum(np.sin(np.radians(elevation)), 0.0)


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of some coming quarter-hours.

    Attributes:
        base: (rows, moments) W, the mean of the same time on the last 7 days; NaN without any.
        values: (rows, moments, features) W, what may be added to it, weighed.
    """

    base: Watts
    values: npt.NDArray[np.float64]


def features_of(
    history: Watts, horizons: npt.NDArray[np.int64], *, period_start: int, place: Place
) -> Features:
    """Return the features of the quarter-hours that lie `horizons` ahead, 1 being the next.

    Args:
        history: (rows, periods) W, NaN where missing; the last one ends at `period_start`.
        horizons: (moments), from 1.
        period_start: Where the history ends.
        place: Clock and sky.
    """
    history = history[:, -MOST_PERIODS:]
    moments = period_start + (horizons - 1) * PERIOD_S
    past = periods_before(period_start, history.shape[1])
    narrow, wide = smoothed(history, NARROW), smoothed(history, WIDE)

    # More than a day ahead, yesterday is not over: the last day that is takes its place.
    alike = _alike(moments, (horizons - 1) // PERIODS_A_DAY + 1, DAYS, place)
    same, same_narrow, same_wide = (
        _taken(values, alike, period_start) for values in (history, narrow, wide)
    )
    base = _mean(same[..., :WEEK])
    base_narrow, base_wide = _mean(same_narrow[..., :WEEK]), _mean(same_wide[..., :WEEK])
    deviations = same[..., :WEEK] - base[..., None]
    sunshine = place.sunshine(moments)
    last_day = _last_day(history, past, period_start, place)
    parts = [
        *np.moveaxis(deviations, -1, 0),
        *np.moveaxis(same_narrow[..., :_DAYS_SMOOTHED] - base_narrow[..., None], -1, 0),
        *np.moveaxis(same_wide[..., :_DAYS_SMOOTHED] - base_wide[..., None], -1, 0),
        base_narrow - base,
        base_wide - base_narrow,
        _mean(same_narrow) - base_narrow,
        _mean(same_wide) - base_wide,
        _median(same_narrow) - base_narrow,
        _of_the_same_kind(same_narrow, moments, alike, place) - base_narrow,
        base - last_day.base,
        *_recent(last_day.residuals, past, sunshine, place),
        *_differences(history),
        *_spread(last_day.spread, moments, sunshine, place),
    ]
    values = np.stack([np.broadcast_to(part, base.shape) for part in parts], axis=-1)
    return Features(base, np.where(np.isnan(values), 0.0, values))


def smoothed(history: Watts, reach: int) -> Watts:
    """Return the mean of what is known within some quarter-hours on either side; NaN without."""
    known = np.isfinite(history)
    total = _windows(np.where(known, history, 0.0), reach)
    count = _windows(known.astype(np.float64), reach)
    result: Watts = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return result


def _windows(values: Watts, reach: int) -> Watts:
    """Return sums over windows that end where the values do."""
    periods = values.shape[1]
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    index = np.arange(periods)
    result: Watts = (
        sums[:, np.minimum(index + reach + 1, periods)] - sums[:, np.maximum(index - reach, 0)]
    )
    return result


def _alike(moments: Moments, first_day: npt.NDArray[np.int64], days: int, place: Place) -> Moments:
    """Return the same local times on some days, the first so many days before, (moments, days)."""
    numbers = first_day[:, None] + np.arange(days)
    result = np.empty_like(numbers)
    for number in np.unique(numbers):
        rows, columns = np.nonzero(numbers == number)
        result[rows, columns] = same_times_before(moments[rows], int(number), place.timezone)
    return result


def _taken(history: Watts, moments: Moments, period_start: int) -> npt.NDArray[np.float64]:
    """Return what a history has of some moments, NaN of those outside it."""
    periods = history.shape[1]
    at = periods - (period_start - moments) // PERIOD_S
    usable = (at >= 0) & (at < periods)
    return np.where(usable, history[:, np.clip(at, 0, max(periods - 1, 0))], np.nan)


@dataclass(frozen=True, slots=True)
class _LastDay:
    """How the last day was beside the week before it.

    Attributes:
        residuals: (rows, up to 96) W, by how much it was off the base, newest last.
        base: (rows, 1) W, the base of its last quarter-hour.
        spread: (rows, 1) W, by how much days differ.
    """

    residuals: Watts
    base: Watts
    spread: Watts


def _last_day(history: Watts, past: Moments, period_start: int, place: Place) -> _LastDay:
    recent = past[-PERIODS_A_DAY:]
    alike = _alike(recent, np.ones(len(recent), np.int64), WEEK, place)
    same = _taken(history, alike, period_start)
    base = _mean(same)
    off = _mean(np.abs(same - base[..., None]).reshape(len(history), -1))
    residuals = history[:, -PERIODS_A_DAY:] - base
    return _LastDay(residuals, base[:, -1:], off[:, None])


def _recent(residuals: Watts, past: Moments, sunshine: Watts, place: Place) -> list[Watts]:
    """Return how the last day was off: lately, by night, and in proportion to the sun."""
    sky = place.sunshine(past[-PERIODS_A_DAY:])
    known = np.isfinite(residuals)
    off = np.where(known, residuals, 0.0)
    by_night = known & (sky == 0)
    lately = slice(-_SKY_PERIODS, None)
    of_day = (off @ sky) / np.maximum(known @ sky**2, 1e-9)
    of_now = (off[:, lately] @ sky[lately]) / (known[:, lately] @ sky[lately] ** 2 + 0.5)
    return [
        *(_mean(residuals[:, -count:])[:, None] for count in RECENT),
        ((off * by_night).sum(axis=1) / np.maximum(by_night.sum(axis=1), 1))[:, None],
        of_day[:, None],
        of_day[:, None] * sunshine,
        of_now[:, None] * sunshine,
    ]


def _differences(history: Watts) -> list[Watts]:
    """Return the last steps from one quarter-hour to the next, newest first."""
    steps = np.diff(history[:, -DIFFERENCES - 1 :], axis=1)
    missing = np.zeros((len(history), DIFFERENCES - steps.shape[1]))
    return list(np.concatenate([steps[:, ::-1], missing], axis=1).T[:, :, None])


def _spread(spread: Watts, moments: Moments, sunshine: Watts, place: Place) -> list[Watts]:
    """Return how much days differ, with the time of day, the sun and the kind of day."""
    local = (moments + utc_offsets_s(moments, place.timezone)) % DAY_S
    angle = 2 * np.pi * local / DAY_S
    kinds = day_kinds(moments, place.timezone, place.holidays)
    shapes = (
        np.ones(len(moments)),
        np.sin(angle),
        np.cos(angle),
        np.sin(2 * angle),
        np.cos(2 * angle),
        sunshine,
        kinds == DayKind.WORKDAY,
        kinds == DayKind.SUNDAY,
    )
    return [spread * shape for shape in shapes]


def _of_the_same_kind(
    same: npt.NDArray[np.float64], moments: Moments, alike: Moments, place: Place
) -> Watts:
    """Return the mean over the days of the same kind, NaN without any."""
    kinds = day_kinds(moments, place.timezone, place.holidays)
    before = day_kinds(alike, place.timezone, place.holidays)
    return _mean(np.where(before == kinds[:, None], same, np.nan))


def _mean(values: npt.NDArray[np.float64]) -> Watts:
    """Return the mean over the last axis of what is known, NaN without anything."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    result: Watts = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return result


def _median(values: npt.NDArray[np.float64]) -> Watts:
    """Return the median over the last axis of what is known, NaN without anything."""
    ordered = np.sort(values, axis=-1)  # NaN comes last
    count = np.isfinite(values).sum(axis=-1)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[-1] - 1)
    pair = np.take_along_axis(ordered, np.stack([low, high], axis=-1), axis=-1)
    result: Watts = pair.mean(axis=-1)
    return result
