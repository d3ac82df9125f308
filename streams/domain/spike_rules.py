"""Spikes: what stands out from a meter's own peaks, by quarter-hour and by minute.

The peaks are the three highest of this week and of the last, so that what comes once a week, as
charging a car, is no spike. What the registers confirm is none either, however high.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.units import PERIOD_MINUTES
from streams.compiled import compiled
from streams.domain.vee import MWH_PER_W_MINUTE, Energies, Thresholds

N_PEAKS: Final = 3
PEAKS: Final = np.dtype(
    [("week", "<i4"), ("these", "<i8", (N_PEAKS,)), ("last", "<i8", (N_PEAKS,))]
)
"""The highest of a week and of the one before, mWh, ascending; 52 bytes."""

State = npt.NDArray[np.void]
Mask = npt.NDArray[np.bool_]


def spikes(  # noqa: PLR0913 - a sum, and all that it is held against
    sums: Energies,
    is_known: Mask,
    is_confirmed: Mask,
    week: int,
    state: State,
    *,
    thresholds: Thresholds,
) -> tuple[Mask, State]:
    """Return whose period stands out: `(sum - third highest) / third highest > spike_ratio`.

    Args:
        sums: By meter, the period's energy, mWh.
        is_known: Whether the period was measured throughout.
        is_confirmed: Whether its registers say the same.
        week: Its number.
        state: (meter) `PEAKS` of periods, as it was before.
        thresholds: The ratio, and what is too little to be a spike.
    """
    after = _turned(state, week)
    third = third_highest(after)
    floor = thresholds.spike_floor_w * MWH_PER_W_MINUTE * PERIOD_MINUTES
    stands_out = (sums - third > thresholds.spike_ratio * third) & (sums > floor)
    is_spike: Mask = stands_out & is_settled(after) & is_known & ~is_confirmed
    added = np.where(is_known, sums, 0)[:, None]
    after["these"] = np.sort(np.concatenate([after["these"], added], axis=1), axis=1)[:, -N_PEAKS:]
    return is_spike, after


def lone_minutes(
    energies: Energies,
    is_confirmed: Mask,
    week: int,
    state: State,
    *,
    thresholds: Thresholds,
) -> tuple[Mask, State]:
    """Return which minutes of one period stand out from the peaks, and alone.

    Alone: at most `lone_minutes` of the period stand out, and not its last, which may be the begin
    of more. What is told is kept out of the peaks.

    Args:
        energies: (minute, meter) mWh of one period, `MISSING` where there is no good reading.
        is_confirmed: (minute, meter), whether the registers say the same.
        week: Number of its week.
        state: (meter) `PEAKS` of minutes, as it was before.
        thresholds: The ratio, what is too little to be a spike, and how many are still alone.
    """
    after = _turned(state, week)
    most = np.maximum(
        third_highest(after) * (1 + thresholds.lone_ratio),
        thresholds.spike_floor_w * MWH_PER_W_MINUTE,
    )
    most[~is_settled(after)] = np.inf
    found = np.zeros(energies.shape, np.bool_)
    these = np.ascontiguousarray(after["these"])
    _lone_minutes(energies, is_confirmed, most, thresholds.lone_minutes, these, found)
    after["these"] = these
    return found, after


@compiled
def _lone_minutes(  # noqa: PLR0913, PLR0917 - numba takes no dataclass
    energies: Energies,
    is_confirmed: Mask,
    most: npt.NDArray[np.float64],
    alone: int,
    peaks: Energies,
    found: Mask,
) -> None:
    minutes, meters = energies.shape
    for meter in range(meters):
        high = 0
        for minute in range(minutes):
            high += energies[minute, meter] > most[meter]
        is_lone = 0 < high <= alone and energies[minutes - 1, meter] <= most[meter]
        for minute in range(minutes):
            energy = energies[minute, meter]
            if is_lone and energy > most[meter] and not is_confirmed[minute, meter]:
                found[minute, meter] = True
            elif energy > peaks[meter, 0]:
                place = 0
                while place + 1 < N_PEAKS and energy > peaks[meter, place + 1]:
                    peaks[meter, place] = peaks[meter, place + 1]
                    place += 1
                peaks[meter, place] = energy


def _turned(state: State, week: int) -> State:
    """Return the peaks with their week begun, if it is a new one."""
    after = state.copy()
    is_new, is_next = after["week"] != week, after["week"] == week - 1
    after["last"][is_next] = after["these"][is_next]
    after["last"][is_new & ~is_next] = 0
    after["these"][is_new] = 0
    after["week"] = week
    return after


def is_settled(state: State) -> Mask:
    """Say whose peaks are known from a week before: nothing stands out from those of a few days."""
    known: Mask = state["last"][:, 0] > 0
    return known


def third_highest(state: State) -> Energies:
    """Return the third highest of both weeks, mWh, by meter."""
    peaks = np.sort(np.concatenate([state["these"], state["last"]], axis=1), axis=1)
    third: Energies = peaks[:, -N_PEAKS]
    return third
