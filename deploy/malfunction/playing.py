"""A simulated month, told minute by minute as a live system tells it, and the tickets that open."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from deploy.vee.judging import Judged
from deploy.vee.month import FIRST_MINUTE, Month
from schemas.malfunction import Malfunction, TicketEvent
from schemas.units import MINUTE_S
from streams.domain.channels import CONSUMPTION, MISSING
from streams.domain.malfunction import MalfunctionPolicy
from streams.domain.malfunction_communities import Input, Proof, Registered, Watches
from streams.domain.malfunction_inputs import Refusal, ToldMinute
from streams.domain.vee import FAILING, Rule, bit

COMMUNITY: Final = "c1"
_ON_THE_WAY_S: Final = 5
"""From the end of a minute until metering has its frame."""

_AS_METERING_SAYS: Final = {
    Rule.CLOCK_AHEAD: "minute_in_future",
    Rule.CLOCK_BEHIND: "minute_too_old",
}
"""Rules that refuse whole frames at the door."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A ticket that was opened, or opened again; `told_at`: when people could know it, epoch s."""

    ticket: Malfunction
    told_at: float


def play(month: Month, judged: Judged, *, policy: MalfunctionPolicy) -> list[Opened]:
    """Return the tickets of a month, in order.

    A minute in which all meters are good is told when its frame comes, another one when the allowed
    lateness is over, and one of which nothing is there not at all. What a rule fails is refused
    when it comes. Metering has always read everything, so each proof is given at once.
    """
    watches = Watches(policy)
    opened: list[Opened] = []
    for now, inputs in _batches(month, judged, policy=policy):
        told = watches.fold(inputs, now=now, registered=_nobody).told
        # What was decided is told with the next batch, which comes within a second.
        while watches.asking or any(watch.untold for watch in watches.watches.values()):
            proof = Proof(dict(watches.asking))
            told = [*told, *watches.fold([], now=now, registered=_nobody, proof=proof).told]
        opened += [
            Opened(ticket, now)
            for ticket in told
            if ticket.event in {TicketEvent.OPENED, TicketEvent.REOPENED}
        ]
    return opened


def _nobody(_community_id: str) -> Registered:
    return Registered()


def _batches(
    month: Month, judged: Judged, *, policy: MalfunctionPolicy
) -> Iterator[tuple[float, list[Input]]]:
    is_good = judged.good[:, CONSUMPTION] != MISSING
    is_told = month.cells[:, CONSUMPTION] != MISSING
    failing = np.where(is_told | (month.arrival != 0), judged.flags, 0) & np.uint32(FAILING)
    late = policy.lateness_s // MINUTE_S
    place = 0
    for number in range(len(is_good) + late):
        now = FIRST_MINUTE + (number + 1) * MINUTE_S + _ON_THE_WAY_S
        inputs: list[Input] = []
        if number < len(is_good):
            for refusal in _refusals(month, failing[number], number, place, now):
                inputs.append(refusal)
                place += 1
            if is_good[number].all():
                inputs.append(_minute(month, is_good[number], number, now))
        before = number - late
        if before >= 0 and is_good[before].any() and not is_good[before].all():
            inputs.append(_minute(month, is_good[before], before, now))
        yield now, inputs


def _minute(month: Month, good: npt.NDArray[np.bool_], number: int, now: float) -> ToldMinute:
    missing = frozenset(month.fleet.meter_ids[meter] for meter in np.flatnonzero(~good).tolist())
    start = FIRST_MINUTE + number * MINUTE_S
    return ToldMinute(COMMUNITY, start, 1, int(good.sum()), missing, now)


def _refusals(
    month: Month, failing: npt.NDArray[np.uint32], number: int, place: int, now: float
) -> Iterator[Refusal]:
    """Yield what each rule has refused of a minute."""
    every = int(np.bitwise_or.reduce(failing))
    if not every:
        return
    for rule in Rule:
        if not every & bit(rule):
            continue
        meters = np.flatnonzero(failing & np.uint32(bit(rule))).tolist()
        is_frame = rule in _AS_METERING_SAYS
        yield Refusal(
            COMMUNITY,
            _AS_METERING_SAYS.get(rule, rule.value),
            FIRST_MINUTE + number * MINUTE_S,
            () if is_frame else tuple(month.fleet.meter_ids[meter] for meter in meters),
            place,
            place,
            now,
        )
        place += 1
