"""The life of a ticket: opened once for a cause, reminded of, ended by readings or by hand."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from schemas.malfunction import Malfunction, TicketAction, TicketEvent, TicketState
from schemas.registry import Technician
from schemas.units import MINUTE_S
from streams.domain.malfunction import (
    SILENCE,
    TERMINAL,
    Cause,
    MalfunctionPolicy,
    Ticket,
    Watch,
)
from streams.domain.registry_stays import is_valid

_ID_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class Command:
    """An operator's order; `place` is where it stands in its topic for ever."""

    community_id: str
    ticket_id: str
    action: TicketAction
    technician_id: str | None
    by: str
    reason: str
    place: int


def ticket_id_of(community_id: str, cause: Cause, since: int) -> str:
    """Return the id of the ticket about a cause that began at a minute, the same for ever."""
    text = "\0".join((community_id, cause.kind, cause.rule, cause.meter, str(since)))
    return "t-" + blake2b(text.encode(), digest_size=_ID_BYTES).hexdigest()


def open_ticket(  # noqa: PLR0913 - a ticket is said by as many
    watch: Watch,
    cause: Cause,
    *,
    since: int,
    at: int,
    reason: str,
    technician_id: str | None,
    policy: MalfunctionPolicy,
) -> Watch:
    """Return the watch with a ticket about the cause: the open one, its last one, or a new one."""
    known = watch.tickets.get(cause)
    if known is not None and known.closed_at is not None:
        if since - known.closed_at <= policy.reopen_within_s:
            technician_id = known.technician_id or technician_id
            ticket = replace(
                known,
                since=since,
                opened_at=at,
                technician_id=technician_id,
                state=_state_of(technician_id),
                reminded=0,
                closed_at=None,
            )
            return _with_step(watch, cause, ticket, TicketEvent.REOPENED, at=at, reason=reason)
    elif known is not None:
        return watch
    ticket_id = ticket_id_of(watch.community_id, cause, since)
    ticket = Ticket(ticket_id, since, at, 0, _state_of(technician_id), technician_id)
    return _with_step(watch, cause, ticket, TicketEvent.OPENED, at=at, reason=reason)


def clear_ticket(watch: Watch, cause: Cause, *, at: int, reason: str) -> Watch:
    """Return the watch after good readings have ended an open ticket."""
    return _closed(watch, cause, TicketEvent.CLEARED, at=at, reason=reason)


def remind(watch: Watch, *, at: int, policy: MalfunctionPolicy) -> Watch:
    """Return the watch with a reminder of each ticket that has been open for too long at `at`."""
    for cause, ticket in watch.open_tickets().items():
        due = sum(at >= ticket.opened_at + after for after in policy.remind_after_s)
        if due > ticket.reminded:
            minutes = (at - ticket.opened_at) // MINUTE_S
            watch = _with_step(
                watch,
                cause,
                replace(ticket, reminded=due),
                TicketEvent.REMINDED,
                at=at,
                reason=f"open for {minutes} minutes, since {as_time(ticket.opened_at)}",
            )
    return watch


def obey(watch: Watch | None, command: Command) -> tuple[Watch | None, str | None]:
    """Return the watch after an order, and why it was not obeyed; None: it was, now or before."""
    if watch is not None and command.place <= watch.commands_until:
        return watch, None
    found = () if watch is None else watch.tickets.items()
    for cause, ticket in found:
        if watch is not None and ticket.ticket_id == command.ticket_id:
            watch = replace(watch, commands_until=command.place)
            if not ticket.is_open:
                return watch, f"ticket {command.ticket_id} is resolved"
            return _obeyed(watch, cause, command), None
    return watch, f"there is no ticket {command.ticket_id}"


def _obeyed(watch: Watch, cause: Cause, command: Command) -> Watch:
    at, ticket = watch.judged + MINUTE_S, watch.tickets[cause]
    if command.action is TicketAction.RESOLVE:
        event = TicketEvent.RESOLVED
        return _closed(watch, cause, event, at=at, reason=command.reason, by=command.by)
    if ticket.technician_id == command.technician_id:
        return watch
    return _with_step(
        watch,
        cause,
        replace(ticket, technician_id=command.technician_id, state=TicketState.ASSIGNED),
        TicketEvent.ASSIGNED,
        at=at,
        reason=command.reason,
        by=command.by,
    )


def technician_of(
    community_id: str, technicians: Iterable[Technician], *, now: float
) -> str | None:
    """Return who mends a community's faults at `now` (epoch s); None: nobody is registered.

    One of its own comes before one for everybody; of several, the first by id.
    """
    fit = [
        (technician.community_id is None, technician.technician_id)
        for technician in technicians
        if technician.community_id in {None, community_id} and is_valid(technician, now)
    ]
    return min(fit)[1] if fit else None


def as_time(minute: int) -> str:
    """Return a minute as people read it.

    >>> as_time(1_750_075_200)
    '2025-06-16 12:00 UTC'
    """
    return f"{datetime.fromtimestamp(minute, UTC):%Y-%m-%d %H:%M} UTC"


def _state_of(technician_id: str | None) -> TicketState:
    return TicketState.OPEN if technician_id is None else TicketState.ASSIGNED


def _closed(  # noqa: PLR0913 - who, when and why
    watch: Watch,
    cause: Cause,
    event: TicketEvent,
    *,
    at: int,
    reason: str,
    by: str | None = None,
) -> Watch:
    ticket = replace(watch.tickets[cause], state=TicketState.RESOLVED, closed_at=at - MINUTE_S)
    watch = _with_step(watch, cause, ticket, event, at=at, reason=reason, by=by)
    if cause.rule == SILENCE:
        return watch
    # What was refused so far has had its consequence.
    done = {
        refused: replace(known, floor=max(known.floor, *known.minutes.values()))
        for refused, known in watch.failures.items()
        if refused.rule == cause.rule and cause.meter in {refused.meter, TERMINAL} and known.minutes
    }
    return replace(watch, failures={**watch.failures, **done})


def _with_step(  # noqa: PLR0913 - a step is said by as many
    watch: Watch,
    cause: Cause,
    ticket: Ticket,
    event: TicketEvent,
    *,
    at: int,
    reason: str,
    by: str | None = None,
) -> Watch:
    ticket = replace(ticket, step=ticket.step + 1)
    told = Malfunction(
        ticket_id=ticket.ticket_id,
        step=ticket.step,
        event=event,
        state=ticket.state,
        kind=cause.kind,
        community_id=watch.community_id,
        meter_id=[] if cause.meter == TERMINAL else [cause.meter],
        rule=None if cause.rule == SILENCE else cause.rule,
        technician_id=ticket.technician_id,
        by=by,
        since=ticket.since,
        at=at,
        reason=reason,
    )
    return replace(watch, tickets={**watch.tickets, cause: ticket}, untold=(*watch.untold, told))
