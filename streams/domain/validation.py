"""All rules on a community's closed periods, in their order, with what they remember.

Minutes are judged as they stand, then against their registers, then against what came before.
What fails is left out of what is remembered of a meter's use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from schemas.units import PERIOD_MINUTES
from streams.domain.channels import CHANNELS, CONSUMPTION, MISSING, PRODUCTION, Cells, positions
from streams.domain.history_rules import (
    FLAT_STATE,
    HIGH_LOW_STATE,
    flat_lines,
    high_low,
)
from streams.domain.like_days import PERIODS_A_DAY, DayKind, LikeDays
from streams.domain.minute_rules import check_minutes
from streams.domain.register_rules import Confirmed, check_registers
from streams.domain.registers import STATE, Followed, Step, follow, unknown
from streams.domain.spike_rules import PEAKS, lone_minutes, spikes, third_highest
from streams.domain.vee import FAILING, Energies, Flags, MeterLimits, Rule, Thresholds, bit, flagged

IMPORT_REGISTER: Final = CHANNELS.index("import_register")
EXPORT_REGISTER: Final = CHANNELS.index("export_register")
_FLAT_CHANNELS: Final = (CONSUMPTION, PRODUCTION)

MEMORY: Final = np.dtype(
    [
        ("level", "<i8"),
        ("imports", STATE),
        ("exports", STATE),
        ("flat", FLAT_STATE, (len(_FLAT_CHANNELS),)),
        ("period_peaks", PEAKS),
        ("minute_peaks", PEAKS),
        ("high_low", HIGH_LOW_STATE),
    ]
)
"""What the rules remember of one meter, packed: `tobytes` and `np.frombuffer` store and read it."""

Memory = npt.NDArray[np.void]


class Remembered(Protocol):
    """Like days of some meters, or of several lists of meters side by side."""

    def all_of(self, day: int, period: int) -> Energies:
        """Return the same period on all days but the day itself, (place, meter) mWh or MISSING."""


class PeriodOfDay(NamedTuple):
    """Where a period stands in its community's calendar; `number` is from 0 to 95."""

    day: int
    kind: DayKind
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class Validated:
    """What all rules said of a batch.

    Attributes:
        flags: (minute, meter), a bit for each rule.
        imports: The import registers, followed.
        exports: The export registers.
        confirmed: (minute, meter), whether the registers say the same.
        memory: After the batch, (meter) `MEMORY`.
    """

    flags: Flags
    imports: Followed
    exports: Followed
    confirmed: Confirmed
    memory: Memory

    @property
    def is_reset(self) -> npt.NDArray[np.bool_]:
        """Where a register was reset, (minute, meter)."""
        reset: npt.NDArray[np.bool_] = (self.imports.steps == Step.RESET) | (
            self.exports.steps == Step.RESET
        )
        return reset


def nothing_known(meters: int) -> Memory:
    """Return the memory of meters that nothing is known of."""
    memory = np.zeros(meters, MEMORY)
    memory["level"] = MISSING
    memory["imports"] = memory["exports"] = unknown(meters)
    return memory


def validate(  # noqa: PLR0913 - what, when, whose, and what is known of them
    cells: Cells,
    mask: int,
    first_minute: int,
    calendar: Sequence[PeriodOfDay],
    *,
    is_night: npt.NDArray[np.bool_],
    limits: MeterLimits,
    memory: Memory,
    like_days: Remembered,
    thresholds: Thresholds,
) -> Validated:
    """Return what the rules say of whole periods, oldest first.

    Args:
        cells: (minute, channel, meter) mWh, `MISSING` where not measured or not admitted.
        mask: Bit for each channel that `cells` has a row for.
        first_minute: Epoch seconds of the first row, the start of a period.
        calendar: Of each period of the batch.
        is_night: By minute.
        limits: Of the meters.
        memory: (meter) `MEMORY`, as it was before.
        like_days: Of the consumption; read only, so that a batch can be judged again.
        thresholds: Of the community.
    """
    after = memory.copy()
    flags, after["level"] = check_minutes(
        cells,
        mask,
        limits.minute_caps(thresholds),
        is_night,
        memory["level"].copy(),
        thresholds=thresholds,
    )
    caps = limits.register_caps(thresholds)
    followed = []
    for name, channel, cap in (
        ("imports", IMPORT_REGISTER, caps[0]),
        ("exports", EXPORT_REGISTER, caps[1]),
    ):
        result = follow(
            _column(cells, mask, channel),
            first_minute,
            memory[name].copy(),
            minute_caps=cap,
            maximum=limits.register_maximum_mwh,
            glitch_readings=thresholds.glitch_readings,
        )
        after[name] = result.state
        flags |= _step_flags(result)
        followed.append(result)
    imports, exports = followed
    contradicted, confirmed = check_registers(
        cells,
        mask,
        first_minute,
        imports,
        exports,
        imports_before=memory["imports"],
        exports_before=memory["exports"],
        thresholds=thresholds,
    )
    flags |= contradicted
    flags |= beside_over_cap(flags, confirmed, thresholds=thresholds)
    for place, channel in enumerate(_FLAT_CHANNELS):
        lines, state = flat_lines(
            _column(cells, mask, channel), memory["flat"][:, place].copy(), thresholds=thresholds
        )
        after["flat"][:, place] = state
        flags |= lines
    flags |= _against_history(
        _column(cells, mask, CONSUMPTION), flags, confirmed, calendar, after, like_days, thresholds
    )
    return Validated(flags, imports, exports, confirmed, after)


def beside_over_cap(flags: Flags, confirmed: Confirmed, *, thresholds: Thresholds) -> Flags:
    """Return the readings that stand in one period with too many that are over the cap.

    Who tells impossible energies a few times in a quarter-hour, as with a unit swapped, is not
    believed what lies below the cap by chance, unless its registers say the same.

    Args:
        flags: (minute, meter) of whole periods.
        confirmed: (minute, meter), whether the registers say the same.
        thresholds: How many minutes cost the others.
    """
    by_period = (-1, PERIOD_MINUTES, flags.shape[1])
    is_over = ((flags & np.uint32(bit(Rule.OVER_CAP))) != 0).reshape(by_period)
    is_distrusted = is_over.sum(axis=1, keepdims=True) >= thresholds.distrust_minutes
    beside = (is_distrusted & ~is_over).reshape(flags.shape)
    return flagged(beside & ~confirmed, Rule.BESIDE_OVER_CAP)


def _against_history(  # noqa: PLR0913, PLR0917 - what was told, and all that is known of before
    energies: Energies,
    flags: Flags,
    confirmed: Confirmed,
    calendar: Sequence[PeriodOfDay],
    memory: Memory,
    like_days: Remembered,
    thresholds: Thresholds,
) -> Flags:
    """Return what stands out from the periods before; `memory` goes on with it."""
    found = np.zeros(flags.shape, np.uint32)
    good = np.where((flags & np.uint32(FAILING)) == 0, energies, MISSING)
    for number, period in enumerate(calendar):
        rows = slice(number * PERIOD_MINUTES, (number + 1) * PERIOD_MINUTES)
        minutes, week = good[rows], period.day // 7
        is_whole = np.logical_and.reduce(minutes != MISSING, axis=0)
        sums = np.where(minutes != MISSING, minutes, 0).sum(axis=0)
        is_confirmed = np.logical_and.reduce(confirmed[rows], axis=0)
        is_lone, memory["minute_peaks"] = lone_minutes(
            minutes, confirmed[rows], week, memory["minute_peaks"].copy(), thresholds=thresholds
        )
        is_spike, memory["period_peaks"] = spikes(
            sums,
            is_whole,
            is_confirmed,
            week,
            memory["period_peaks"].copy(),
            thresholds=thresholds,
        )
        is_off, memory["high_low"] = high_low(
            sums,
            is_whole & ~is_confirmed,
            like_days.all_of(period.day, period.number),
            third_highest(memory["period_peaks"]),
            memory["high_low"].copy(),
            thresholds=thresholds,
        )
        for rule, is_found in (
            (Rule.LONE_MINUTE, is_lone),
            (Rule.SPIKE, is_spike),
            (Rule.HIGH_LOW, is_off),
        ):
            found[rows] |= flagged(is_found, rule)
    return found


def good_sums(energies: Energies, flags: Flags) -> tuple[Energies, npt.NDArray[np.bool_]]:
    """Return the sums of periods, (period, meter) mWh, and which had a good value each minute."""
    good = (energies != MISSING) & ((flags & np.uint32(FAILING)) == 0)
    by_period = (-1, PERIOD_MINUTES, energies.shape[1])
    sums = np.where(good, energies, 0).reshape(by_period).sum(axis=1)
    return sums, good.reshape(by_period).all(axis=1)


def without_failed(cells: Cells, flags: Flags) -> Cells:
    """Return the cells without the energies and levels of readings that failed.

    Registers stay: a rule on energies says nothing of them, and what they did is in `Followed`.
    """
    good = cells.copy()
    failed = (flags & np.uint32(FAILING)) != 0
    for row in range(min(IMPORT_REGISTER, cells.shape[1])):
        good[:, row][failed] = MISSING
    return good


def remember_day(
    like_days: LikeDays, energies: Energies, flags: Flags, *, day: int, kind: DayKind
) -> None:
    """Put a whole day, (minute, meter) mWh, into the memory of like days."""
    sums, is_whole = good_sums(energies, flags)
    like_days.remember(day, kind, np.where(is_whole, sums, MISSING)[:PERIODS_A_DAY])


def _column(cells: Cells, mask: int, channel: int) -> Energies:
    channels = positions(mask)
    if channel in channels:
        return np.ascontiguousarray(cells[:, channels.index(channel)])
    return np.full((cells.shape[0], cells.shape[2]), MISSING, np.int64)


def _step_flags(followed: Followed) -> Flags:
    bits = np.zeros(len(Step), np.uint32)
    bits[Step.ROLLOVER] = bit(Rule.REGISTER_ROLLOVER)
    bits[Step.GLITCH] = bit(Rule.REGISTER_GLITCH)
    bits[Step.RESET] = bit(Rule.REGISTER_RESET)
    return bits[followed.steps]
