"""Figures in the place of sums: what is good of some periods, and estimates for the rest."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.units import MINUTE_S, PERIOD_MINUTES, PERIOD_S
from streams.domain.channels import (
    CHANNELS,
    CHARGE,
    CONSUMPTION,
    DISCHARGE,
    FLOWS,
    MISSING,
    PRODUCTION,
    Cells,
)
from streams.domain.estimation import Filled, Window, fill
from streams.domain.gap_shapes import Gap, gaps
from streams.domain.premises import Premises, Registered
from streams.domain.registers import Followed, Step, follow, unknown
from streams.domain.sums import add_flows
from streams.domain.validated_periods import Figures, Kept, Mask, Part, PartId
from streams.domain.validation import EXPORT_REGISTER, IMPORT_REGISTER
from streams.domain.vee import Quality, Rule, bit

LEVEL: Final = CHANNELS.index("battery_level")
_ADDED: Final = (CONSUMPTION, PRODUCTION, CHARGE, DISCHARGE)


class _Stretch(NamedTuple):
    """Periods [first, last] that a gap is estimated from, by number."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class _Periods:
    """Some periods one after the other; (minute, ...) over all of them.

    Attributes:
        start: Of the first.
        kept: As they are remembered.
        good: (minute, channel, meter) without what failed.
        expected: Whether a reading is awaited.
    """

    start: int
    kept: list[Kept]
    good: Cells
    expected: Mask

    def rows(self, first: int, last: int) -> slice:
        """Return the minutes of the periods [first, last], by number."""
        return slice(first * PERIOD_MINUTES, (last + 1) * PERIOD_MINUTES)


@dataclass(frozen=True, slots=True, eq=False)
class Replacement:
    """Whose figures are wanted, and what they are made from.

    A gap is estimated from the period before it up to that in which it ends; one that has not
    ended, period by period, each with the one before it. So the same readings give the same
    figures, in whatever order they came.

    Attributes:
        meters: All of the part.
        version: Of the figures.
        premises: Of the period that gave rise to it.
        remembered: Its like days.
        read: Returns a period as it is remembered.
    """

    part: PartId
    meters: tuple[str, ...]
    version: int
    premises: Premises
    remembered: Part
    read: Callable[[int], Kept | None]
    registered: Registered

    def figures(
        self, wanted: Mapping[int, Mask], *, oldest: int
    ) -> Iterator[tuple[int, Figures, Mask]]:
        """Yield the start of each period with figures, these, and which meters they are of.

        Args:
            wanted: By start, whose figures may have changed.
            oldest: No period before it is looked at, epoch seconds.
        """
        whom = np.logical_or.reduce(list(wanted.values()))
        periods = self._periods(min(wanted), max(wanted), whom, oldest)
        filled = self._filled(periods, self._wanted(periods, wanted))
        for start, of_period in sorted(wanted.items()):
            number = (start - periods.start) // PERIOD_S
            rows, kept = periods.rows(number, number), periods.kept[number]
            counts = periods.expected[rows] | (periods.good[rows, CONSUMPTION] != MISSING)
            quality = np.where(counts, filled.quality[rows], np.uint8(Quality.MEASURED))
            is_told = of_period & ((quality != Quality.MEASURED).any(axis=0) | kept.is_replaced)
            if is_told.any():
                yield start, self._figures(start, kept, filled, rows, counts, is_told), is_told

    def _periods(self, first: int, last: int, whom: Mask, oldest: int) -> _Periods:
        """Return the wanted periods and those that gaps of these meters reach into."""
        read: dict[int, Kept] = {}

        def gaps(start: int) -> Mask:
            if start not in read:
                found = self.read(start)
                read[start] = found or Kept.silent(PERIOD_MINUTES, len(self.meters))
            kept = read[start]
            good = kept.all_channels()[:, CONSUMPTION] != MISSING
            missing: Mask = self._expected(start) & ~good & whom
            return missing

        while first > oldest and (gaps(first)[0] & gaps(first - PERIOD_S)[-1]).any():
            first -= PERIOD_S
        newest = self.remembered.judged
        while last < newest and gaps(last)[-1].any():
            last += PERIOD_S
        starts = range(first - PERIOD_S, last + PERIOD_S, PERIOD_S)
        for start in starts:
            gaps(start)
        kept = [read[start] for start in starts]
        return _Periods(
            starts.start,
            kept,
            np.concatenate([period.all_channels() for period in kept]),
            np.concatenate([self._expected(start) for start in starts]),
        )

    def _expected(self, start: int) -> Mask:
        everybody = np.ones(len(self.meters), np.bool_)
        return self.registered.of(*self.part, self.meters, start, recent=everybody).is_expected

    def _wanted(self, periods: _Periods, wanted: Mapping[int, Mask]) -> Mask:
        """Return what is wanted, (minute, meter)."""
        is_wanted = np.zeros(periods.expected.shape, np.bool_)
        for start, whom in wanted.items():
            number = (start - periods.start) // PERIOD_S
            is_wanted[periods.rows(number, number)] = whom
        return is_wanted

    def _filled(self, periods: _Periods, is_wanted: Mask) -> Filled:
        """Return all periods with the gaps estimated that reach into what is wanted."""
        good, is_missing = periods.good, periods.good[:, CONSUMPTION] == MISSING
        filled = Filled(
            good[:, CONSUMPTION].copy(),
            good[:, PRODUCTION].copy(),
            good[:, CHARGE].copy(),
            good[:, DISCHARGE].copy(),
            np.where(is_missing, Quality.MISSING, Quality.MEASURED).astype(np.uint8),
            np.zeros(is_missing.shape, np.uint8),
        )
        ends_open = periods.start + len(good) * MINUTE_S > self.remembered.judged
        by_stretch: dict[_Stretch, list[Gap]] = defaultdict(list)
        is_gap = is_missing & periods.expected
        for gap in gaps(is_gap & np.logical_or.reduce(is_wanted)):
            if not is_wanted[gap.first : gap.end, gap.meter].any():
                continue
            for part, stretch in _stretches(gap, len(good), ends_open=ends_open):
                by_stretch[stretch].append(part)
        for stretch, parts in by_stretch.items():
            rows = periods.rows(stretch.first, stretch.last)
            its_meters = np.zeros(len(self.meters), np.bool_)
            its_meters[[gap.meter for gap in parts]] = True
            window = self._window(periods, stretch)
            estimated = fill(window, thresholds=self.premises.thresholds, whom=its_meters)
            for gap in parts:
                minutes = slice(gap.first - rows.start, gap.end - rows.start)
                for field in fields(Filled):
                    into, of = getattr(filled, field.name), getattr(estimated, field.name)
                    into[gap.first : gap.end, gap.meter] = of[minutes, gap.meter]
        self._mark_resets(periods, filled)
        # Who never told of a battery has none.
        of_battery = good[:, (CHARGE, DISCHARGE, LEVEL)] != MISSING
        has_none = ~np.logical_or.reduce(of_battery, axis=(0, 1))
        filled.charge[:, has_none] = filled.discharge[:, has_none] = MISSING
        return filled

    def _mark_resets(self, periods: _Periods, filled: Filled) -> None:
        flags = np.concatenate([kept.flags for kept in periods.kept])
        is_reset = (flags & np.uint32(bit(Rule.REGISTER_RESET))) != 0
        filled.quality[is_reset & (filled.quality == Quality.MEASURED)] = Quality.RECOVERED

    def _window(self, periods: _Periods, stretch: _Stretch) -> Window:
        good = periods.good[periods.rows(stretch.first, stretch.last)]
        first_minute = periods.start + stretch.first * PERIOD_S
        imports, exports = self._registers(first_minute, good)
        loads, panels = np.full((2, len(good), len(self.meters)), np.nan)
        for number in range(stretch.last - stretch.first + 1):
            at = self.registered.calendar(self.part.community_id, first_minute + number * PERIOD_S)
            rows = periods.rows(number, number)
            for minutes, days in (
                (loads, self.remembered.loads),
                (panels, self.remembered.panels),
            ):
                minutes[rows] = days.mean(at.day, at.kind, at.number) / PERIOD_MINUTES
        tells_production = (good[:, PRODUCTION] != MISSING).any(axis=0)
        has_panels = tells_production | ~np.isnan(panels).all(axis=0)
        return Window(
            consumption=good[:, CONSUMPTION],
            production=good[:, PRODUCTION],
            charge=good[:, CHARGE],
            discharge=good[:, DISCHARGE],
            level=good[:, LEVEL],
            imports=imports.totals,
            exports=exports.totals,
            is_reset=(imports.steps == Step.RESET) | (exports.steps == Step.RESET),
            has_panels=has_panels & (self.premises.limits.pv_peak_w > 0),
            like_consumption=loads,
            like_production=panels,
        )

    def _registers(self, first_minute: int, good: Cells) -> tuple[Followed, Followed]:
        limits, thresholds = self.premises.limits, self.premises.thresholds
        imports, exports = (
            follow(
                np.ascontiguousarray(good[:, channel]),
                first_minute,
                unknown(len(self.meters)),
                minute_caps=caps,
                maximum=limits.register_maximum_mwh,
                glitch_readings=thresholds.glitch_readings,
            )
            for channel, caps in zip(
                (IMPORT_REGISTER, EXPORT_REGISTER), limits.register_caps(thresholds), strict=True
            )
        )
        return imports, exports

    def _figures(  # noqa: PLR0913, PLR0917 - of what, when, whose
        self, start: int, kept: Kept, filled: Filled, rows: slice, counts: Mask, is_told: Mask
    ) -> Figures:
        places = np.flatnonzero(is_told)
        counted = counts[:, places]
        cells = np.stack(
            [
                np.where(counted, column[rows][:, places], MISSING)
                for column in (
                    filled.consumption,
                    filled.production,
                    filled.charge,
                    filled.discharge,
                )
            ],
            axis=1,
        )
        flows = np.full((1, len(FLOWS), len(places)), MISSING, dtype=np.int64)
        known = np.zeros((1, len(places)), dtype=np.int64)
        add_flows(cells[None], _ADDED, np.arange(len(places)), flows, known)
        quality = np.where(counted, filled.quality[rows][:, places], np.uint8(Quality.MEASURED))
        method = np.where(counted, filled.method[rows][:, places], np.uint8(0))
        return Figures(
            self.part,
            start,
            self.version,
            kept.version,
            tuple(self.meters[place] for place in places.tolist()),
            flows[0],
            quality.min(axis=0),
            method[(method != 0).argmax(axis=0), np.arange(len(places))],
            _count(counted & ((quality == Quality.MEASURED) | (quality == Quality.RECOVERED))),
            _count(counted & (quality == Quality.SUBSTITUTED)),
            _count(counted & (quality == Quality.ESTIMATED)),
            _count(counted & (quality == Quality.MISSING)),
        )


def _stretches(gap: Gap, minutes: int, *, ends_open: bool) -> Iterator[tuple[Gap, _Stretch]]:
    """Yield a gap with the periods it is estimated from, or its parts with theirs.

    >>> [stretch for _, stretch in _stretches(Gap(0, 20, 31), 60, ends_open=True)]
    [_Stretch(first=0, last=2)]
    >>> [stretch for _, stretch in _stretches(Gap(0, 20, 45), 45, ends_open=True)]
    [_Stretch(first=0, last=1), _Stretch(first=1, last=2)]
    """
    first = gap.first // PERIOD_MINUTES
    if gap.end < minutes or not ends_open:
        yield gap, _Stretch(max(first - 1, 0), gap.end // PERIOD_MINUTES)
        return
    for number in range(first, -(-gap.end // PERIOD_MINUTES)):
        begin, end = number * PERIOD_MINUTES, (number + 1) * PERIOD_MINUTES
        part = Gap(gap.meter, max(gap.first, begin), min(gap.end, end))
        yield part, _Stretch(max(number - 1, 0), number)


def _count(found: Mask) -> npt.NDArray[np.int64]:
    minutes: npt.NDArray[np.int64] = found.sum(axis=0, dtype=np.int64)
    return minutes
