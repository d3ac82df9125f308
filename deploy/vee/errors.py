"""How far estimates are from what really flowed, by method and by length of the gap."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from deploy.vee.confusion import SILENT_KINDS, meters_in, rows_of
from deploy.vee.judging import Judged
from deploy.vee.month import Month
from schemas.units import PERIOD_MINUTES
from streams.domain.channels import MISSING
from streams.domain.estimation import Window, fill
from streams.domain.gap_shapes import Gap, gaps
from streams.domain.vee import Energies, Quality, Thresholds

LENGTHS: Final = {
    "to 15 min": 15,
    "to 2 h": 120,
    "to 12 h": 720,
    "to 3 days": 3 * 1440,
}
"""Buckets of gaps, by their longest in minutes; a longer one is not counted."""

SCALED: Final = "scaled to registers"
UNSCALED: Final = "as without registers"
INTERPOLATION: Final = "interpolation"
POINTS: Final = "interpolation, single minutes"
LIKE_DAYS: Final = "like days"
PROFILE: Final = "profile"
LAST: Final = "last value"
ZERO: Final = "zero"
METHODS: Final = (SCALED, UNSCALED, INTERPOLATION, POINTS, LIKE_DAYS, PROFILE, LAST, ZERO)

_ALL_DAY: Final = 1_000_000
_NOBODY: Final = 1_000_000


@dataclass
class ErrorSum:
    """Errors of one method in one bucket, mWh, over quarter-hours (or their missing part)."""

    quarters: int = 0
    unknown: int = 0
    error_mwh: int = 0
    truth_mwh: int = 0
    of_whole_gaps_mwh: int = 0

    @property
    def mean_wh(self) -> float | None:
        """Mean absolute error of a quarter-hour; None without any."""
        return self.error_mwh / self.quarters / 1000 if self.quarters else None

    @property
    def share(self) -> float | None:
        """Absolute errors over the true energy; None without any."""
        return self.error_mwh / self.truth_mwh if self.truth_mwh else None

    @property
    def share_of_gaps(self) -> float | None:
        """The same of whole gaps, whose quarter-hours make up for each other."""
        return self.of_whole_gaps_mwh / self.truth_mwh if self.truth_mwh else None


@dataclass
class Errors:
    """All error sums of a report; adding months to it."""

    sums: dict[tuple[str, str], ErrorSum] = field(default_factory=dict)
    gaps: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LENGTHS, 0))
    qualities: dict[str, int] = field(default_factory=lambda: {q.name.lower(): 0 for q in Quality})

    def add(self, month: Month, judged: Judged, *, thresholds: Thresholds) -> None:
        """Count the gaps of a month's outages, which silence the registers as well."""
        window = judged.window
        scaled = fill(window, thresholds=thresholds)
        estimates = _estimates(window, thresholds)
        truth = month.truth[:, 0]
        for quality in Quality:
            self.qualities[quality.name.lower()] += int((scaled.quality == quality).sum())
        is_silent = np.zeros(truth.shape, np.bool_)
        for fault in month.faults:
            if fault.kind in SILENT_KINDS:
                is_silent[rows_of(fault, month), meters_in(fault, month)] = True
        for gap in gaps((window.consumption == MISSING) & is_silent):
            rows = slice(gap.first, gap.end)
            bucket = _bucket(gap)
            if bucket is None or (window.imports[rows, gap.meter] != MISSING).any():
                continue
            self.gaps[bucket] += 1
            for method, estimate in estimates.items():
                self._add_gap(method, bucket, gap, estimate, truth)
            if (scaled.quality[rows, gap.meter] == Quality.SUBSTITUTED).all():
                self._add_gap(SCALED, bucket, gap, scaled.consumption, truth)

    def _add_gap(
        self, method: str, bucket: str, gap: Gap, estimate: Energies, truth: Energies
    ) -> None:
        count = self.sums.setdefault((method, bucket), ErrorSum())
        whole = 0
        for rows in _quarters(gap):
            told = estimate[rows, gap.meter]
            if (told == MISSING).any():
                count.unknown += 1
                continue
            truly = int(truth[rows, gap.meter].sum())
            error = int(told.sum()) - truly
            count.quarters += 1
            count.error_mwh += abs(error)
            count.truth_mwh += truly
            whole += error
        count.of_whole_gaps_mwh += abs(whole)


def _bucket(gap: Gap) -> str | None:
    return next((name for name, longest in LENGTHS.items() if gap.minutes <= longest), None)


def _quarters(gap: Gap) -> Iterator[slice]:
    first = gap.first
    while first < gap.end:
        end = min(first - first % PERIOD_MINUTES + PERIOD_MINUTES, gap.end)
        yield slice(first, end)
        first = end


def _estimates(window: Window, thresholds: Thresholds) -> Mapping[str, Energies]:
    """Return the consumption as each way alone fills it, without a look at registers."""
    nothing = np.full_like(window.imports, MISSING)
    unknown = np.full_like(window.like_consumption, np.nan)
    alone = replace(window, imports=nothing, exports=nothing)
    new = replace(alone, like_consumption=unknown, like_production=unknown)
    lines = replace(thresholds, interpolation_minutes=_ALL_DAY, profile_meters=_NOBODY)
    days = replace(thresholds, interpolation_minutes=1, profile_meters=_NOBODY)
    shapes = replace(thresholds, interpolation_minutes=1)
    return {
        UNSCALED: fill(alone, thresholds=thresholds).consumption,
        INTERPOLATION: fill(new, thresholds=lines).consumption,
        POINTS: fill(new, thresholds=replace(lines, neighbour_minutes=1)).consumption,
        LIKE_DAYS: fill(alone, thresholds=days).consumption,
        PROFILE: fill(new, thresholds=shapes).consumption,
        LAST: _last_values(window.consumption),
        ZERO: np.where(window.consumption == MISSING, 0, window.consumption),
    }


def _last_values(energies: Energies) -> npt.NDArray[np.int64]:
    rows = np.arange(len(energies))[:, None]
    last = np.maximum.accumulate(np.where(energies != MISSING, rows, 0), axis=0)
    return np.take_along_axis(energies, last, axis=0)
