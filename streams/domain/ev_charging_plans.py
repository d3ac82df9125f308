"""What partitions have told each other of their plans."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from schemas.ev_charging import ChargePlan
from streams.domain.newest import take_newest

FRESH_S: Final = 6 * 3600
"""Older plans say nothing of this night."""


@dataclass(slots=True)
class Plans:
    """The plans of all partitions that still say something, by partition and first quarter-hour."""

    _kept: dict[tuple[int, int], ChargePlan] = field(default_factory=dict)

    def take(self, plan: ChargePlan) -> None:
        """Take a plan as it was told."""
        take_newest(self._kept, (plan.partition, plan.period_start), plan)
        for partition, start in list(self._kept):
            if partition == plan.partition and start < plan.period_start - FRESH_S:
                del self._kept[partition, start]

    def all(self) -> tuple[ChargePlan, ...]:
        """Return them."""
        return tuple(self._kept.values())


def beside(plans: Iterable[ChargePlan], *, partition: int, due: int) -> list[ChargePlan]:
    """Return the plan of each other partition beside which one from `due` on is made.

    That is its last one of an earlier quarter-hour, so that what is planned does not depend on who
    is faster; its newest only where nothing earlier is known, as to a worker that has just begun.
    """
    chosen: dict[int, ChargePlan] = {}
    for plan in sorted(plans, key=lambda plan: (plan.period_start < due, plan.period_start)):
        if plan.partition != partition and due - plan.period_start < FRESH_S:
            chosen[plan.partition] = plan
    return [chosen[number] for number in sorted(chosen)]
