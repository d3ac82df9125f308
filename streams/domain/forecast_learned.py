"""The better forecaster: a mean of days, and what was learned to add to it.

A linear model for each horizon, over differences of loads (`forecast_features`). It has no state
but its history of 16 days; its weights are learned once, for least absolute error, and shipped.
What it can't know is left to the blend.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.units import PERIOD_S
from streams.domain.forecast import (
    PERIODS_A_DAY,
    ForecastError,
    ForecastPolicy,
    Watts,
    blend,
    known_only,
    last_known,
)
from streams.domain.forecast_features import MOST_PERIODS, Place, features_of

MOST_MISSING_AT_END: Final = PERIODS_A_DAY
LEAST_KNOWN: Final = PERIODS_A_DAY
"""With less than a day of values there is nothing to learn from."""
_MOST_BEYOND: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """What was learned for one level of aggregation.

    Attributes:
        horizons: (horizons) growing quarter-hours ahead; between two, weights are interpolated.
        weights: (horizons, features) without a unit.
    """

    horizons: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]

    def at(self, horizons: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the weights of any horizons, (horizons, features); beyond the last, its own."""
        known = self.horizons
        asked = np.clip(horizons, known[0], known[-1])
        after = np.clip(np.searchsorted(known, asked), 1, len(known) - 1)
        share = (asked - known[after - 1]) / (known[after] - known[after - 1])
        share = share[:, None]
        result: npt.NDArray[np.float64] = (
            self.weights[after - 1] * (1 - share) + self.weights[after] * share
        )
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedPolicy:
    """How to forecast with learned weights.

    Attributes:
        weights: Those of the level of aggregation that is asked about.
        place: Clock and sky.
        floor: The blend that answers where there is too little to go by.
    """

    weights: Weights
    place: Place = field(default_factory=Place)
    floor: ForecastPolicy = field(default_factory=ForecastPolicy)


def forecast(
    history: Watts, *, period_start: int, horizon_periods: int, policy: LearnedPolicy
) -> Watts:
    """Return the net load of the coming quarter-hours, in W; asked and answered as `blend`.

    Args:
        history: (..., periods) W, NaN where missing; the last one ends at `period_start`.
        period_start: Epoch seconds of the first quarter-hour to be forecast.
        horizon_periods: How many quarter-hours; beyond a day the last day known stands in for
            yesterday.
        policy: Weights, clock and sky.

    Returns:
        (..., horizon_periods) W; NaN only where nothing at all is known.

    Raises:
        ForecastError: If `period_start` is not the start of a quarter-hour, or the horizon is
            negative.
    """
    known = known_only(history)
    result = blend(
        known, period_start=period_start, horizon_periods=horizon_periods, policy=policy.floor
    )
    if not horizon_periods or not known.shape[-1]:
        return result
    rows = known.reshape(-1, known.shape[-1])[:, -MOST_PERIODS:]
    answers = result.reshape(-1, horizon_periods)
    _, missing = last_known(rows)
    enough = np.isfinite(rows).sum(axis=1) >= LEAST_KNOWN
    for age in np.unique(missing[enough & (missing <= MOST_MISSING_AT_END)]):
        # What is missing at the end is forecast too, and only what was asked for is given.
        chosen = np.flatnonzero(enough & (missing == age))
        answers[chosen] = _learned(
            rows[chosen, : rows.shape[1] - age],
            answers[chosen],
            period_start=period_start - int(age) * PERIOD_S,
            skipped=int(age),
            policy=policy,
        )
    return answers.reshape(result.shape)


def _learned(
    history: Watts, floor: Watts, *, period_start: int, skipped: int, policy: LearnedPolicy
) -> Watts:
    horizons = np.arange(1, floor.shape[1] + 1, dtype=np.int64) + skipped
    features = features_of(history, horizons, period_start=period_start, place=policy.place)
    if features.values.shape[-1] != policy.weights.weights.shape[-1]:
        raise ForecastError(
            f"weights of {policy.weights.weights.shape[-1]} features, and the history gives "
            f"{features.values.shape[-1]}: train them anew"
        )
    added = np.einsum("rmf,mf->rm", features.values, policy.weights.at(horizons))
    answer = features.base + added
    # No sum of weighed differences may leave what was seen by more than half of its span.
    least, most = np.nanmin(history, axis=1), np.nanmax(history, axis=1)
    beyond = _MOST_BEYOND * (most - least)
    bounded = np.clip(answer, (least - beyond)[:, None], (most + beyond)[:, None])
    return np.where(np.isfinite(bounded), bounded, floor)
