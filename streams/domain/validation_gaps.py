"""What is good of a period, what is missing, and where the gaps are that reach to its end."""

from typing import Final

import numpy as np

from schemas.units import MINUTE_S, PERIOD_MINUTES
from streams.domain.channels import CONSUMPTION, MISSING, Cells, positions
from streams.domain.premises import Premises
from streams.domain.validated_periods import NO_GAP, Mask, Told
from streams.domain.vee import FAILING, Energies, Flags, Rule, bit

_RESET: Final = np.uint32(bit(Rule.REGISTER_RESET))


def good_and_gaps(told: Told, flags: Flags, premises: Premises) -> tuple[Mask, Mask]:
    """Return which readings are good, and which are awaited and are not; (minute, meter)."""
    is_good = is_good_reading(told.mask, told.cells, flags)
    return is_good, premises.is_expected & ~is_good


def is_good_reading(mask: int, cells: Cells, flags: Flags) -> Mask:
    """Return where a consumption was told that no rule failed, (minute, meter)."""
    is_good: Mask = (consumption_of(mask, cells) != MISSING) & ((flags & np.uint32(FAILING)) == 0)
    return is_good


def but_edited(told: Told, flags: Flags) -> Flags:
    """Return the flags without those of readings that a person answers for."""
    for row, meter in told.edited:
        flags[row, meter] = 0
    return flags


def is_reset(flags: Flags) -> Mask:
    """Return whose register was reset, by meter."""
    found: Mask = np.logical_or.reduce((flags & _RESET) != 0)
    return found


def gap_after(start: int, is_good: Mask, is_gap: Mask, before: Energies) -> Energies:
    """Return where the gap begins that reaches to the period's end, by meter; `NO_GAP` for none."""
    rows = np.arange(1, PERIOD_MINUTES + 1)[:, None]
    after_last_good = np.where(is_good, rows, 0).max(axis=0)
    begins = np.where(
        (after_last_good == 0) & (before != NO_GAP), before, start + after_last_good * MINUTE_S
    )
    after: Energies = np.where(is_gap[-1], begins, NO_GAP)
    return after


def consumption_of(mask: int, cells: Cells) -> Energies:
    """Return the consumption, (minute, meter) mWh."""
    return channel_of(mask, cells, CONSUMPTION)


def channel_of(mask: int, cells: Cells, channel: int) -> Energies:
    """Return a channel, (minute, meter) mWh; `MISSING` throughout where nobody measured it."""
    channels = positions(mask)
    if channel not in channels:
        return np.full((cells.shape[0], cells.shape[2]), MISSING, dtype=np.int64)
    column: Energies = cells[:, channels.index(channel)]
    return column
