"""Rules on how readings arrive: when, and from where."""

from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.units import MINUTE_S
from streams.domain.vee import Energies, Flags, Rule, Thresholds, flagged

DRIFT_STATE: Final = np.dtype([("span", "<i4"), ("least", "<i4"), ("least_before", "<i4")])
"""The least lag in this half of the watch and in the one before, seconds; 12 bytes a terminal."""

_NO_LAG: Final = np.iinfo(np.int32).max

State = npt.NDArray[np.void]


def punctual(terminals: int) -> State:
    """Return the state of terminals that nothing is known of."""
    state = np.zeros(terminals, DRIFT_STATE)
    state["least"] = state["least_before"] = _NO_LAG
    return state


def check_clocks(
    minutes: Energies, received: Energies, newest: Energies, *, thresholds: Thresholds
) -> Flags:
    """Return which frames come from the future, or are older than their window.

    Args:
        minutes: By frame, the start of its minute, epoch seconds.
        received: When the broker had it, epoch seconds.
        newest: Its community's newest minute, epoch seconds.
        thresholds: How far ahead, and how old, it may be.
    """
    ahead = minutes > received + thresholds.max_ahead_s
    behind = minutes < newest - thresholds.max_age_s
    return flagged(ahead, Rule.CLOCK_AHEAD) | flagged(behind, Rule.CLOCK_BEHIND)


def check_drift(
    minutes: Energies, received: Energies, state: State, *, thresholds: Thresholds
) -> tuple[Flags, State]:
    """Return which terminals' clocks are off, told by a frame of each; state as 12 bytes each.

    A clock is fast when a frame comes before its minute is over, which no network can do, and slow
    when every frame of the last hour came late, which no single late frame can do.

    Args:
        minutes: By terminal, the start of its frame's minute, epoch seconds.
        received: When the broker had it, epoch seconds.
        state: (terminal) `DRIFT_STATE`, as it was before.
        thresholds: How far off is tolerated, and how long is watched.
    """
    after = state.copy()
    lag = received - minutes - MINUTE_S
    span = received // (thresholds.drift_minutes * MINUTE_S // 2)
    is_new = after["span"] != span
    is_next = after["span"] == span - 1
    after["least_before"] = np.where(
        is_next, after["least"], np.where(is_new, _NO_LAG, after["least_before"])
    )
    after["least"] = np.minimum(np.where(is_new, _NO_LAG, after["least"]), lag)
    after["span"] = span
    watched = after["least_before"] != _NO_LAG
    least = np.minimum(after["least"], after["least_before"])
    is_slow = watched & (least > thresholds.drift_s)
    is_fast = lag < -thresholds.drift_s
    return flagged(is_slow | is_fast, Rule.CLOCK_DRIFT), after


def check_membership(reported_by: Energies, registered_in: Energies) -> Flags:
    """Return which meters are unknown, or reported by another community than their own.

    Args:
        reported_by: By reading, the number of the community that reported it.
        registered_in: By reading, that of the meter's own; -1 when no such meter is registered.
    """
    unknown = registered_in < 0
    wrong = ~unknown & (reported_by != registered_in)
    return flagged(unknown, Rule.UNKNOWN_METER) | flagged(wrong, Rule.WRONG_COMMUNITY)
