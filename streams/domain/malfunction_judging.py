"""What a community's minutes and refusals mean: minute by minute, as far as they are settled.

`malfunction_silence` says which minutes are settled and who is silent in them,
`malfunction_failures` who is refused too often. Whether metering has really read everything can't
be seen from here: before a ticket about silence opens, `judge` asks for a proof, and takes it up to
the minute that it was given for.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from schemas.units import MINUTE_S
from streams.domain.malfunction import TERMINAL, MalfunctionPolicy, Watch
from streams.domain.malfunction_failures import bad_until_of, judge_failures
from streams.domain.malfunction_silence import (
    PartitionTime,
    is_missing,
    last_alike,
    settled_until,
    silence_reason,
    silences,
)
from streams.domain.malfunction_tickets import as_time, clear_ticket, open_ticket, remind


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
    watch = judge_failures(watch, policy=policy, technician_id=technician_id)
    end = settled_until(watch, time, policy=policy)
    if ends_at is not None:
        end = min(end, ends_at - MINUTE_S)
    asks_until = None
    for minute in _unjudged(watch.judged, end):
        if minute <= watch.judged:
            continue
        cleared = _clear(watch, minute, policy=policy)
        silent = silences(cleared, minute, policy=policy)
        if silent and (proven_until is None or minute > proven_until):
            asks_until = end
            break
        for cause, since in silent.items():
            cleared = open_ticket(
                cleared,
                cause,
                since=since,
                at=minute + MINUTE_S,
                reason=silence_reason(cause, since, minute),
                technician_id=technician_id,
                policy=policy,
            )
        watch = replace(cleared, judged=last_alike(cleared, minute, end))
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


def _unjudged(judged: int, end: int) -> Iterator[int]:
    return iter(range(judged + MINUTE_S, end + MINUTE_S, MINUTE_S))


def _clear(watch: Watch, minute: int, *, policy: MalfunctionPolicy) -> Watch:
    """Return the watch without the tickets whose subject has been good up to a minute."""
    first = minute - (policy.good_minutes - 1) * MINUTE_S
    for cause in watch.open_tickets():
        if first <= bad_until_of(watch, cause):
            continue
        if not any(
            is_missing(watch, cause, at, policy=policy)
            for at in range(first, minute + MINUTE_S, MINUTE_S)
        ):
            watch = clear_ticket(
                watch,
                cause,
                at=minute + MINUTE_S,
                reason=f"{policy.good_minutes} good minutes in a row from {as_time(first)}",
            )
    return watch


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
