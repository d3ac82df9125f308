"""The one place where what a terminal sends becomes whole milliwatt-hours."""

from typing import Final

import numpy as np
import numpy.typing as npt

from streams.domain.channels import MISSING

MWH_PER_WH: Final = 1000
# Farther than this from a half, the product of two doubles rounds as the decimal number does:
# its relative error is at most 2^-53, and no accepted value has more than 16 digits in mWh.
_NEAR_A_HALF: Final = 0.49


def to_mwh(energy_wh: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return energies in Wh as whole mWh, half to even; NaN becomes `MISSING`.

    What counts is the decimal number that was sent, not its nearest binary double: 1.0015 Wh is
    1001.5 mWh and so 1002, though the double product is 1001.4999999999999.

    Args:
        energy_wh: Any shape, finite or NaN.

    >>> to_mwh(np.array([8.333, 1.0015, 0.0025, np.nan])).tolist()
    [8333, 1002, 2, -1]
    """
    scaled = energy_wh * MWH_PER_WH
    rounded = np.rint(scaled)
    doubtful = np.abs(scaled - rounded) > _NEAR_A_HALF
    if doubtful.any():
        rounded[doubtful] = _beside_a_tie(energy_wh[doubtful], np.floor(scaled[doubtful]))
    missing = np.isnan(rounded)
    if missing.any():
        rounded[missing] = MISSING
    return rounded.astype(np.int64)


def _beside_a_tie(
    energy_wh: npt.NDArray[np.float64], below_mwh: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Round energies that lie next to `below_mwh` + 0.5.

    The quotient of two whole numbers is the double nearest to the tie, and so the very double that
    the tie's decimal text is read as; decimals on either side are read as doubles on that side.
    """
    tie_wh = (2 * below_mwh + 1) / (2 * MWH_PER_WH)
    is_up = (energy_wh > tie_wh) | ((energy_wh == tie_wh) & (below_mwh % 2 == 1))
    rounded: npt.NDArray[np.float64] = below_mwh + is_up
    return rounded
