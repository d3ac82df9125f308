"""Judging a community's closed periods, and judging them again when one is corrected.

Each kept period has what its households measured and where everyone stood after it. So a further
period is one step from the newest, and a corrected one is followed by the steps after it, until
one ends where it had ended before.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from schemas.autarky import AutarkyState
from schemas.units import PERIOD_S
from streams.domain.autarky import Figures, Flows, Sums, own_of, settle, sums_of
from streams.domain.autarky_states import (
    AUTARKIC,
    UNKNOWN,
    AutarkyPolicy,
    Trail,
    interrupted,
    judge,
)

COMMUNITY: Final = ""
"""Names the community itself among its households; no meter's id is empty."""


class Change(NamedTuple):
    """A subject's change of state at a period; energies are mWh of that period."""

    from_state: AutarkyState
    to_state: AutarkyState
    since: int
    consumption: int
    solar_used: int
    shared: int


@dataclass(slots=True)
class Period:
    """A community's period as it is known, and what came of it.

    Attributes:
        version: The highest that was told.
        parts: Which parts of that version have come.
        is_whole: Whether every part of a version has.
        flows: What each household measured.
        trails: Where each household, and the community, stood after it.
        changes: Who changed in it.
    """

    version: int = 0
    parts: frozenset[int] = frozenset()
    is_whole: bool = False
    flows: dict[str, Flows] = field(default_factory=dict)
    trails: dict[str, Trail] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judged period: everyone's figures, None where it was not measured throughout."""

    households: dict[str, Figures | None]
    community: Sums | None


def take(period: Period, *, version: int, part: int, parts: int, flows: dict[str, Flows]) -> bool:
    """Put a told part of a period into it; say whether that is news.

    Parts of a lower version, and those that have come, change nothing. Households of parts that
    are still to come keep what was told of them before.
    """
    if version < period.version or (version == period.version and part in period.parts):
        return False
    earlier = period.parts if version == period.version else frozenset()
    period.version, period.parts = version, earlier | {part}
    period.is_whole = period.is_whole or len(period.parts) == parts
    period.flows |= flows
    return True


def rejudge(
    period: Period, start: int, before: Period | None, before_start: int, *, policy: AutarkyPolicy
) -> Verdict:
    """Judge a period from the one before it; its trails and changes are replaced.

    Args:
        period: What was measured.
        start: Of it, epoch s.
        before: The newest known period before it; None: there is none.
        before_start: Of that one, epoch s.
        policy: The rules.
    """
    earlier = {} if before is None else before.trails
    is_next = before_start + PERIOD_S == start
    trails: dict[str, Trail] = {}
    changes: dict[str, Change] = {}
    figures: dict[str, Figures | None] = {}
    for meter, flows in period.flows.items():
        trail = _begin(earlier.get(meter), start, is_next=is_next, policy=policy)
        of_household, ledger = settle(
            flows, trail.ledger, efficiency_percent=policy.efficiency_percent
        )
        figures[meter] = of_household
        trails[meter] = _step(meter, trail, of_household, start, policy, changes)._replace(
            seen=start, ledger=ledger
        )
    for meter, trail in earlier.items():
        if meter not in trails and start - trail.seen <= policy.retention_s:
            trails[meter] = interrupted(trail)
    community = sums_of(figures.values()) if period.is_whole else None
    trail = _begin(earlier.get(COMMUNITY), start, is_next=is_next, policy=policy)
    trails[COMMUNITY] = _step(COMMUNITY, trail, community, start, policy, changes)._replace(
        seen=start
    )
    period.trails, period.changes = trails, changes
    return Verdict(figures, community)


def _begin(trail: Trail | None, start: int, *, is_next: bool, policy: AutarkyPolicy) -> Trail:
    if trail is None or start - trail.seen > policy.retention_s:
        return Trail()
    return trail if is_next else interrupted(trail)


def _step(  # noqa: PLR0913, PLR0917 - all that a step depends on
    subject: str,
    before: Trail,
    figures: Figures | Sums | None,
    start: int,
    policy: AutarkyPolicy,
    changes: dict[str, Change],
) -> Trail:
    after = judge(before, figures, start, policy=policy)
    if figures is not None and after.settled is not before.settled is not UNKNOWN:
        shared = own_of(figures) - figures.solar_used
        changes[subject] = Change(
            before.settled,
            after.settled,
            start if before.since is None else before.since,
            figures.consumption,
            figures.solar_used,
            shared,
        )
    return after


@dataclass(frozen=True, slots=True)
class ToldChange:
    """A change to tell.

    Attributes:
        subject: A meter, or `COMMUNITY`.
        withdrawn: It had been told, and no longer stands.
        notice: What to tell whoever was told the last notice; None: nothing.
    """

    subject: str
    start: int
    change: Change
    withdrawn: bool = False
    notice: AutarkyState | None = None


def differences(
    start: int, before: dict[str, Change], after: dict[str, Change]
) -> Iterator[ToldChange]:
    """Yield what has to be told of a period's changes, when those told before were `before`."""
    for subject in sorted(before.keys() | after.keys()):
        old, new = before.get(subject), after.get(subject)
        if new is None and old is not None:
            yield ToldChange(subject, start, old, withdrawn=True)
        elif new is not None and new != old:
            yield ToldChange(subject, start, new)


def threshold_of(change: Change, policy: AutarkyPolicy) -> float:
    """Return the threshold that a change has crossed, a share."""
    return float(policy.enter if change.to_state is AUTARKIC else policy.leave)
