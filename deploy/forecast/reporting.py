"""A file of profiles through the forecaster, and what came of it."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from deploy.forecast.loads import Level, Loads, loads_of
from deploy.forecast.page import Report, ShownDay
from deploy.forecast.scoring import Method, answers_of, score
from deploy.forecast.training import FORTNIGHT
from load_generator.profiles import PROFILE_ZONE, ProfileError, read_profiles
from schemas.units import PERIOD_S
from streams.domain.forecast import PERIODS_A_DAY, ForecastPolicy
from streams.domain.forecast_features import Place
from streams.domain.forecast_learned import LearnedPolicy
from streams.domain.forecast_times import day_numbers
from streams.domain.holidays import german_holidays
from streams.forecast_model import Model

LEAST_DAYS: Final = 2
"""A forecast needs a day, and so does the truth."""
WEIGHTS: Final = {
    Level.GRID: "grid",
    Level.IN_STEP: "grid",
    Level.COMMUNITY: "community",
    Level.HOUSEHOLD: "household",
}


def report_of(
    file: Path,
    model: Model,
    *,
    seed: int,
    fortnights: Sequence[date] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Report:
    """Return the report of a file's days, or of some fortnights in it, each for itself.

    Raises:
        ProfileError: If the file can't be used, or has too few days.
    """
    profiles = read_profiles([file])
    if len(profiles.days) < LEAST_DAYS:
        raise ProfileError(f"{file}: {len(profiles.days)} day; a forecast needs {LEAST_DAYS}")
    policies = policies_of(model, {day.year for day in profiles.days})
    floor = ForecastPolicy(timezone=PROFILE_ZONE.key)
    whole = loads_of(profiles, seed=seed)
    days = profiles.days
    stretches: list[Loads] = [whole]
    if fortnights:
        wanted = {day + timedelta(days=more) for day in fortnights for more in range(FORTNIGHT)}
        days = tuple(day for day in profiles.days if day in wanted)
        for first in fortnights:
            if first not in profiles.days:
                raise ProfileError(f"{file}: no day {first}, which a fortnight was to begin with")
        stretches = [whole.between(first, FORTNIGHT) for first in fortnights]
    return Report(
        profiles=file.name,
        seed=seed,
        days=days,
        days_trained_on=len(set(days) & set(model.days)),
        scores=score(stretches, policies, floor, on_progress=on_progress),
        shown=_shown_day(stretches[-1], policies[Level.GRID], floor),
        timezone=PROFILE_ZONE.key,
    )


def policies_of(model: Model, years: set[int]) -> dict[Level, LearnedPolicy]:
    """Return how each level is forecast, with the holidays of some years."""
    holidays = frozenset[date]().union(*(german_holidays(year) for year in years))
    place = Place(timezone=PROFILE_ZONE.key, holidays=holidays)
    return {
        level: LearnedPolicy(weights=model.weights[name], place=place)
        for level, name in WEIGHTS.items()
    }


def _shown_day(loads: Loads, policy: LearnedPolicy, floor: ForecastPolicy) -> ShownDay | None:
    """Return the last day that is known throughout, with a day before it."""
    rows = loads.rows[Level.GRID]
    moments = loads.first + PERIOD_S * np.arange(loads.periods, dtype=np.int64)
    numbers = day_numbers(moments, policy.place.timezone)
    for number in np.unique(numbers)[:0:-1]:
        at = int(np.argmax(numbers == number))
        truth = rows[0, at : at + PERIODS_A_DAY]
        if len(truth) < PERIODS_A_DAY or not np.isfinite(truth).all():
            continue
        first = loads.first + at * PERIOD_S
        answers = answers_of(rows[:, :at], period_start=first, policy=policy, floor=floor)
        if np.isfinite(answers[Method.LEARNED]).all():
            return ShownDay(first, truth, {name: values[0] for name, values in answers.items()})
    return None
