"""What a household may need in the next quarter-hours: each of its last days, come again.

Days differ as a whole: what the sun does at noon it does at one o'clock too. So what is expected is
not a load and its spread for each quarter-hour, but a few days as they were, how likely each is by
how much the last hours were like it.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.units import PERIOD_S
from streams.domain.forecast import PERIODS_A_DAY, ForecastPolicy, Watts, blend
from streams.domain.forecast_times import same_times_before

DAYS: Final = 7

COMPARED_PERIODS: Final = 8
"""The last two hours say which day it is."""
SHARPNESS: Final = 4.0
"""A day that was off by the mean of all days counts e^-4 of one that was not off."""

LEAST_KNOWN: Final = 0.75
"""Of the next day's quarter-hours so many must have been measured on one of the last days. A blend
that knows no day takes what is for what will be: at noon, sun for ever."""

ANCHOR_PERIODS: Final = 2
"""By the mean of so many last quarter-hours each day is moved to where the household is now."""


class Futures(NamedTuple):
    """What may come.

    Attributes:
        nets: (household, future, period) W; NaN where hardly a day is known of a household.
        chances: (household, future), which sum to 1.
    """

    nets: Watts
    chances: npt.NDArray[np.float64]

    @property
    def mean(self) -> Watts:
        """Return what is expected, (household, period) W."""
        result: Watts = np.einsum("hfp,hf->hp", self.nets, self.chances)
        return result


def futures_of(histories: Watts, *, start: int, periods: int, policy: ForecastPolicy) -> Futures:
    """Return each household's last seven days as its futures; what a day lacks is as blended.

    Nothing is expected of a household before `LEAST_KNOWN` of a day is known.

    Args:
        histories: (household, period) W, NaN where not known; the last one ends at `start`.
        start: Epoch s.
        periods: How many are asked for.
        policy: By whose clock days are alike, and the blend.
    """
    forecast = blend(histories, period_start=start, horizon_periods=periods, policy=policy)
    ahead = np.arange(-COMPARED_PERIODS, periods)
    moments = start + PERIOD_S * ahead
    # Of what is more than a day ahead, yesterday is not over.
    whole_days = np.maximum(ahead // PERIODS_A_DAY, 0)
    days = np.stack(
        [
            _taken(histories, moments, whole_days + 1 + day, start=start, policy=policy)
            for day in range(DAYS)
        ],
        axis=1,
    )
    before, after = days[..., :COMPARED_PERIODS], days[..., COMPARED_PERIODS:]
    lately = np.full((len(histories), COMPARED_PERIODS), np.nan)
    known = min(histories.shape[-1], COMPARED_PERIODS)
    lately[:, COMPARED_PERIODS - known :] = histories[:, histories.shape[-1] - known :]
    off = lately[:, None, :] - before
    fades = np.exp(-np.arange(1, periods + 1) / policy.anchor_periods)
    moved = after + _mean(off[..., -ANCHOR_PERIODS:])[..., None] * fades
    nets = np.where(np.isfinite(moved), moved, forecast[:, None, :])
    is_known = np.isfinite(after[..., :PERIODS_A_DAY]).any(axis=1)
    nets[is_known.mean(axis=-1) < LEAST_KNOWN] = np.nan
    return Futures(nets, _chances(_mean(off**2)))


def _taken(
    histories: Watts,
    moments: npt.NDArray[np.int64],
    days: npt.NDArray[np.int64],
    *,
    start: int,
    policy: ForecastPolicy,
) -> Watts:
    """Return what was measured some days before each moment, (household, moment), NaN without."""
    result = np.full((len(histories), len(moments)), np.nan)
    for back in np.unique(days).tolist():
        chosen = np.flatnonzero(days == back)
        source = same_times_before(moments[chosen], back, policy.timezone)
        place = histories.shape[-1] - (start - source) // PERIOD_S
        usable = (place >= 0) & (place < histories.shape[-1])
        result[:, chosen[usable]] = histories[:, place[usable]]
    return result


def _mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean over the last axis of what is known; 0 without anything."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=-1)
    result: npt.NDArray[np.float64] = total / np.maximum(known.sum(axis=-1), 1)
    return result


def _chances(off: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    usual = np.maximum(off.mean(axis=1, keepdims=True), 1e-9)
    likely = np.exp(-SHARPNESS * off / usual)
    result: npt.NDArray[np.float64] = likely / likely.sum(axis=1, keepdims=True)
    return result
