"""Which meters and terminals have fallen silent, as far as a community's minutes are settled.

A minute is settled when it has been told, or when it is so far behind that metering would have told
it if anything of it had come. An untold one that is settled is dark: nobody reported.
"""

from dataclasses import dataclass

from schemas.malfunction import MalfunctionKind
from schemas.units import MINUTE_S
from streams.domain.malfunction import SILENCE, TERMINAL, Cause, MalfunctionPolicy, Watch
from streams.domain.malfunction_tickets import as_time


@dataclass(frozen=True, slots=True)
class PartitionTime:
    """How far a partition is.

    Attributes:
        event_time: Its event time, epoch seconds, running on with the wall clock.
        is_live: Whether its newest minute was told soon after its end.
        now: The wall clock, epoch seconds.
    """

    event_time: float
    is_live: bool
    now: float


def settled_until(watch: Watch, time: PartitionTime, *, policy: MalfunctionPolicy) -> int:
    """Return the last minute that, like all before it, is settled.

    A minute that was not told is settled when metering must have closed it: by the community's own
    newest minute, or by the partition's event time. The latter counts only where it is about the
    present, and only of a community of which nothing at all was heard for as long as silence takes:
    who sends what was kept back is late, and not silent.
    """
    frontier = _floor(watch.newest - policy.lateness_s)
    unheard_s = time.now - watch.heard_at
    if time.is_live and unheard_s >= policy.missed_minutes * MINUTE_S:
        by_partition = _floor(time.event_time - MINUTE_S - policy.lateness_s)
        frontier = max(frontier, by_partition)
    last = max(frontier, watch.judged)
    while last + MINUTE_S in watch.minutes:
        last += MINUTE_S
    return last


def silences(watch: Watch, minute: int, *, policy: MalfunctionPolicy) -> dict[Cause, int]:
    """Return what falls silent with a minute, and since when; what has a ticket is left out."""
    first = minute - (policy.missed_minutes - 1) * MINUTE_S
    if first < watch.first or minute < watch.first + policy.grace_s:
        return {}
    if _has_terminal_ticket(watch):
        return {}
    span = range(first, minute + MINUTE_S, MINUTE_S)
    told = [watch.minutes[at].missing for at in span if at in watch.minutes]
    is_dark = not told
    refused = _refused_in(watch, span)
    silent = frozenset[str]() if is_dark else frozenset.intersection(*told) - refused
    if is_dark or (silent and policy.is_most(len(silent), watch.meters)):
        # Whose frames are refused sends.
        silent = frozenset() if TERMINAL in refused else frozenset({TERMINAL})
    causes = [
        Cause(
            MalfunctionKind.TERMINAL_SILENT if meter == TERMINAL else MalfunctionKind.METER_SILENT,
            SILENCE,
            meter,
        )
        for meter in sorted(silent)
    ]
    busy = {cause.meter for cause in watch.open_tickets()}
    return {
        cause: _silent_since(watch, cause, minute, policy=policy)
        for cause in causes
        if cause.meter not in busy and _ended(watch, cause) < first
    }


def silence_reason(cause: Cause, since: int, minute: int) -> str:
    """Return why a ticket about silence since a minute is opened at another, for people."""
    who = "more than half of the meters" if cause.meter == TERMINAL else "the meter"
    minutes = (minute - since) // MINUTE_S + 1
    return f"no reading of {who} for {minutes} minutes from {as_time(since)}"


def last_alike(watch: Watch, minute: int, end: int) -> int:
    """Return the last minute of a stretch in which nothing can happen any more, or the minute."""
    if minute in watch.minutes or not _has_terminal_ticket(watch):
        return minute
    following = min((known for known in watch.minutes if known > minute), default=end + MINUTE_S)
    return max(minute, min(following - MINUTE_S, end))


def is_missing(watch: Watch, cause: Cause, minute: int, *, policy: MalfunctionPolicy) -> bool:
    """Say whether what a cause is about did not report in a minute."""
    told = watch.minutes.get(minute)
    if told is None:
        return True
    if cause.meter == TERMINAL:
        return policy.is_most(len(told.missing), watch.meters)
    return cause.meter in told.missing


def _silent_since(watch: Watch, cause: Cause, minute: int, *, policy: MalfunctionPolicy) -> int:
    oldest = max(
        watch.first,
        watch.judged - (policy.kept_minutes - 1) * MINUTE_S,
        _ended(watch, cause) + MINUTE_S,
    )
    since = minute
    while since - MINUTE_S >= oldest and is_missing(watch, cause, since - MINUTE_S, policy=policy):
        since -= MINUTE_S
    return since


def _ended(watch: Watch, cause: Cause) -> int:
    """Return when the last ticket about a cause ended; before everything when there was none."""
    known = watch.tickets.get(cause)
    return -1 if known is None or known.closed_at is None else known.closed_at


def _has_terminal_ticket(watch: Watch) -> bool:
    return any(cause.meter == TERMINAL for cause in watch.open_tickets())


def _refused_in(watch: Watch, span: range) -> set[str]:
    return {
        refused.meter
        for refused, failures in watch.failures.items()
        if any(minute in span for minute in failures.minutes)
    }


def _floor(time: float) -> int:
    return int(time // MINUTE_S) * MINUTE_S
