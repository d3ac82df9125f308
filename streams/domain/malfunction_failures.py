"""Whose readings are refused, or fail, too often."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.malfunction import MalfunctionKind
from schemas.units import MINUTE_S
from streams.domain.malfunction import (
    TERMINAL,
    Cause,
    Failures,
    MalfunctionPolicy,
    Refused,
    Watch,
    kind_of,
)
from streams.domain.malfunction_tickets import as_time, open_ticket


class Failing(NamedTuple):
    """The first and the last of the minutes that, so close together, are too many."""

    first: int
    last: int


def judge_failures(watch: Watch, *, policy: MalfunctionPolicy, technician_id: str | None) -> Watch:
    """Return the watch with a ticket for everyone whose readings were refused too often."""
    by_rule: dict[str, dict[str, Failing]] = {}
    for refused, failures in watch.failures.items():
        failing = _failing(failures, policy=policy)
        if failing is not None:
            by_rule.setdefault(refused.rule, {})[refused.meter] = failing
    for rule, meters in by_rule.items():
        kind = kind_of(rule)
        of_terminal = Cause(kind, rule, TERMINAL)
        if of_terminal in watch.open_tickets():
            continue
        if TERMINAL in meters or policy.is_most(len(meters), watch.meters):
            firsts, lasts = zip(*meters.values(), strict=True)
            causes = {of_terminal: Failing(min(firsts), max(lasts))}
        else:
            causes = {Cause(kind, rule, meter): meters[meter] for meter in sorted(meters)}
        for cause, failing in causes.items():
            since, at = _when(watch, cause, failing)
            watch = open_ticket(
                watch,
                cause,
                since=since,
                at=at,
                reason=f"{rule} refused {policy.failures} minutes within "
                f"{policy.failures_within_s // MINUTE_S} min, the first {as_time(since)}",
                technician_id=technician_id,
                policy=policy,
            )
    return watch


def bad_until_of(watch: Watch, cause: Cause) -> int:
    """Return after which minute good readings count for a cause."""
    return max((failures.bad_until for failures in _failures_of(watch, cause).values()), default=-1)


def _failing(failures: Failures, *, policy: MalfunctionPolicy) -> Failing | None:
    minutes = failures.pending
    for first, last in zip(minutes, minutes[policy.failures - 1 :], strict=False):
        if last - first <= policy.failures_within_s:
            return Failing(first, last)
    return None


def _when(watch: Watch, cause: Cause, failing: Failing) -> tuple[int, int]:
    """Return since when it fails, and when that was too often, by the community's event time."""
    if cause.kind is MalfunctionKind.CLOCK:
        return watch.newest, watch.newest_end
    return failing.first, max(failing.last, watch.judged) + MINUTE_S


def _failures_of(watch: Watch, cause: Cause) -> Mapping[Refused, Failures]:
    """Return what was refused under a cause's rule, of all meters where it is the terminal's."""
    return {
        refused: failures
        for refused, failures in watch.failures.items()
        if refused.rule == cause.rule and cause.meter in {refused.meter, TERMINAL}
    }
