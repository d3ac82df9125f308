"""Rules that remember: a flat line, a use far above or below that of the days before.

Each has a state of known size for each meter, packed into bytes, and returns the state after.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from streams.compiled import compiled
from streams.domain.channels import MISSING
from streams.domain.vee import Energies, Flags, Rule, Thresholds, bit

FLAT_STATE: Final = np.dtype([("value", "<i8"), ("readings", "<i4")])
"""The last reading, mWh, and how many like it there were in a row; 12 bytes a channel."""

HIGH_LOW_STATE: Final = np.dtype(
    [("told", "<i8"), ("least", "<i8"), ("most", "<i8"), ("periods", "u1")]
)
"""Since the last verdict: what was used, and the least and most of it on days before; 25 bytes."""

State = npt.NDArray[np.void]

_SUSPECTED: Final = bit(Rule.FLAT_SUSPECTED)
_FLAT: Final = bit(Rule.FLAT_LINE)


def flat_lines(energies: Energies, state: State, *, thresholds: Thresholds) -> tuple[Flags, State]:
    """Return where a meter has told the same energy for too long, 0 excepted.

    A missing minute neither breaks a line nor makes it longer.

    Args:
        energies: (minute, meter) mWh of one channel, `MISSING` where not measured.
        state: (meter) `FLAT_STATE`, as it was before.
        thresholds: After how many readings it is suspected, and a failure.
    """
    flags = np.zeros(energies.shape, np.uint32)
    after = state.copy()
    value, readings = after["value"].copy(), after["readings"].astype(np.int64)
    suspected, failed = thresholds.flat_suspected_minutes, thresholds.flat_minutes
    _flat_lines(energies, value, readings, suspected, failed, flags)
    after["value"] = value
    after["readings"] = np.minimum(readings, np.iinfo(np.int32).max)
    return flags, after


@compiled
def _flat_lines(  # noqa: PLR0913, PLR0917 - numba takes no dataclass
    energies: Energies,
    value: Energies,
    readings: Energies,
    suspected: int,
    failed: int,
    flags: Flags,
) -> None:
    for minute in range(energies.shape[0]):
        for meter in range(energies.shape[1]):
            energy = energies[minute, meter]
            if energy < 0:
                continue
            if energy != value[meter] or energy == 0:
                value[meter] = energy
                readings[meter] = 1
                continue
            readings[meter] += 1
            if readings[meter] >= failed:
                flags[minute, meter] = np.uint32(_FLAT)
            elif readings[meter] >= suspected:
                flags[minute, meter] = np.uint32(_SUSPECTED)


def high_low(  # noqa: PLR0913 - a use, and all that it is held against
    sums: Energies,
    is_known: npt.NDArray[np.bool_],
    days: Energies,
    peak: Energies,
    state: State,
    *,
    thresholds: Thresholds,
) -> tuple[npt.NDArray[np.bool_], State]:
    """Return who used far more than on any day remembered, or far less.

    Far more: over `high_low_factor` times what the highest of these days add up to, period by
    period, and over its own peaks; far less: the same under the lowest. A verdict is given after
    `high_low_periods` periods that are known on `high_low_days` of them at least, and then begins
    anew.

    Args:
        sums: By meter, the period's energy, mWh.
        is_known: Whether it was measured throughout.
        days: (day, meter) mWh of the same period, `MISSING` where not known.
        peak: By meter, what a period of it may have, mWh: a car that is charged on Wednesdays is so
            after two days without.
        state: (meter) `HIGH_LOW_STATE`, as it was before.
        thresholds: The factor, after how many periods, on how many days.
    """
    after = state.copy()
    known = days != MISSING
    counts = is_known & (known.sum(axis=0) >= thresholds.high_low_days)
    least = np.where(known, days, np.iinfo(np.int64).max).min(axis=0)
    after["told"] += np.where(counts, sums, 0)
    after["least"] += np.where(counts, least, 0)
    after["most"] += np.where(counts, days.max(axis=0), 0)
    after["periods"] += counts
    factor = thresholds.high_low_factor
    is_due = after["periods"] >= thresholds.high_low_periods
    is_above_all = after["told"] > after["periods"] * peak
    is_high = (after["told"] > factor * after["most"]) & is_above_all
    is_low = factor * after["told"] < after["least"]
    is_told: npt.NDArray[np.bool_] = is_due & (is_high | is_low)
    after[is_due] = np.zeros(1, HIGH_LOW_STATE)
    return is_told, after
