"""Forecasts from rolling origins beside what came, and beside what is forecast without thought."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import gcd
from typing import Final

import numpy as np
import numpy.typing as npt

from deploy.forecast.loads import Level, Loads
from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.forecast import (
    DAYS_A_WEEK,
    PERIODS_A_DAY,
    ForecastPolicy,
    Watts,
    blend,
    last_known,
    same_time,
)
from streams.domain.forecast_features import MOST_PERIODS
from streams.domain.forecast_learned import LearnedPolicy, forecast

MOST_ORIGINS: Final = 600
LEAST_STRIDE: Final = 5
MINUTES_A_PERIOD: Final = PERIOD_S // MINUTE_S


class Method(StrEnum):
    """Who forecasts."""

    LEARNED = "learned"
    BLEND = "blend"
    YESTERDAY = "same time yesterday"
    LAST_WEEK = "same time last week"
    PERSISTENCE = "persistence"


@dataclass
class Errors:
    """Absolute errors of one level, by row and horizon, where truth and all in question are known.

    Attributes:
        sums: Of each method where yesterday is known.
        count: How many.
        week_sums: The same where last week is known too.
        week_count: How many.
        naive_sum: By row, differences from the same time yesterday over the whole series: what
            MASE divides by.
        naive_count: How many.
        hindsight_sum: By row, differences from the mean of the same time on the three days before
            and the three after: what the days around say, without weather.
    """

    sums: dict[Method, Watts]
    count: npt.NDArray[np.int64]
    week_sums: dict[Method, Watts]
    week_count: npt.NDArray[np.int64]
    naive_sum: Watts
    naive_count: npt.NDArray[np.int64]
    hindsight_sum: Watts

    @classmethod
    def empty(cls, rows: int) -> "Errors":
        """Return the errors of nothing."""
        shape = (rows, PERIODS_A_DAY)
        return cls(
            {method: np.zeros(shape) for method in Method},
            np.zeros(shape, np.int64),
            {method: np.zeros(shape) for method in Method},
            np.zeros(shape, np.int64),
            np.zeros(rows),
            np.zeros(rows, np.int64),
            np.zeros(rows),
        )

    def add(self, answers: dict[Method, Watts], truth: Watts) -> None:
        """Count the errors of one origin, (rows, horizons)."""
        off = {method: np.abs(answer - truth) for method, answer in answers.items()}
        known = np.logical_and.reduce(
            [np.isfinite(off[method]) for method in Method if method is not Method.LAST_WEEK]
        )
        with_week = known & np.isfinite(off[Method.LAST_WEEK])
        for method in Method:
            self.sums[method] += np.where(known, off[method], 0)
            self.week_sums[method] += np.where(with_week, off[method], 0)
        self.count += known
        self.week_count += with_week

    def add_series(self, rows: Watts) -> None:
        """Count what MASE divides by, and hindsight, of whole series, (rows, periods)."""
        yesterday = np.abs(rows - _moved(rows, 1))
        around = np.stack([_moved(rows, days) for days in (-3, -2, -1, 1, 2, 3)])
        known = np.isfinite(around)
        mean = np.where(known, around, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        is_known = np.isfinite(yesterday)
        self.naive_sum += np.where(is_known, yesterday, 0).sum(axis=1)
        self.naive_count += is_known.sum(axis=1)
        self.hindsight_sum += np.where(is_known, np.abs(rows - mean), 0).sum(axis=1)

    def hindsight_skill(self) -> float | None:
        """Return the skill against yesterday of knowing the days around; None without any."""
        naive = float(self.naive_sum.sum())
        return 1 - float(self.hindsight_sum.sum()) / naive if naive else None

    def mean_w(self, method: Method, horizons: slice) -> float | None:
        """Return the mean absolute error in W of some horizons; None without any."""
        count = int(self.count[:, horizons].sum())
        return float(self.sums[method][:, horizons].sum()) / count if count else None

    def skill(self, method: Method, reference: Method, horizons: slice) -> float | None:
        """Return 1 - error / the reference's error; None where the reference knows nothing."""
        week = reference is Method.LAST_WEEK
        sums, count = (self.week_sums, self.week_count) if week else (self.sums, self.count)
        if not count[:, horizons].sum() or not sums[reference][:, horizons].sum():
            return None
        return 1 - float(sums[method][:, horizons].sum() / sums[reference][:, horizons].sum())

    def mase(self, method: Method, horizons: slice) -> float | None:
        """Return the mean over rows of the error over the row's own naive error of a day.

        Hyndman and Koehler, Another look at measures of forecast accuracy, 2006, with the season
        of a day.
        """
        count = self.count[:, horizons].sum(axis=1)
        usable = (count > 0) & (self.naive_count > 0) & (self.naive_sum > 0)
        if not usable.any():
            return None
        error = self.sums[method][:, horizons].sum(axis=1)[usable] / count[usable]
        naive = self.naive_sum[usable] / self.naive_count[usable]
        return float((error / naive).mean())


@dataclass
class Scores:
    """What came of a file: errors by level, from so many origins in so many stretches."""

    levels: dict[Level, Errors] = field(default_factory=dict)
    origins: int = 0
    stretches: int = 0
    stride: int = LEAST_STRIDE


def score(
    stretches: Sequence[Loads],
    policies: dict[Level, LearnedPolicy],
    floor: ForecastPolicy,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Scores:
    """Return the errors of every method over stretches of time, each without what came before.

    Origins are so many quarter-hours apart that at most about 600 are asked, and every time of
    day comes up. At each, a forecaster gets what came before, and no more.
    """
    scores = Scores(stretches=len(stretches), stride=stride_of(sum(s.periods for s in stretches)))
    origins = [
        (stretch, origin)
        for stretch in stretches
        for origin in range(1, stretch.periods, scores.stride)
    ]
    for stretch in stretches:
        for level, rows in stretch.rows.items():
            errors = scores.levels.setdefault(level, Errors.empty(len(rows)))
            errors.add_series(rows)
    for done, (stretch, origin) in enumerate(origins):
        on_progress(done, len(origins))
        scores.origins += 1
        for level, answers in forecasts_at(stretch, origin, policies, floor).items():
            truth = stretch.rows[level][:, origin : origin + PERIODS_A_DAY]
            # Beyond the end nothing is known.
            beyond = ((0, 0), (0, PERIODS_A_DAY - truth.shape[1]))
            scores.levels[level].add(answers, np.pad(truth, beyond, constant_values=np.nan))
    return scores


def forecasts_at(
    loads: Loads, origin: int, policies: dict[Level, LearnedPolicy], floor: ForecastPolicy
) -> dict[Level, dict[Method, Watts]]:
    """Return what is forecast, by level, from what came before a quarter-hour of the loads."""
    return {
        level: answers_of(
            rows[:, max(origin - 2 * MOST_PERIODS, 0) : origin],
            period_start=loads.first + origin * PERIOD_S,
            policy=policies[level],
            floor=floor,
        )
        for level, rows in loads.rows.items()
    }


def answers_of(
    history: Watts, *, period_start: int, policy: LearnedPolicy, floor: ForecastPolicy
) -> dict[Method, Watts]:
    """Return what each method says of the next day, (rows, 96) W."""
    moments = period_start + PERIOD_S * np.arange(PERIODS_A_DAY, dtype=np.int64)

    def naive(days: int) -> Watts:
        return same_time(history, moments, period_start=period_start, every_days=days, policy=floor)

    last, _ = last_known(history)
    return {
        Method.LEARNED: forecast(
            history, period_start=period_start, horizon_periods=PERIODS_A_DAY, policy=policy
        ),
        Method.BLEND: blend(
            history, period_start=period_start, horizon_periods=PERIODS_A_DAY, policy=floor
        ),
        Method.YESTERDAY: naive(1),
        Method.LAST_WEEK: naive(DAYS_A_WEEK),
        Method.PERSISTENCE: np.broadcast_to(last[:, None], (len(last), PERIODS_A_DAY)),
    }


def _moved(rows: Watts, days: int) -> Watts:
    """Return the series with each value where a number of days later stands, NaN from outside."""
    moved = np.full_like(rows, np.nan)
    periods = days * PERIODS_A_DAY
    if abs(periods) < rows.shape[1]:
        if periods > 0:
            moved[:, periods:] = rows[:, :-periods]
        else:
            moved[:, :periods] = rows[:, -periods:]
    return moved


def stride_of(periods: int) -> int:
    """Return quarter-hours between origins, with no factor in common with those of a day.

    >>> stride_of(1344), stride_of(30816)
    (5, 53)
    """
    stride = max(LEAST_STRIDE, -(-periods // MOST_ORIGINS))
    while gcd(stride, PERIODS_A_DAY) > 1:
        stride += 1
    return stride
