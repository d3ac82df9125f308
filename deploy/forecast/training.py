"""Learning the forecaster's weights, from a file of profiles less the days it is judged on."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from deploy.forecast.loads import Level, Loads, loads_of
from load_generator.profiles import Profiles
from schemas.units import PERIOD_S
from streams.domain.forecast import PERIODS_A_DAY, Watts
from streams.domain.forecast_features import MOST_PERIODS, Place, features_of
from streams.domain.forecast_learned import Weights
from streams.forecast_model import Model

EXAMPLES: Final = (
    *((ahead, (ahead,)) for ahead in (1, 2, 3, 4, 6, 8, 12)),
    (16, (14, 16, 18)),
    (24, (20, 24, 28)),
    (32, (32, 48, 64, 80, 96)),
)
"""Horizons that have weights, and the horizons that these are learned from: later, what was just
now matters so little that all learn together, and the last one's hold to the end of the day."""
SOON: Final = 4
PENALTY_SOON: Final = 1e-3
PENALTY: Final = 3e-2
"""Of the weights of features that are scaled to 1. What comes soon is told by few features."""
FORTNIGHT: Final = 14
TUNING: Final = (
    date(2016, 2, 8),
    date(2016, 4, 25),
    date(2016, 7, 11),
    date(2016, 9, 5),
    date(2016, 11, 7),
)
"""Fortnights that features and penalties were chosen on."""
TESTING: Final = (
    date(2016, 1, 18),
    date(2016, 3, 7),
    date(2016, 5, 9),
    date(2016, 8, 8),
    date(2016, 10, 17),
    date(2016, 12, 5),
)
"""Fortnights that nothing was chosen or learned on; October's has the clock change."""
TRAINING_SEED: Final = 7
STRIDE: Final = 11
"""Quarter-hours from one forecast to the next; every time of day comes up."""
LEVELS: Final = (Level.GRID, Level.COMMUNITY, Level.HOUSEHOLD)
_ROUNDS: Final = 15
_SMALLEST_ERROR: Final = 0.05
_MIXES: Final = (8, 13, 20, 25, 30, 40)
_COMMUNITIES: Final = 8
_HOUSEHOLDS: Final = 12
_MOST_EXAMPLES: Final = 50_000
_SHORT_HISTORIES: Final = (1, 2, 3, 5, 7, 8, 10)
_SHORT_SHARE: Final = 0.5


def train(
    profiles: Profiles,
    place: Place,
    *,
    without: tuple[date, ...] = TESTING,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Model:
    """Return weights for each level, learned on all days but some fortnights.

    The same profiles give the same weights, up to rounding.
    """
    rng = np.random.default_rng(TRAINING_SEED)
    loads = loads_of(profiles, seed=TRAINING_SEED)
    left_out = {first + timedelta(days=more) for first in without for more in range(FORTNIGHT)}
    days = tuple(day for day in profiles.days if day not in left_out)
    hidden = _hidden(loads, left_out)
    weights = {}
    for level in LEVELS:
        rows = np.where(hidden, np.nan, _examples(loads, level, rng))
        weights[level.value] = _learn(rows, loads.first, place, rng)
        on_progress(level.value)
    return Model(weights, days)


def _hidden(loads: Loads, days: set[date]) -> npt.NDArray[np.bool_]:
    hidden = np.zeros(loads.periods, bool)
    for day in days:
        part = loads.between(day, 1)
        start = (part.first - loads.first) // PERIOD_S
        hidden[start : start + part.periods] = True
    return hidden


def _examples(loads: Loads, level: Level, rng: np.random.Generator) -> Watts:
    """Return rows to learn a level from, each scaled to how much its days differ."""
    communities = loads.rows[Level.COMMUNITY]
    if level is Level.GRID:
        # Grids of some of the communities: more kinds of a grid than one.
        rows = np.stack(
            [
                communities[rng.choice(len(communities), count, replace=False)].sum(axis=0)
                for count in _MIXES
            ]
        )
    elif level is Level.COMMUNITY:
        rows = communities[:: len(communities) // _COMMUNITIES]
    else:
        households = loads.rows[Level.HOUSEHOLD]
        rows = households[:: len(households) // _HOUSEHOLDS]
    difference = np.abs(rows[:, PERIODS_A_DAY:] - rows[:, :-PERIODS_A_DAY])
    scaled: Watts = rows / np.nanmean(difference, axis=1)[:, None]
    return scaled


def _learn(rows: Watts, first: int, place: Place, rng: np.random.Generator) -> Weights:
    horizons = np.unique([ahead for _, learned_from in EXAMPLES for ahead in learned_from])
    values, wanted = [], []
    for origin in range(PERIODS_A_DAY, rows.shape[1] - int(horizons[-1]), STRIDE):
        length = MOST_PERIODS
        if rng.random() < _SHORT_SHARE:
            length = int(rng.choice(_SHORT_HISTORIES)) * PERIODS_A_DAY
        history = rows[:, max(origin - length, 0) : origin]
        truth = rows[:, origin + horizons - 1]
        if not np.isfinite(history[0, -1]) or not np.isfinite(truth[0]).any():
            continue
        start = first + origin * PERIOD_S
        features = features_of(history, horizons, period_start=start, place=place)
        values.append(features.values.astype(np.float32))
        wanted.append(truth - features.base)
    all_values, all_wanted = np.stack(values), np.stack(wanted)
    weights = []
    for horizon, learned_from in EXAMPLES:
        chosen = np.searchsorted(horizons, learned_from)
        of = all_values[:, :, chosen].reshape(-1, all_values.shape[-1])
        for_ = all_wanted[:, :, chosen].ravel()
        known = np.flatnonzero(np.isfinite(for_))
        if len(known) > _MOST_EXAMPLES:
            known = rng.choice(known, _MOST_EXAMPLES, replace=False)
        penalty = PENALTY_SOON if horizon <= SOON else PENALTY
        weights.append(least_absolute(of[known].astype(np.float64), for_[known], penalty=penalty))
    return Weights(np.array([horizon for horizon, _ in EXAMPLES]), np.stack(weights))


def least_absolute(
    values: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64], *, penalty: float
) -> npt.NDArray[np.float64]:
    """Return weights for the least sum of absolute errors, by repeatedly weighted squares.

    Args:
        values: (examples, features), finite.
        wanted: (examples).
        penalty: Of squared weights, of features scaled to a mean square of 1.

    >>> x = np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> y = np.array([2.0, 4.0, 6.0, 100.0])
    >>> float(least_absolute(x, y, penalty=0)[0].round(1))
    2.0
    """
    scale = np.sqrt((values**2).mean(axis=0)) + 1e-9
    scaled = values / scale
    floor = _SMALLEST_ERROR * np.abs(wanted).mean() + 1e-12
    ridge = penalty * np.eye(values.shape[1])
    importance = np.ones(len(wanted))
    result = np.zeros(values.shape[1])
    for _ in range(_ROUNDS):
        weighted = scaled * importance[:, None]
        left = weighted.T @ scaled / len(wanted) + ridge * importance.mean()
        result = np.linalg.lstsq(left, weighted.T @ wanted / len(wanted), rcond=None)[0]
        importance = floor / np.maximum(np.abs(wanted - scaled @ result), floor)
    weights: npt.NDArray[np.float64] = result / scale
    return weights
