"""The fold of validation: closed periods in, verdicts and figures out.

Periods of many communities that are of one time are judged together. A period that comes in its
turn goes on with what the rules remember; one that is told again, or late, is judged by its own
readings and those before it, and changes no memory. What the rules said of an unchanged reading
then stays as it was.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from schemas.units import MINUTE_S, PERIOD_MINUTES, PERIOD_S
from streams.domain.channels import CONSUMPTION, MISSING, PRODUCTION
from streams.domain.communities import HOUR_S
from streams.domain.like_days import PERIODS_A_DAY, LikeDays
from streams.domain.premises import Registered
from streams.domain.replacement import Replacement
from streams.domain.validated_periods import (
    NEVER,
    NO_GAP,
    Kept,
    Mask,
    Part,
    PartId,
    Step,
    Told,
    Verdicts,
)
from streams.domain.validation import good_sums, nothing_known
from streams.domain.validation_gaps import (
    but_edited,
    channel_of,
    consumption_of,
    gap_after,
    good_and_gaps,
    is_good_reading,
    is_reset,
)
from streams.domain.validation_judging import Alike, Case, judge_again, judge_together
from streams.domain.vee import Flags

MOST_LOCAL_PERIODS: Final = PERIODS_A_DAY + 8
"""A day of 26 hours; none is longer."""

ReadPeriod = Callable[[PartId, int], Kept | None]


class Validations:
    """The validated periods of the communities of one partition.

    Not thread-safe; one agent owns it. What it has told in a `Step` it takes as done: when the
    step can't be delivered, it is thrown away and loaded again from the tables.
    """

    def __init__(
        self,
        registered: Registered,
        *,
        retention_s: int,
        read: ReadPeriod,
        parts: Mapping[PartId, Part] | None = None,
    ) -> None:
        """Start from what the tables hold.

        Args:
            registered: What is registered.
            retention_s: How long a period can be told again.
            read: Returns a stored period.
            parts: As far as they are known.
        """
        self._registered = registered
        self._retention_s = retention_s
        self._stored = read
        self.parts: dict[PartId, Part] = dict(parts or {})

    @property
    def meters(self) -> int:
        """How many meters are remembered."""
        return sum(len(part.memory) for part in self.parts.values())

    def fold(self, told: Sequence[Told], *, onto: Step | None = None) -> Step:
        """Take periods in the order of their places; return what that causes.

        Args:
            told: Of this partition.
            onto: What the periods before them have caused, if all is to be done as one.
        """
        step = Step() if onto is None else onto
        for turn in _turns(told):
            self._take(turn, step)
        return step

    def _take(self, turn: Sequence[Told], step: Step) -> None:
        """Take periods of as many parts."""
        fresh: dict[Alike, list[Case]] = defaultdict(list)
        again = []
        for told in turn:
            before = self._read(step, told.part, told.start, len(told.meters))
            if before is not None and before.version > told.version:
                continue
            case = self._case(told, before, step)
            if before is None and told.start > case.part.judged:
                premises = case.premises
                self._end_day(case, step)
                fresh[
                    Alike(
                        told.start,
                        told.mask,
                        premises.is_night,
                        premises.calendar,
                        premises.thresholds,
                    )
                ].append(case)
            else:
                again.append(case)
        for alike, cases in fresh.items():
            for case, found in zip(cases, judge_together(alike, cases), strict=True):
                flags = but_edited(case.told, found)
                self._keep(case, flags, step)
                self._replace_next(case, flags, step)
        for case in again:
            flags = but_edited(case.told, self._judge_again(case, step))
            self._keep(case, flags, step)
            self._replace_around(case, flags, step)

    def _case(self, told: Told, before: Kept | None, step: Step) -> Case:
        n_meters = len(told.meters)
        part = self.parts.get(told.part)
        if part is None:
            part = self.parts[told.part] = _new_part(n_meters)
        elif len(part.memory) < n_meters:
            _widen(part, n_meters)
        step.parts[told.part] = part
        is_heard = consumption_of(told.mask, told.cells) != MISSING
        ends = told.start + np.arange(1, PERIOD_MINUTES + 1) * MINUTE_S
        last = np.where(is_heard, ends[:, None] - MINUTE_S, NEVER).max(axis=0, initial=NEVER)
        recent = (part.heard > told.start - HOUR_S) | is_heard.any(axis=0)
        part.heard = np.maximum(part.heard, last)
        premises = self._registered.of(*told.part, told.meters, told.start, recent=recent)
        return Case(told, part, premises, before)

    def _read(self, step: Step, part: PartId, start: int, meters: int) -> Kept | None:
        kept = step.periods.get((part, start)) or self._stored(part, start)
        return None if kept is None else kept.widened(meters)

    def _keep(self, case: Case, flags: Flags, step: Step) -> None:
        """Remember a judged period, and tell what the rules said of it."""
        told, before = case.told, case.before
        is_replaced = np.zeros(len(told.meters), np.bool_)
        had_flags = False
        if before is not None:
            is_replaced, had_flags = before.is_replaced, bool(before.flags.any())
        step.periods[told.part, told.start] = Kept(
            told.version, told.mask, told.cells, flags, is_replaced
        )
        found = [(int(row), int(meter)) for row, meter in zip(*flags.nonzero(), strict=True)]
        if found or had_flags:
            readings = [
                (told.meters[meter], told.start + row * MINUTE_S, int(flags[row, meter]))
                for row, meter in found
            ]
            step.flags.update(flags_of for _, _, flags_of in readings)
            step.verdicts.append(
                Verdicts(told.part, told.start, told.place + 1, told.version, readings)
            )

    def _replace_next(self, case: Case, flags: Flags, step: Step) -> None:
        """Put figures in the place of what is not good of a period that came in its turn."""
        told, part = case.told, case.part
        is_good, is_gap = good_and_gaps(told, flags, case.premises)
        oldest = told.start - self._retention_s
        if NEVER < part.judged < told.start - PERIOD_S:
            # The whole community was silent; those who are awaited now were awaited then.
            silent_from = max(part.judged + PERIOD_S, oldest)
            awaited = case.premises.is_expected[0] & (part.gap_from == NO_GAP)
            part.gap_from = np.where(awaited, silent_from, part.gap_from)
        reached = (part.gap_from != NO_GAP) & case.premises.is_expected[0]
        has_ended = reached & is_good.any(axis=0)
        affected: Mask = is_gap.any(axis=0) | reached | is_reset(flags)
        wanted = {told.start: affected}
        if has_ended.any():
            first = max(int(part.gap_from[has_ended].min()), oldest)
            for start in range(first - first % PERIOD_S, told.start, PERIOD_S):
                wanted[start] = np.logical_and(has_ended, part.gap_from < start + PERIOD_S)
        part.gap_from = gap_after(told.start, is_good, is_gap, part.gap_from)
        self._expire(case, step)
        part.judged = told.start
        self._tell(case, wanted, step)

    def _replace_around(self, case: Case, flags: Flags, step: Step) -> None:
        """Put figures in the place of what a period that was told again has changed."""
        told, part = case.told, case.part
        is_good, is_gap = good_and_gaps(told, flags, case.premises)
        end = told.start + PERIOD_S
        is_open = (part.gap_from != NO_GAP) & (part.gap_from < end) & is_good.any(axis=0)
        after = gap_after(told.start, is_good, is_gap, part.gap_from)
        if told.start != part.judged:
            after = np.where(after == NO_GAP, end, after)
        part.gap_from = np.where(is_open, after, part.gap_from)
        whom: Mask = is_gap.any(axis=0) | is_reset(flags)
        if case.before is not None:
            whom |= case.before.is_replaced
        wanted = {told.start: whom}
        # Gaps that begin in the next period are estimated with this one beside them.
        following = self._gaps_at(case, end, step)
        if following is not None:
            wanted[end] = np.logical_or.reduce(following)
            self._follow_gaps(case, following[-1], wanted, step, start=end, by=PERIOD_S)
        everybody = np.ones(len(told.meters), np.bool_)
        self._follow_gaps(case, everybody, wanted, step, start=told.start, by=-PERIOD_S)
        self._tell(case, wanted, step)

    def _follow_gaps(  # noqa: PLR0913 - from where, whose, which way
        self,
        case: Case,
        whose: Mask,
        wanted: dict[int, Mask],
        step: Step,
        *,
        start: int,
        by: int,
    ) -> None:
        """Add the periods through which gaps of some meters go on, one way."""
        facing = 0 if by > 0 else -1
        while whose.any() and abs(start + by - case.told.start) <= self._retention_s:
            start += by
            gaps = self._gaps_at(case, start, step)
            if gaps is None:
                return
            whose = whose & gaps[facing]
            if not whose.any():
                return
            wanted[start] = wanted.get(start, np.zeros_like(whose)) | whose
            whose = whose & gaps.all(axis=0)

    def _gaps_at(self, case: Case, start: int, step: Step) -> Mask | None:
        """Return what is not good of another period, (minute, meter); None when it is not kept."""
        told = case.told
        kept = self._read(step, told.part, start, len(told.meters))
        if kept is None:
            return None
        recent = case.part.heard > start - HOUR_S
        premises = self._registered.of(*told.part, told.meters, start, recent=recent)
        gaps: Mask = premises.is_expected & ~is_good_reading(kept.mask, kept.cells, kept.flags)
        return gaps

    def _tell(self, case: Case, wanted: Mapping[int, Mask], step: Step) -> None:
        """Estimate and tell what some meters had in some periods."""
        told, part = case.told, case.part
        if not any(whom.any() for whom in wanted.values()):
            return

        def read(start: int) -> Kept | None:
            return self._read(step, told.part, start, len(told.meters))

        replacement = Replacement(
            told.part, told.meters, told.place + 1, case.premises, part, read, self._registered
        )
        for start, figures, is_replaced in replacement.figures(
            wanted, oldest=part.judged - self._retention_s
        ):
            step.figures.append(figures)
            kept = read(start) or Kept.silent(PERIOD_MINUTES, len(told.meters))
            step.periods[told.part, start] = replace(
                kept, is_replaced=kept.is_replaced | is_replaced
            )

    def _judge_again(self, case: Case, step: Step) -> Flags:
        part, start = case.told.part, case.told.start - PERIOD_S
        earlier = self._read(step, part, start, len(case.told.meters))
        calendar = self._registered.calendar(part.community_id, start)
        return judge_again(case, earlier, calendar)

    def _end_day(self, case: Case, step: Step) -> None:
        """Remember the day that is over as one that others are like."""
        part = case.part
        day = case.premises.calendar.day
        if part.day not in {NEVER, day}:
            self._remember_day(case, step)
        part.day = day

    def _remember_day(self, case: Case, step: Step) -> None:
        told, part = case.told, case.part
        n_meters = len(told.meters)
        sums = np.full((2, PERIODS_A_DAY, n_meters), MISSING, dtype=np.int64)
        kind, start = None, part.judged
        for _ in range(MOST_LOCAL_PERIODS):
            calendar = self._registered.calendar(told.part.community_id, start)
            if calendar.day != part.day:
                break
            kind = calendar.kind
            kept = self._read(step, told.part, start, n_meters)
            if kept is not None:
                for place, channel in enumerate((CONSUMPTION, PRODUCTION)):
                    energies, is_whole = good_sums(
                        channel_of(kept.mask, kept.cells, channel), kept.flags
                    )
                    sums[place, calendar.number] = np.where(is_whole[0], energies[0], MISSING)
            start -= PERIOD_S
        if kind is None:
            return
        for place, days in enumerate((part.loads, part.panels)):
            days.remember(part.day, kind, sums[place])
        found = int(np.argmax(part.loads.days[kind] == part.day))
        step.days.add((told.part, kind, found))

    def _expire(self, case: Case, step: Step) -> None:
        told, part = case.told, case.part
        until = told.start - self._retention_s - PERIOD_S
        if part.kept_from != NEVER:
            for start in range(part.kept_from, until, PERIOD_S):
                step.expired.append((told.part, start))
            part.kept_from = max(part.kept_from, until)
        else:
            part.kept_from = told.start


def first_and_last_of(told: Sequence[Told]) -> list[Told]:
    """Return the periods in their order, of those told several times the first and the last.

    The first goes on with what the rules remember; what lies between is told again anyway.
    """
    firsts: dict[tuple[PartId, int], int] = {}
    lasts: dict[tuple[PartId, int], int] = {}
    for place, each in enumerate(told):
        key = each.part, each.start
        firsts.setdefault(key, place)
        if key not in lasts or told[lasts[key]].version <= each.version:
            lasts[key] = place
    return [told[place] for place in sorted({*firsts.values(), *lasts.values()})]


def _turns(told: Sequence[Told]) -> Iterator[list[Told]]:
    """Yield the periods so that no part has two in one turn, and each keeps its order."""
    turns: list[list[Told]] = []
    seen: dict[PartId, int] = defaultdict(int)
    for each in told:
        number = seen[each.part]
        seen[each.part] += 1
        if number == len(turns):
            turns.append([])
        turns[number].append(each)
    yield from turns


def _new_part(meters: int) -> Part:
    return Part(
        nothing_known(meters),
        np.full(meters, NEVER, dtype=np.int64),
        np.full(meters, NO_GAP, dtype=np.int64),
        LikeDays.empty(meters),
        LikeDays.empty(meters),
    )


def _widen(part: Part, meters: int) -> None:
    """Make room for meters that were not known before."""
    more = _new_part(meters - len(part.memory))
    part.memory = np.concatenate([part.memory, more.memory])
    part.heard = np.concatenate([part.heard, more.heard])
    part.gap_from = np.concatenate([part.gap_from, more.gap_from])
    part.loads = part.loads.widened(meters)
    part.panels = part.panels.widened(meters)
