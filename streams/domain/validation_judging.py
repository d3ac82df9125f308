"""Asking the rules: of periods in their turn, many at once, and of one that comes again."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from schemas.units import PERIOD_MINUTES, PERIOD_S
from streams.domain.channels import Cells
from streams.domain.like_days import LikeDays
from streams.domain.premises import Premises
from streams.domain.validated_periods import Kept, Part, Told
from streams.domain.validation import PeriodOfDay, Remembered, nothing_known, validate
from streams.domain.vee import Energies, Flags, Rule, Thresholds, bit, join_limits

_OF_HISTORY: Final = sum(
    bit(rule)
    for rule in (
        Rule.FLAT_SUSPECTED,
        Rule.FLAT_LINE,
        Rule.SPIKE,
        Rule.LONE_MINUTE,
        Rule.HIGH_LOW,
    )
)


class Case(NamedTuple):
    """A told period with all that it is judged by."""

    told: Told
    part: Part
    premises: Premises
    before: Kept | None


class Alike(NamedTuple):
    """What periods have in common that are judged in one pass."""

    start: int
    mask: int
    is_night: tuple[bool, ...]
    calendar: PeriodOfDay
    thresholds: Thresholds


class _Joined:
    """Like days of several parts, side by side."""

    def __init__(self, parts: Sequence[LikeDays]) -> None:
        self._parts = parts

    def all_of(self, day: int, period: int) -> Energies:
        """Return the same period on all days but the day itself, (place, meter) mWh or MISSING."""
        return np.concatenate([part.all_of(day, period) for part in self._parts], axis=1)


def judge_together(alike: Alike, cases: Sequence[Case]) -> Iterator[Flags]:
    """Yield what the rules say of each; their parts go on with what they remember then."""
    remembered: Remembered = (
        cases[0].part.loads if len(cases) == 1 else _Joined([case.part.loads for case in cases])
    )
    validated = validate(
        _beside([case.told.cells for case in cases]),
        alike.mask,
        alike.start,
        [alike.calendar],
        is_night=np.array(alike.is_night),
        limits=join_limits([case.premises.limits for case in cases]),
        memory=np.concatenate([case.part.memory for case in cases]),
        like_days=remembered,
        thresholds=alike.thresholds,
    )
    begin = 0
    for case in cases:
        end = begin + len(case.told.meters)
        case.part.memory = validated.memory[begin:end].copy()
        yield validated.flags[:, begin:end].copy()
        begin = end


def _beside(cells: Sequence[Cells]) -> Cells:
    return cells[0] if len(cells) == 1 else np.concatenate(cells, axis=2)


def judge_again(case: Case, earlier: Kept | None, calendar_before: PeriodOfDay) -> Flags:
    """Return what the rules say of a period that is told again, or late.

    Args:
        case: The period.
        earlier: The one before it, if it is kept.
        calendar_before: Where that one stands in its community's days.
    """
    told, before = case.told, case.before
    if before is not None and before.version == told.version:
        return before.flags
    cells, first = told.cells, told.start
    calendar, night = [case.premises.calendar], list(case.premises.is_night)
    if earlier is not None and earlier.mask == told.mask:
        cells, first = np.concatenate([earlier.cells, cells]), told.start - PERIOD_S
        calendar = [calendar_before, *calendar]
        night = [False] * PERIOD_MINUTES + night
    flags = validate(
        cells,
        told.mask,
        first,
        calendar,
        is_night=np.array(night),
        limits=case.premises.limits,
        memory=nothing_known(len(told.meters)),
        like_days=case.part.loads,
        thresholds=case.premises.thresholds,
    ).flags[-PERIOD_MINUTES:]
    if before is not None and before.mask == told.mask:
        is_same = (before.cells == told.cells).all(axis=1)
        flags |= np.where(is_same, before.flags & np.uint32(_OF_HISTORY), np.uint32(0))
    return flags
