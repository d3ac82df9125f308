"""What net load is to be expected, quarter-hour by quarter-hour, from what was measured before.

Seasonal baselines, blended and anchored to the last measured value. They need no training, begin
with a single value, and are the floor that a better forecaster has to beat.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.units import PERIOD_S
from streams.domain.forecast_times import DAY_S, Moments, periods_before, same_times_before

Watts = npt.NDArray[np.float64]
"""Mean net load of quarter-hours in W, oldest first; NaN where it is not known."""

PERIODS_A_DAY: Final = DAY_S // PERIOD_S
DAYS_A_WEEK: Final = 7


class ForecastError(ValueError):
    """A question that no forecast can answer; the text names the value and the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPolicy:
    """How the baselines are blended.

    Attributes:
        timezone: Whose clock people live by: "the same time yesterday" is by it.
        last_weight: Share of the last measured value.
        yesterday_weight: Share of the same time on the last day that is known.
        last_week_weight: Share of the same time on the same weekday of the last week known.
        anchor_periods: The difference of the last measured value from its own blend is added,
            and falls to 1/e in so many quarter-hours.
        most_days_back: How far back a value is looked for where nearer ones are missing.
    """

    timezone: str = "Europe/Berlin"
    last_weight: float = 0.1
    yesterday_weight: float = 0.5
    last_week_weight: float = 0.4
    anchor_periods: float = 4.0
    most_days_back: int = 28

    def __post_init__(self) -> None:
        """Refuse a policy that means nothing.

        Raises:
            ForecastError: If a weight is negative, all are 0, or a time is not positive.
        """
        weights = (self.last_weight, self.yesterday_weight, self.last_week_weight)
        if min(weights) < 0 or not sum(weights):
            raise ForecastError(f"weights {weights}: each at least 0, and one above it")
        if self.anchor_periods <= 0:
            raise ForecastError(f"anchor_periods {self.anchor_periods}: more than 0 is needed")
        if self.most_days_back < 1:
            raise ForecastError(f"most_days_back {self.most_days_back}: at least 1 is needed")


def blend(
    history: Watts, *, period_start: int, horizon_periods: int, policy: ForecastPolicy
) -> Watts:
    """Return the net load of the coming quarter-hours, in W, as the blend of seasonal baselines.

    What a baseline doesn't know is left to the others. With one known value the forecast is that
    value; with none it is NaN. The forecast scales with its history: it knows no size of its own.

    Args:
        history: (..., periods) W, NaN where missing; the last one ends at `period_start`. Each
            row of several is forecast for itself.
        period_start: Epoch seconds of the first quarter-hour to be forecast.
        horizon_periods: How many quarter-hours.
        policy: How to blend.

    Returns:
        (..., horizon_periods) W.

    Raises:
        ForecastError: If `period_start` is not the start of a quarter-hour, or the horizon is
            negative.
    """
    _require(period_start, horizon_periods)
    known = known_only(history)
    if not known.shape[-1]:
        return np.full((*known.shape[:-1], horizon_periods), np.nan)
    last, age = last_known(known)
    ahead = period_start + PERIOD_S * np.arange(horizon_periods, dtype=np.int64)
    base = _baseline(known, ahead, last, period_start=period_start, policy=policy)
    # What the blend says of the last measured quarter-hour itself, row by row.
    periods = periods_before(period_start, known.shape[-1])
    at_last = _baseline_at(known, periods, last, age, period_start=period_start, policy=policy)
    periods_since = age[..., None] + np.arange(1, horizon_periods + 1)
    anchored = base + (last - at_last)[..., None] * np.exp(-periods_since / policy.anchor_periods)
    result: Watts = anchored
    return result


def same_time(
    history: Watts, moments: Moments, *, period_start: int, every_days: int, policy: ForecastPolicy
) -> Watts:
    """Return what was measured at the same local time, a number of days or a multiple of it ago.

    The nearest such day that is known counts; this is the seasonal naive forecast, with
    `every_days` 1 of yesterday and 7 of last week. NaN where no such day is known.

    Args:
        history: (..., periods) W, NaN where missing, ending at `period_start`.
        moments: Epoch seconds of the quarter-hours asked for.
        period_start: Where the history ends.
        every_days: Days between those that are alike.
        policy: Whose clock, and how far to look back.

    Returns:
        (..., moments) W.
    """
    result = np.full((*history.shape[:-1], len(moments)), np.nan)
    periods = history.shape[-1]
    # A day more for what is asked of tomorrow, whose yesterday has not been yet.
    days_ahead = max(0, -(-(int(moments.max(initial=period_start)) - period_start) // DAY_S))
    for days in range(every_days, policy.most_days_back + days_ahead + 1, every_days):
        source = same_times_before(moments, days, policy.timezone)
        place = periods - (period_start - source) // PERIOD_S
        # A moment's own value, and what comes after the end, are not before it.
        usable = (place >= 0) & (place < periods)
        found = history[..., np.clip(place, 0, periods - 1)]
        result = np.where(np.isnan(result) & usable, found, result)
        if not np.isnan(result).any():
            break
    return result


def last_known(history: Watts) -> tuple[Watts, npt.NDArray[np.int64]]:
    """Return the last value that is known, NaN without, and how many missing ones follow it."""
    is_known = np.isfinite(history)
    age = np.argmax(is_known[..., ::-1], axis=-1).astype(np.int64)
    last = np.take_along_axis(history, (history.shape[-1] - 1 - age)[..., None], axis=-1)[..., 0]
    return last, age


def known_only(history: Watts) -> Watts:
    """Return the history as 64-bit floats, with NaN for all that is not a finite number."""
    values = np.asarray(history, dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _baseline(
    history: Watts, moments: Moments, last: Watts, *, period_start: int, policy: ForecastPolicy
) -> Watts:
    """Return the weighted mean of the baselines that know something, (..., moments)."""
    parts = (
        (policy.last_weight, np.broadcast_to(last[..., None], (*last.shape, len(moments)))),
        *(
            (
                weight,
                same_time(
                    history, moments, period_start=period_start, every_days=days, policy=policy
                ),
            )
            for weight, days in (
                (policy.yesterday_weight, 1),
                (policy.last_week_weight, DAYS_A_WEEK),
            )
        ),
    )
    total = sum(weight * np.where(np.isnan(part), 0, part) for weight, part in parts)
    weights = sum(weight * ~np.isnan(part) for weight, part in parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.asarray(total) / np.asarray(weights)
    # Where every baseline with a weight is silent, the last value is all there is.
    return np.where(np.asarray(weights) > 0, mean, last[..., None])


def _baseline_at(  # noqa: PLR0913 - what it needs to say the same as `_baseline`
    history: Watts,
    periods: Moments,
    last: Watts,
    age: npt.NDArray[np.int64],
    *,
    period_start: int,
    policy: ForecastPolicy,
) -> Watts:
    """Return the blend at each row's own last measured quarter-hour."""
    result = np.empty_like(last)
    for missing in np.unique(age):
        rows = age == missing
        moment = periods[len(periods) - 1 - int(missing)][None]
        result[rows] = _baseline(
            history[rows], moment, last[rows], period_start=period_start, policy=policy
        )[..., 0]
    return result


def _require(period_start: int, horizon_periods: int) -> None:
    if period_start % PERIOD_S:
        raise ForecastError(f"period_start {period_start}: not the start of a quarter-hour")
    if horizon_periods < 0:
        raise ForecastError(f"horizon_periods {horizon_periods}: at least 0 is needed")
