"""What each rule found of the faults that were made, and what it said that was not so."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from deploy.vee.judging import Judged
from deploy.vee.month import FIRST_MINUTE, Month
from load_generator.meter_faults import TERMINAL_KINDS, MeterFault, MeterFaultKind
from schemas.units import MINUTE_S, PERIOD_MINUTES
from streams.domain.channels import CONSUMPTION, MISSING
from streams.domain.gap_shapes import gaps
from streams.domain.vee import FAILING, WARNING, Flags, Rule, bit, verdict_of

GRACE_MINUTES: Final = 20
"""After its end a fault may still be the reason of an alarm: a shifted stamp, a first reading."""
_WATCH_MINUTES: Final = 90
"""What is slow to notice, as that a clock is slow, is also slow to see that it is right again."""
_SLOW_RULES: Final = (Rule.CLOCK_DRIFT, Rule.SPIKE, Rule.HIGH_LOW)
_OF_TERMINALS: Final = (Rule.CLOCK_AHEAD, Rule.CLOCK_BEHIND, Rule.CLOCK_DRIFT)
_PERIOD_RULES: Final = (
    Rule.SPIKE,
    Rule.HIGH_LOW,
    Rule.REGISTER_MISMATCH,
    Rule.BESIDE_OVER_CAP,
)
_LEAST_STEP: Final = 3

Kind = MeterFaultKind
_TASKS: Final[dict[Rule, Callable[[MeterFault, bool, Month], bool]]] = {
    Rule.NEGATIVE_ENERGY: lambda f, _, __: f.kind is Kind.NEGATIVE,
    Rule.OVER_CAP: lambda f, _, __: _is_upward(f),
    Rule.BESIDE_OVER_CAP: lambda f, has, _: not has and f.kind is Kind.UNIT and _is_upward(f),
    Rule.BATTERY_LEVEL: lambda f, _, __: f.channel == "battery_level",
    Rule.NO_BATTERY: lambda f, _, __: f.kind is Kind.PHANTOM,
    Rule.NIGHT_PRODUCTION: lambda f, _, __: f.kind is Kind.STUCK and f.channel == "production",
    Rule.BATTERY_BALANCE: lambda f, _, m: (
        f.channel == "battery_level" or (f.kind is Kind.UNIT and f.owner in m.fleet.battery)
    ),
    Rule.REGISTER_ROLLOVER: lambda f, has, _: has and f.kind is Kind.ROLLOVER,
    Rule.REGISTER_GLITCH: lambda f, has, _: has and f.kind is Kind.GLITCH,
    Rule.REGISTER_RESET: lambda f, has, _: has and f.kind is Kind.RESET,
    Rule.REGISTER_MISMATCH: lambda f, has, _: (
        has
        and f.channel != "battery_level"
        and f.kind in {Kind.STUCK, Kind.SPIKE, Kind.NEGATIVE, Kind.UNIT, Kind.PHANTOM}
    ),
    Rule.SWAPPED_UNIT: lambda f, has, _: has and f.kind is Kind.UNIT,
    Rule.FLAT_SUSPECTED: lambda f, _, __: f.kind is Kind.STUCK,
    Rule.FLAT_LINE: lambda f, _, __: f.kind is Kind.STUCK and f.minutes >= 24 * 60,
    Rule.SPIKE: lambda f, has, _: not has and _is_upward(f),
    Rule.LONE_MINUTE: lambda f, has, _: not has and f.kind is Kind.SPIKE and _is_upward(f),
    Rule.HIGH_LOW: lambda f, has, _: not has and f.kind is Kind.UNIT and f.factor < 1,
    Rule.CLOCK_AHEAD: lambda f, _, __: f.kind is Kind.DRIFT and f.factor > _LEAST_STEP,
    Rule.CLOCK_BEHIND: lambda _, __, ___: False,
    Rule.CLOCK_DRIFT: lambda f, _, __: f.kind is Kind.DRIFT,
    Rule.UNKNOWN_METER: lambda _, __, ___: False,
    Rule.WRONG_COMMUNITY: lambda f, _, __: f.kind is Kind.WRONG_COMMUNITY,
}
"""Which faults each rule is there to find: by the fault, whether the meter has registers, where."""


def _is_upward(fault: MeterFault) -> bool:
    """Say whether a fault makes a meter tell more than flows."""
    is_spike = fault.kind is Kind.SPIKE and fault.channel == "consumption"
    return is_spike or (fault.kind is Kind.UNIT and fault.factor > 1)


@dataclass
class RuleCount:
    """Of one rule: its faults found and missed; its alarms, and what they were about."""

    found: int = 0
    missed: int = 0
    alarms: int = 0
    false: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    """Faults of each kind that it spoke up at, its task or not."""


@dataclass
class KindCount:
    """Of one kind of fault, with registers or without: what the rules together made of it."""

    faults: int = 0
    failed: int = 0
    warned: int = 0
    missed: int = 0
    waits: list[int] = field(default_factory=list)
    """Minutes from its begin to the first alarm."""


@dataclass
class ReadingCount:
    """Readings that were told, by what was said of them."""

    failed: int = 0
    warned: int = 0
    passed: int = 0
    passed_mwh: int = 0
    """How far the consumption of those that passed, or were only warned of, is off in all."""


RIGHT: Final = "right"


@dataclass
class Confusion:
    """All counts of a report; adding months to it."""

    rules: dict[Rule, RuleCount] = field(
        default_factory=lambda: {rule: RuleCount() for rule in Rule}
    )
    kinds: dict[tuple[str, bool], KindCount] = field(default_factory=dict)
    readings: dict[tuple[str, bool], ReadingCount] = field(default_factory=dict)
    """By what was wrong with them, or `RIGHT`, and whether the meter has registers."""

    def add(self, month: Month, judged: Judged) -> None:
        """Count a month."""
        faults = [f for f in month.faults if _can_be_seen(f, month)]
        for rule in Rule:
            self._add_rule(rule, month, judged.flags, faults)
        for fault in faults:
            self._add_fault(fault, month, judged.flags)
        self._add_readings(month, judged.flags)

    def _add_rule(
        self, rule: Rule, month: Month, flags: Flags, faults: Sequence[MeterFault]
    ) -> None:
        count = self.rules[rule]
        hits = (flags & np.uint32(bit(rule))) != 0
        for fault in faults:
            is_hit = bool(hits[_rows(fault, month, rule), meters_in(fault, month)].any())
            if is_hit:
                count.by_kind[fault.kind.value] += 1
            if _TASKS[rule](fault, bool(month.has_registers[_first_meter(fault)]), month):
                count.found += is_hit
                count.missed += not is_hit
        reasons = np.zeros(hits.shape, np.bool_)
        for fault in month.faults:
            reasons[_rows(fault, month, rule), meters_in(fault, month)] = True
        if rule in _OF_TERMINALS:
            hits = np.logical_or.reduce(hits, axis=1, keepdims=True)
            reasons = np.logical_or.reduce(reasons, axis=1, keepdims=True)
        for meter, alarm in _alarms(hits):
            count.alarms += 1
            count.false += not reasons[alarm, meter].any()

    def _add_fault(self, fault: MeterFault, month: Month, flags: Flags) -> None:
        has_registers = bool(month.has_registers[_first_meter(fault)])
        count = self.kinds.setdefault((fault.kind.value, has_registers), KindCount())
        rows = _rows(fault, month)
        seen = np.bitwise_or.reduce(flags[rows, meters_in(fault, month)], axis=1)
        told = np.flatnonzero(seen)
        count.faults += 1
        if not len(told):
            count.missed += 1
            return
        count.waits.append(int(told[0]))
        if verdict_of(int(np.bitwise_or.reduce(seen))).value == "fail":
            count.failed += 1
        else:
            count.warned += 1

    def _add_readings(self, month: Month, flags: Flags) -> None:
        told = month.cells[:, :_N_ENERGIES] != MISSING
        is_other = month.cells[:, :_N_ENERGIES] != month.truth[:, :_N_ENERGIES]
        is_wrong = (told & is_other).any(axis=1)
        self._add_some(RIGHT, month, flags, told.any(axis=1) & ~is_wrong)
        for fault in month.faults:
            of = np.zeros(is_wrong.shape, np.bool_)
            place = _rows(fault, month), meters_in(fault, month)
            of[place] = is_wrong[place]
            is_wrong &= ~of
            self._add_some(fault.kind.value, month, flags, of)

    def _add_some(
        self, kind: str, month: Month, flags: Flags, of: np.ndarray[Any, np.dtype[np.bool_]]
    ) -> None:
        failed = (flags & np.uint32(FAILING)) != 0
        warned = ~failed & ((flags & np.uint32(WARNING)) != 0)
        for has_registers in (True, False):
            those = of & (month.has_registers == has_registers)
            if those.any():
                count = self.readings.setdefault((kind, has_registers), ReadingCount())
                count.failed += int((those & failed).sum())
                count.warned += int((those & warned).sum())
                count.passed += int((those & ~failed & ~warned).sum())
                off = month.cells[:, CONSUMPTION] - month.truth[:, CONSUMPTION]
                count.passed_mwh += int(np.abs(off[those & ~failed]).sum())


_N_ENERGIES: Final = 5
SILENT_KINDS: Final = (Kind.OUTAGE, Kind.TERMINAL_OUTAGE)
_OF_REGISTERS: Final = (Kind.RESET, Kind.GLITCH, Kind.ROLLOVER)


_OF_ENERGIES: Final = (Kind.STUCK, Kind.SPIKE, Kind.UNIT)


def _can_be_seen(fault: MeterFault, month: Month) -> bool:
    """Leave out what no rule has to find: silence, registers not sent, what changed nothing."""
    if fault.kind in _OF_ENERGIES:
        place = rows_of(fault, month), slice(0, _N_ENERGIES), fault.owner
        return bool((month.cells[place] != month.truth[place]).any())
    if fault.kind in _OF_REGISTERS:
        return bool(month.has_registers[fault.owner])
    return fault.kind not in SILENT_KINDS


def _rows(fault: MeterFault, month: Month, rule: Rule | None = None) -> slice:
    first = (fault.first_minute - FIRST_MINUTE) // MINUTE_S
    grace = _WATCH_MINUTES if rule in _SLOW_RULES else GRACE_MINUTES
    early = GRACE_MINUTES if fault.kind is Kind.DRIFT else 0
    if rule in _PERIOD_RULES:
        # They speak of whole periods.
        early = PERIOD_MINUTES
    end = first + fault.minutes + grace
    return slice(max(first - early, 0), min(end, len(month.cells)))


def rows_of(fault: MeterFault, month: Month) -> slice:
    """Return the minutes of a fault."""
    first = (fault.first_minute - FIRST_MINUTE) // MINUTE_S
    return slice(first, min(first + fault.minutes, len(month.cells)))


def meters_in(fault: MeterFault, month: Month) -> slice:
    """Return the meters that a fault concerns."""
    if fault.kind in TERMINAL_KINDS:
        return slice(0, month.cells.shape[2])
    return slice(fault.owner, fault.owner + 1)


def _first_meter(fault: MeterFault) -> int:
    return 0 if fault.kind in TERMINAL_KINDS else fault.owner


def _alarms(hits: np.ndarray[Any, np.dtype[np.bool_]]) -> Iterator[tuple[int, slice]]:
    """Yield the stretches in which a rule spoke up, those within 15 minutes as one."""
    spread = hits.copy()
    for shift in range(1, PERIOD_MINUTES + 1):
        spread[shift:] |= hits[:-shift]
    for gap in gaps(spread):
        yield gap.meter, slice(gap.first, gap.end)
