"""A simulated month through the rules, day by day as a worker would, with what they remember."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from deploy.vee.month import DAY_MINUTES, FIRST_MINUTE, Month
from schemas.units import MINUTE_S, PERIOD_MINUTES
from streams.domain.channels import CHANNELS, CONSUMPTION, MISSING, PRODUCTION, Cells
from streams.domain.estimation import Window
from streams.domain.like_days import PERIODS_A_DAY, LikeDays
from streams.domain.validation import (
    PeriodOfDay,
    nothing_known,
    remember_day,
    validate,
    without_failed,
)
from streams.domain.vee import Energies, Flags, Thresholds

ALL_CHANNELS: Final = (1 << len(CHANNELS)) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What the rules said of a month, and what is left to estimate from.

    Attributes:
        flags: (minute, meter), those of the arrival included.
        good: (minute, channel, meter), without the readings that failed.
        window: The same, as estimation takes it.
    """

    flags: Flags
    good: Cells
    window: Window


def judge(month: Month, *, thresholds: Thresholds) -> Judged:
    """Return the verdicts on a month, whose days were judged one after the other."""
    minutes, _, meters = month.cells.shape
    flags = month.arrival.copy()
    totals = np.full((2, minutes, meters), MISSING, np.int64)
    is_reset = np.zeros((minutes, meters), np.bool_)
    like = np.full((2, minutes, meters), np.nan)
    memory = nothing_known(meters)
    loads, panels = LikeDays.empty(meters), LikeDays.empty(meters)
    for first in range(0, minutes, DAY_MINUTES):
        rows = slice(first, first + DAY_MINUTES)
        number = first // PERIOD_MINUTES
        calendar = month.calendar[number : number + PERIODS_A_DAY]
        for place, days in enumerate((loads, panels)):
            like[place, rows] = _like_minutes(days, calendar[0])
        validated = validate(
            month.cells[rows],
            ALL_CHANNELS,
            FIRST_MINUTE + first * MINUTE_S,
            calendar,
            is_night=month.is_night[rows],
            limits=month.limits,
            memory=memory,
            like_days=loads,
            thresholds=thresholds,
        )
        memory = validated.memory
        flags[rows] |= validated.flags
        totals[0, rows], totals[1, rows] = validated.imports.totals, validated.exports.totals
        is_reset[rows] = validated.is_reset
        for channel, days in ((CONSUMPTION, loads), (PRODUCTION, panels)):
            remember_day(
                days,
                month.cells[rows, channel],
                flags[rows],
                day=calendar[0].day,
                kind=calendar[0].kind,
            )
    good = without_failed(month.cells, flags)
    return Judged(flags, good, _window(month, good, totals, is_reset, like))


def _like_minutes(days: LikeDays, first: PeriodOfDay) -> npt.NDArray[np.float64]:
    means = np.stack([days.mean(first.day, first.kind, number) for number in range(PERIODS_A_DAY)])
    return np.repeat(means / PERIOD_MINUTES, PERIOD_MINUTES, axis=0)


def _window(
    month: Month,
    good: Cells,
    totals: Energies,
    is_reset: npt.NDArray[np.bool_],
    like: npt.NDArray[np.float64],
) -> Window:
    return Window(
        consumption=good[:, 0],
        production=good[:, 1],
        charge=good[:, 2],
        discharge=good[:, 3],
        level=good[:, 4],
        imports=totals[0],
        exports=totals[1],
        is_reset=is_reset,
        has_panels=month.limits.pv_peak_w > 0,
        like_consumption=like[0],
        like_production=like[1],
    )
