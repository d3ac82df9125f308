"""What each meter used, period by period, on the last days of each kind.

The state of the rules and estimates that compare with like days. Sums are kept in whole Wh in two
bytes, for a shape and not for a bill: 3 kinds of day x 3 days x 96 periods are 1,728 bytes for
each meter and channel.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from schemas.units import PERIOD_S
from streams.domain.channels import MISSING
from streams.domain.vee import Energies

PERIODS_A_DAY: Final = 86_400 // PERIOD_S
N_DAYS: Final = 3
MWH_A_WH: Final = 1000

_UNKNOWN: Final = np.iinfo(np.uint16).max
_LARGEST_WH: Final = _UNKNOWN - 1
_NO_DAY: Final = -1
_SATURDAY: Final = 5


class DayKind(IntEnum):
    """Which days are alike; a public holiday is a Sunday, if the caller says so."""

    WORKDAY = 0
    SATURDAY = 1
    SUNDAY = 2


def kind_of(weekday: int) -> DayKind:
    """Return the kind of a weekday, Monday being 0.

    >>> kind_of(4), kind_of(6)
    (<DayKind.WORKDAY: 0>, <DayKind.SUNDAY: 2>)
    """
    if weekday < _SATURDAY:
        return DayKind.WORKDAY
    return DayKind.SATURDAY if weekday == _SATURDAY else DayKind.SUNDAY


@dataclass(slots=True, eq=False)
class LikeDays:
    """One channel of a community's meters. Mutable: it is the state of the hot path.

    Attributes:
        sums: (kind, place, period, meter) Wh as `uint16`.
        days: (kind, place) number of the day that stands there, -1 for none.
    """

    sums: npt.NDArray[np.uint16]
    days: npt.NDArray[np.int32]

    @classmethod
    def empty(cls, meters: int) -> Self:
        """Return the memory of meters that nothing is known of."""
        shape = (len(DayKind), N_DAYS, PERIODS_A_DAY, meters)
        days = np.full((len(DayKind), N_DAYS), _NO_DAY, np.int32)
        return cls(np.full(shape, _UNKNOWN, np.uint16), days)

    def widened(self, meters: int) -> Self:
        """Return it with room for all meters that are known now."""
        more = meters - self.sums.shape[-1]
        sums = np.pad(self.sums, ((0, 0), (0, 0), (0, 0), (0, more)), constant_values=_UNKNOWN)
        return type(self)(sums, self.days)

    def remember(self, day: int, kind: DayKind, sums: Energies) -> None:
        """Put a day in place of the oldest of its kind, or of itself; an older one is not kept.

        Args:
            day: Its number, growing with time.
            kind: Which days it is like.
            sums: (period, meter) mWh, `MISSING` where not measured throughout.
        """
        days = self.days[kind]
        is_there = days == day
        place = int(np.argmax(is_there)) if is_there.any() else int(np.argmin(days))
        if days[place] > day:
            return
        whole = np.minimum((sums + MWH_A_WH // 2) // MWH_A_WH, _LARGEST_WH)
        self.days[kind, place] = day
        self.sums[kind, place] = np.where(sums == MISSING, _UNKNOWN, whole)

    def of(self, day: int, kind: DayKind, period: int) -> Energies:
        """Return the same period on like days but the day itself, (place, meter) mWh or MISSING."""
        sums = self.sums[kind, :, period].astype(np.int64)
        unknown = (sums == _UNKNOWN) | (self.days[kind] == day)[:, None]
        return np.where(unknown, MISSING, sums * MWH_A_WH)

    def all_of(self, day: int, period: int) -> Energies:
        """Return the same period on days of every kind but the day itself, as `of` does."""
        return np.concatenate([self.of(day, kind, period) for kind in DayKind])

    def mean(self, day: int, kind: DayKind, period: int) -> npt.NDArray[np.float64]:
        """Return the mean of the same period over the like days known, (meter) mWh; NaN without."""
        sums = self.of(day, kind, period)
        known = sums != MISSING
        count = known.sum(axis=0)
        total = np.where(known, sums, 0).sum(axis=0)
        result: npt.NDArray[np.float64] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return result

    @property
    def bytes_a_meter(self) -> int:
        """What one meter takes."""
        return int(self.sums.nbytes) // int(self.sums.shape[-1])
