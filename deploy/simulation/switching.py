"""Who was switched off from when to when, and how often that was soon undone."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FLAP_MINUTES: Final = 60

Runs = NDArray[np.int64]
"""Rows of household, first minute in which it was OFF, and the minute after the last."""


def off_runs(off: NDArray[np.bool_]) -> Runs:
    """Return each stretch of minutes in which a household was OFF, from (minutes, households)."""
    edge = np.zeros((1, off.shape[1]), np.int8)
    change = np.diff(np.vstack([edge, off.astype(np.int8), edge]), axis=0).T
    household, begins = np.nonzero(change == 1)
    _, ends = np.nonzero(change == -1)
    return np.stack([household, begins, ends], axis=1)


def flaps(runs: Runs) -> int:
    """Return how often a household was switched off, on and off again within an hour."""
    same = runs[1:, 0] == runs[:-1, 0]
    return int((same & (runs[1:, 1] - runs[:-1, 1] < FLAP_MINUTES)).sum())
