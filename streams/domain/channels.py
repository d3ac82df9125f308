"""What a meter can measure, and how a set of its values stands in an array.

Cells are integer mWh in arrays shaped (..., channel, meter). No measured value is negative, so
`MISSING` (-1) marks what was not measured: a mask without a second array. Arrays are the state on
the hot path; `tests/unit/domain/test_windows.py` holds them equal to a plain version.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Cells = npt.NDArray[np.int64]

MISSING: Final = -1

CHANNELS: Final = (
    "consumption",
    "production",
    "battery_charge",
    "battery_discharge",
    "battery_level",
    "import_register",
    "export_register",
)
CONSUMPTION, PRODUCTION, CHARGE, DISCHARGE, LEVEL = range(5)

FLOWS: Final = (
    "consumption",
    "production",
    "import",
    "export",
    "battery_charge",
    "battery_discharge",
)
IMPORT, EXPORT = 2, 3


def positions(mask: int) -> tuple[int, ...]:
    """Return the channels that a bit mask names, in order.

    >>> positions(0b101)
    (0, 2)
    """
    return tuple(channel for channel in range(len(CHANNELS)) if mask >> channel & 1)
