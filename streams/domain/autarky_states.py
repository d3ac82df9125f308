"""The state machine of autarky: UNKNOWN, DEPENDENT, AUTARKIC, by event time alone."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from schemas.autarky import AutarkyState
from streams.domain.autarky import Figures, Ledger, Sums, own_of

UNKNOWN, DEPENDENT, AUTARKIC = AutarkyState


class PolicyError(ValueError):
    """Thresholds that can't be; the text names both."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AutarkyPolicy:
    """The rules of autarky.

    Attributes:
        enter: Self-sufficiency from which on a subject counts as autarkic, a share.
        leave: Self-sufficiency below which it no longer does, a share, at most `enter`.
        hold_s: How long after the first period beyond a threshold it must still be so, seconds.
        efficiency_percent: Of what is charged, so much reaches a battery's store.
        retention_s: How far behind its newest period a community's periods can be corrected, and
            after how long a silent household is forgotten, seconds.
    """

    enter: Fraction
    leave: Fraction
    hold_s: int
    efficiency_percent: int
    retention_s: int

    def __post_init__(self) -> None:
        """Refuse thresholds between which everything would flip."""
        if self.leave > self.enter:
            raise PolicyError(
                f"leave={float(self.leave)} must be at most enter={float(self.enter)}, both shares"
            )


class Trail(NamedTuple):
    """Where a household or a community stands after a period.

    Attributes:
        settled: The state that it was last known to be in.
        is_known: Whether the period's self-sufficiency is defined.
        towards: The state that it would change to, if that holds.
        since: The first period of an unbroken row that speaks for it, epoch s; None: there is none.
        seen: The newest period with a reading, epoch s.
        ledger: What its battery holds; a community has none.
    """

    settled: AutarkyState = UNKNOWN
    is_known: bool = False
    towards: AutarkyState = UNKNOWN
    since: int | None = None
    seen: int = 0
    ledger: Ledger = Ledger()

    @property
    def state(self) -> AutarkyState:
        """The state in this period: UNKNOWN where data is missing."""
        return self.settled if self.is_known else UNKNOWN


def judge(
    before: Trail, figures: Figures | Sums | None, start: int, *, policy: AutarkyPolicy
) -> Trail:
    """Return where a subject stands after the period that begins at `start` (epoch s).

    Between the thresholds nothing speaks for a change. Without a defined self-sufficiency the
    state is UNKNOWN, what was settled stays so, and the hold begins anew.
    """
    if figures is None or not figures.consumption:
        return before._replace(is_known=False, towards=UNKNOWN, since=None)
    own, consumption = own_of(figures), figures.consumption
    threshold = policy.leave if before.settled is AUTARKIC else policy.enter
    reaches = own * threshold.denominator >= threshold.numerator * consumption
    target = AUTARKIC if reaches else DEPENDENT
    if target is before.settled:
        return before._replace(is_known=True, towards=UNKNOWN, since=None)
    since = start if before.since is None or before.towards is not target else before.since
    if start - since < policy.hold_s:
        return before._replace(is_known=True, towards=target, since=since)
    return before._replace(settled=target, is_known=True, towards=UNKNOWN, since=None)


def interrupted(before: Trail) -> Trail:
    """Return where a subject stands after a period that is missing altogether."""
    return before._replace(is_known=False, towards=UNKNOWN, since=None)
