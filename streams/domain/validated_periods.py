"""What validation takes, keeps and tells of a settlement period, as plain values."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.domain.channels import CHANNELS, MISSING, Cells, positions
from streams.domain.like_days import DayKind, LikeDays
from streams.domain.validation import Memory, without_failed
from streams.domain.vee import Energies, Flags, Qualities

Mask = npt.NDArray[np.bool_]
Minutes = npt.NDArray[np.int64]

NEVER = -(10**12)
NO_GAP = -1


class PartId(NamedTuple):
    """A community, or some meters of a large one."""

    community_id: str
    number: int


class Told(NamedTuple):
    """A period as metering has told it.

    Attributes:
        version: Of metering's sums.
        place: Of the message among all there ever were.
        meters: Whom the columns of `cells` belong to; the same place is the same meter for ever.
        mask: Bit for each channel that `cells` has a row for.
        cells: (minute, channel, meter) mWh.
        edited: (row, column) of the readings that were put right by hand.
    """

    part: PartId
    start: int
    version: int
    place: int
    meters: tuple[str, ...]
    mask: int
    cells: Cells
    edited: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A period as it is remembered.

    Attributes:
        version: Of metering's sums; 0 of a period in which the whole community was silent.
        mask: Bit for each channel that `cells` has a row for.
        cells: (minute, channel, meter) mWh.
        flags: (minute, meter), what the rules said.
        is_replaced: By meter, whether figures were ever put in the place of its sums.
    """

    version: int
    mask: int
    cells: Cells
    flags: Flags
    is_replaced: Mask

    @classmethod
    def silent(cls, minutes: int, meters: int) -> "Kept":
        """Return a period in which nobody told anything."""
        return cls(
            0,
            0,
            np.empty((minutes, 0, meters), dtype=np.int64),
            np.zeros((minutes, meters), np.uint32),
            np.zeros(meters, np.bool_),
        )

    def widened(self, meters: int) -> "Kept":
        """Return it with columns for all meters that are known now."""
        more = meters - self.flags.shape[1]
        if not more:
            return self
        beside = ((0, 0), (0, more))
        return Kept(
            self.version,
            self.mask,
            np.pad(self.cells, ((0, 0), *beside), constant_values=MISSING),
            np.pad(self.flags, beside),
            np.pad(self.is_replaced, (0, more)),
        )

    def all_channels(self) -> Cells:
        """Return the cells with a row for every channel, without what failed."""
        shape = (self.cells.shape[0], len(CHANNELS), self.cells.shape[2])
        cells = np.full(shape, MISSING, dtype=np.int64)
        cells[:, list(positions(self.mask))] = self.cells
        return without_failed(cells, self.flags)


@dataclass(slots=True, eq=False)
class Part:
    """What is remembered of some meters. Mutable: it is the state of the fold.

    Attributes:
        memory: Of the rules, by meter.
        heard: By meter, the last minute with a reading, epoch seconds; `NEVER`.
        gap_from: By meter, where the gap begins that reaches to the end of the newest period,
            epoch seconds; `NO_GAP`.
        loads: The consumption of the last days.
        panels: The production of the last days.
        judged: Start of the newest period judged.
        day: Its day in the community's calendar.
        kept_from: No period before it is kept.
    """

    memory: Memory
    heard: Minutes
    gap_from: Minutes
    loads: LikeDays
    panels: LikeDays
    judged: int = NEVER
    day: int = NEVER
    kept_from: int = NEVER


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What stands in the place of some households' sums of a period; arrays are by household.

    Attributes:
        version: Grows with every telling of the period.
        of_version: Of metering's sums it was worked out from.
        flows: (flow, household) mWh in the order of `FLOWS`, `MISSING` where nothing is known.
        quality: The worst of its minutes, `vee.Quality`.
        method: Of the first minute that was estimated, `gap_shapes.Method`.
    """

    part: PartId
    start: int
    version: int
    of_version: int
    meters: tuple[str, ...]
    flows: Energies
    quality: Qualities
    method: npt.NDArray[np.uint8]
    measured_minutes: Minutes
    substituted_minutes: Minutes
    estimated_minutes: Minutes
    missing_minutes: Minutes


class Verdicts(NamedTuple):
    """What the rules said of a period: (meter, minute in epoch s, flags) of each reading."""

    part: PartId
    start: int
    version: int
    of_version: int
    readings: list[tuple[str, int, int]]


@dataclass(slots=True)
class Step:
    """What a batch causes.

    Attributes:
        periods: Records to write.
        expired: Records to delete after that.
        parts: Records to write.
        days: Like days to write, by part, kind and place.
        flags: How often each combination of rules spoke up.
    """

    periods: dict[tuple[PartId, int], Kept] = field(default_factory=dict)
    expired: list[tuple[PartId, int]] = field(default_factory=list)
    parts: dict[PartId, Part] = field(default_factory=dict)
    days: set[tuple[PartId, DayKind, int]] = field(default_factory=set)
    figures: list[Figures] = field(default_factory=list)
    verdicts: list[Verdicts] = field(default_factory=list)
    flags: Counter[int] = field(default_factory=Counter)
