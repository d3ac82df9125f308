"""Tickets against the faults that were made: what was found, how soon, and what was not there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from deploy.malfunction.playing import Opened
from deploy.vee.month import FIRST_MINUTE, Month
from load_generator.meter_faults import TERMINAL_KINDS, MeterFault
from load_generator.meter_faults import MeterFaultKind as Kind
from schemas.malfunction import MalfunctionKind
from schemas.units import MINUTE_S
from streams.domain.malfunction import MalfunctionPolicy

_STUCK_MINUTES: Final = 24 * 60
"""So long a meter is stuck until the rule on flat lines fails it."""

_AHEAD_MINUTES: Final = 3
_AFTER_S: Final = 90 * MINUTE_S
"""So long after its end a fault may still be the reason of a ticket."""
_BEFORE_S: Final = 20 * MINUTE_S
"""So long before its begin as well: rules of periods fail whole quarter-hours, a shifted stamp is
not where it was sent."""


def expected_of(fault: MeterFault, *, policy: MalfunctionPolicy) -> MalfunctionKind | None:
    """Return which kind of ticket a fault must have; None: none, it is too short or too small."""
    match fault.kind:
        case Kind.OUTAGE if fault.minutes >= policy.missed_minutes:
            return MalfunctionKind.METER_SILENT
        case Kind.TERMINAL_OUTAGE if fault.minutes >= policy.missed_minutes:
            return MalfunctionKind.TERMINAL_SILENT
        case Kind.STUCK if fault.minutes >= _STUCK_MINUTES + policy.failures:
            return MalfunctionKind.STUCK_METER
        case Kind.DRIFT if fault.factor > _AHEAD_MINUTES:
            return MalfunctionKind.CLOCK
        case Kind.UNIT | Kind.PHANTOM | Kind.NEGATIVE | Kind.WRONG_COMMUNITY if (
            fault.minutes >= policy.failures
        ):
            return MalfunctionKind.INCONSISTENT
        case _:
            return None


@dataclass
class Count:
    """Of one kind of ticket: its faults, and its tickets.

    Attributes:
        found: Faults that got a ticket of the kind.
        other: Faults that got a ticket of another kind only.
        missed: Faults that got none.
        tickets: How often one was opened, or opened again.
        false: How many of these were about nothing that was made.
        delays_s: From the begin of each found fault until its ticket could be known.
    """

    found: int = 0
    other: int = 0
    missed: int = 0
    tickets: int = 0
    false: int = 0
    delays_s: list[float] = field(default_factory=list)


@dataclass
class Counts:
    """All counts of a report; adding months to it."""

    kinds: dict[MalfunctionKind, Count] = field(
        default_factory=lambda: {kind: Count() for kind in MalfunctionKind}
    )

    def add(self, month: Month, opened: Sequence[Opened], *, policy: MalfunctionPolicy) -> None:
        """Count a month."""
        for one in opened:
            count = self.kinds[one.ticket.kind]
            count.tickets += 1
            count.false += not any(_is_about(one, fault, month) for fault in month.faults)
        for fault in month.faults:
            kind = expected_of(fault, policy=policy)
            if kind is not None:
                self._add_fault(
                    kind, [one for one in opened if _is_about(one, fault, month)], fault
                )

    def _add_fault(self, kind: MalfunctionKind, about: Sequence[Opened], fault: MeterFault) -> None:
        count = self.kinds[kind]
        right = [one for one in about if one.ticket.kind is kind]
        if right:
            count.found += 1
            count.delays_s.append(max(right[0].told_at - fault.first_minute, 0.0))
        elif about:
            count.other += 1
        else:
            count.missed += 1


def _is_about(one: Opened, fault: MeterFault, month: Month) -> bool:
    """Say whether a fault can be the reason of a ticket: where it is, and when."""
    is_when = fault.first_minute - _BEFORE_S <= one.told_at <= fault.end + _AFTER_S
    if not is_when or fault.first_minute < FIRST_MINUTE:
        return False
    if fault.kind in TERMINAL_KINDS or not one.ticket.meter_id:
        return True
    return month.fleet.meter_ids[fault.owner] in one.ticket.meter_id
