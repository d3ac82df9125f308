"""What a community's minutes and refusals mean: minute by minute, as far as they are settled.

A minute is settled when it has been told, or when it is so far behind that metering would have told
it if anything of it had come. An untold one that is settled is dark: nobody reported. Whether
metering has really read everything can't be seen from here: before a ticket about silence opens,
`judge` asks for a proof, and takes it up to the minute that it was given for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from schemas.malfunction import MalfunctionKind
from schemas.units import MINUTE_S
from streams.domain.malfunction import (
    SILENCE,
    TERMINAL,
    Cause,
    Failures,
    MalfunctionPolicy,
    Refused,
    Watch,
    kind_of,
)
from streams.domain.malfunction_tickets import as_time, clear_ticket, open_ticket, remind


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


class Failing(NamedTuple):
    """The first and the last of the minutes that, so close together, are too many."""

    first: int
    last: int


class Judged(NamedTuple):
    """A watch after it was judged.

    `watch`: None when there is nothing left to watch. `asks_until`: nothing is judged on before a
    proof that up to this minute nothing is missing but what never came; None: no proof is needed.
    """

    watch: Watch | None
    asks_until: int | None


def judge(  # noqa: PLR0913 - what the world knows of a community
    watch: Watch,
    *,
    policy: MalfunctionPolicy,
    time: PartitionTime,
    proven_until: int | None = None,
    technician_id: str | None = None,
    ends_at: int | None = None,
) -> Judged:
    """Return the watch with all settled minutes judged, as far as silence in them is proven.

    Args:
        watch: What is known of the community.
        policy: The rules.
        time: How far its partition is.
        proven_until: Up to this minute it is proven that what has not been told never came.
        technician_id: Who gets new tickets; None: nobody.
        ends_at: From this minute on there is no such community; None: it goes on.
    """
    if not watch.has_minutes:
        return _judge_without_minutes(watch, time, proven_until=proven_until, policy=policy)
    watch = _judge_failures(watch, policy=policy, technician_id=technician_id)
    end = settled_until(watch, time, policy=policy)
    if ends_at is not None:
        end = min(end, ends_at - MINUTE_S)
    asks_until = None
    for minute in _unjudged(watch.judged, end):
        if minute <= watch.judged:
            continue
        cleared = _clear(watch, minute, policy=policy)
        silent = _silences(cleared, minute, policy=policy)
        if silent and (proven_until is None or minute > proven_until):
            asks_until = end
            break
        for cause, since in silent.items():
            cleared = open_ticket(
                cleared,
                cause,
                since=since,
                at=minute + MINUTE_S,
                reason=_silence_reason(cause, since, minute),
                technician_id=technician_id,
                policy=policy,
            )
        watch = replace(cleared, judged=_last_alike(cleared, minute, end))
    # A minute that is told again can be what a ticket waits for.
    watch = _clear(watch, watch.judged, policy=policy)
    watch = remind(watch, at=watch.judged + MINUTE_S, policy=policy)
    return Judged(_pruned(watch, policy=policy), asks_until)


def _judge_without_minutes(
    watch: Watch, time: PartitionTime, *, proven_until: int | None, policy: MalfunctionPolicy
) -> Judged:
    """Forget of whom so long ago only refusals came, once it is proven that no minute was told."""
    if time.now - watch.heard_at <= policy.failures_within_s:
        return Judged(watch, None)
    if proven_until is None:
        return Judged(watch, watch.newest)
    return Judged(None, None)


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


def _floor(time: float) -> int:
    return int(time // MINUTE_S) * MINUTE_S


def _unjudged(judged: int, end: int) -> Iterator[int]:
    return iter(range(judged + MINUTE_S, end + MINUTE_S, MINUTE_S))


def _last_alike(watch: Watch, minute: int, end: int) -> int:
    """Return the last minute of a stretch in which nothing can happen any more, or the minute."""
    if minute in watch.minutes or not _has_terminal_ticket(watch):
        return minute
    following = min((known for known in watch.minutes if known > minute), default=end + MINUTE_S)
    return max(minute, min(following - MINUTE_S, end))


def _silences(watch: Watch, minute: int, *, policy: MalfunctionPolicy) -> dict[Cause, int]:
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


def _silent_since(watch: Watch, cause: Cause, minute: int, *, policy: MalfunctionPolicy) -> int:
    oldest = max(
        watch.first,
        watch.judged - (policy.kept_minutes - 1) * MINUTE_S,
        _ended(watch, cause) + MINUTE_S,
    )
    since = minute
    while since - MINUTE_S >= oldest and _is_missing(watch, cause, since - MINUTE_S, policy=policy):
        since -= MINUTE_S
    return since


def _is_missing(watch: Watch, cause: Cause, minute: int, *, policy: MalfunctionPolicy) -> bool:
    told = watch.minutes.get(minute)
    if told is None:
        return True
    if cause.meter == TERMINAL:
        return policy.is_most(len(told.missing), watch.meters)
    return cause.meter in told.missing


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


def _clear(watch: Watch, minute: int, *, policy: MalfunctionPolicy) -> Watch:
    """Return the watch without the tickets whose subject has been good up to a minute."""
    first = minute - (policy.good_minutes - 1) * MINUTE_S
    for cause in watch.open_tickets():
        if first <= _bad_until(watch, cause):
            continue
        if not any(
            _is_missing(watch, cause, at, policy=policy)
            for at in range(first, minute + MINUTE_S, MINUTE_S)
        ):
            watch = clear_ticket(
                watch,
                cause,
                at=minute + MINUTE_S,
                reason=f"{policy.good_minutes} good minutes in a row from {as_time(first)}",
            )
    return watch


def _bad_until(watch: Watch, cause: Cause) -> int:
    return max((failures.bad_until for failures in _failures_of(watch, cause).values()), default=-1)


def _failures_of(watch: Watch, cause: Cause) -> Mapping[Refused, Failures]:
    """Return what was refused under a cause's rule, of all meters where it is the terminal's."""
    return {
        refused: failures
        for refused, failures in watch.failures.items()
        if refused.rule == cause.rule and cause.meter in {refused.meter, TERMINAL}
    }


def _judge_failures(watch: Watch, *, policy: MalfunctionPolicy, technician_id: str | None) -> Watch:
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


def _pruned(watch: Watch, *, policy: MalfunctionPolicy) -> Watch:
    """Return the watch without what decides nothing any more; the very same when that is all."""
    oldest = watch.judged - policy.kept_minutes * MINUTE_S
    minutes = {at: told for at, told in watch.minutes.items() if at > oldest}
    tickets = {
        cause: ticket
        for cause, ticket in watch.tickets.items()
        if ticket.closed_at is None or watch.judged - ticket.closed_at <= policy.reopen_within_s
    }
    failures = {
        refused: known
        for refused, known in watch.failures.items()
        if watch.judged - known.newest <= policy.failures_within_s
        or any(
            cause.rule == refused.rule and cause.meter in {refused.meter, TERMINAL}
            for cause in tickets
        )
    }
    sizes = len(minutes), len(tickets), len(failures)
    if sizes == (len(watch.minutes), len(watch.tickets), len(watch.failures)):
        return watch
    return replace(watch, minutes=minutes, tickets=tickets, failures=failures)


def _silence_reason(cause: Cause, since: int, minute: int) -> str:
    who = "more than half of the meters" if cause.meter == TERMINAL else "the meter"
    minutes = (minute - since) // MINUTE_S + 1
    return f"no reading of {who} for {minutes} minutes from {as_time(since)}"
