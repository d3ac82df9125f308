"""`smatrix tickets`: what is out of order, who mends it, and what happened to it."""

import json
import time
from datetime import datetime
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from deploy.cli.check import asking, connect
from deploy.tickets import history, orders
from deploy.tickets.history import Row, TicketError
from schemas.malfunction import MalfunctionKind, TicketAction, TicketCommand, TicketState
from streams.settings import Settings, get_settings

tickets = typer.Typer(
    help="List, show, assign and resolve tickets about meters and terminals.",
    no_args_is_help=True,
)

_POLL_S: Final = 0.5
_COLUMNS: Final = ("ticket_id", "state", "kind", "community_id", "meter_id", "technician_id")

TicketId = Annotated[str, typer.Argument(metavar="TICKET", help="As `list` names it.")]
By = Annotated[str, typer.Option("--by", help="Your name; it is kept with the ticket.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait until it is done.")]
AsJson = Annotated[bool, typer.Option("--json", help="A line of JSON for each.")]


@tickets.command("list")
def list_(  # noqa: PLR0913 - options of a command
    *,
    state: Annotated[
        str, typer.Option(help="open, assigned, resolved, all; without: all but resolved.")
    ] = "unresolved",
    community: Annotated[str | None, typer.Option(help="Only of this community.")] = None,
    technician: Annotated[str | None, typer.Option(help="Only of this technician.")] = None,
    kind: Annotated[str | None, typer.Option(help=f"One of: {', '.join(MalfunctionKind)}.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List tickets, those that something happened to last first."""
    settings = get_settings()
    states = _states(state)
    if kind is not None and kind not in set(MalfunctionKind):
        raise TicketError(f"--kind {kind} is not one of: {', '.join(MalfunctionKind)}")
    with asking(settings):
        found = history.tickets(
            connect(settings),
            settings.clickhouse_database,
            states=states,
            community=community,
            technician=technician,
            kind=kind,
            limit=limit,
        )
    if as_json:
        for ticket in found:
            typer.echo(_json(ticket))
        return
    rows = [[*(_cell(ticket[name]) for name in _COLUMNS), _since(ticket)] for ticket in found]
    _print_table([[*_COLUMNS, "since"], *rows])


@tickets.command("show")
def show(ticket: TicketId, *, as_json: AsJson = False) -> None:
    """Show where a ticket stands, and all that happened to it."""
    settings = get_settings()
    with asking(settings):
        client = connect(settings)
        found = history.ticket(client, settings.clickhouse_database, ticket)
        steps = history.steps(client, settings.clickhouse_database, ticket)
    if as_json:
        for row in (found, *steps):
            typer.echo(_json(row))
        return
    for name in (*_COLUMNS, "rule", "since", "ended_at"):
        typer.echo(f"{name:14}{_cell(found[name])}")
    names = ("step", "at", "event", "technician_id", "operator", "reason")
    _print_table([list(names), *([_cell(step[name]) for name in names] for step in steps)])


@tickets.command("assign")
def assign(
    ticket: TicketId,
    technician: Annotated[str, typer.Argument(metavar="TECHNICIAN", help="Whose it shall be.")],
    *,
    by: By,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the ticket.")] = "assigned",
    wait: Wait = 30.0,
) -> None:
    """Give a ticket to a technician."""
    settings = get_settings()
    with asking(settings):
        client = connect(settings)
        found = history.ticket(client, settings.clickhouse_database, ticket)
        history.require_technician(client, settings.clickhouse_database, technician)
    _require_open(found)
    if found["technician_id"] == technician:
        typer.echo(f"{ticket} is {technician}'s already")
        return
    command = _command(found, TicketAction.ASSIGN, by=by, reason=reason, technician=technician)
    after = _done(settings, found, command, wait_s=wait)
    typer.echo(f"{ticket} is {after['technician_id']}'s")


@tickets.command("resolve")
def resolve(
    ticket: TicketId,
    *,
    by: By,
    reason: Annotated[str, typer.Option(help="What was done; it is kept with the ticket.")],
    wait: Wait = 30.0,
) -> None:
    """End a ticket by hand; when its cause goes on, it is opened again."""
    settings = get_settings()
    with asking(settings):
        found = history.ticket(connect(settings), settings.clickhouse_database, ticket)
    _require_open(found)
    _done(
        settings,
        found,
        _command(found, TicketAction.RESOLVE, by=by, reason=reason),
        wait_s=wait,
    )
    typer.echo(f"{ticket} is resolved")


def _states(word: str) -> tuple[str, ...]:
    match word:
        case "all":
            return tuple(TicketState)
        case "unresolved":
            return (TicketState.OPEN, TicketState.ASSIGNED)
        case _ if word in set(TicketState):
            return (word,)
        case _:
            raise TicketError(f"--state {word} is not one of: {', '.join(TicketState)}, all")


def _require_open(found: Row) -> None:
    if found["state"] == TicketState.RESOLVED:
        raise TicketError(
            f"{found['ticket_id']} is resolved since {_cell(found['ended_at'])}; when its cause is "
            f"back, it is opened again by itself"
        )


def _command(
    found: Row, action: TicketAction, *, by: str, reason: str, technician: str | None = None
) -> TicketCommand:
    try:
        return TicketCommand(
            ticket_id=found["ticket_id"],
            community_id=found["community_id"],
            action=action,
            technician_id=technician,
            by=by,
            reason=reason,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise TicketError(f"--{first['loc'][0]}: {first['msg']}") from error


def _done(settings: Settings, before: Row, command: TicketCommand, *, wait_s: float) -> Row:
    """Give an order, and return where the ticket stands once the order has been obeyed."""
    orders.give(settings, command)
    deadline = time.monotonic() + wait_s
    with asking(settings):
        client = connect(settings)
        while True:
            steps = history.steps(client, settings.clickhouse_database, command.ticket_id)
            if any(
                step["step"] > before["steps"] and step["operator"] == command.by for step in steps
            ):
                return history.ticket(client, settings.clickhouse_database, command.ticket_id)
            if time.monotonic() >= deadline:
                raise TicketError(
                    f"the order is given, and nothing is known of it after {wait_s:.0f} s; it is "
                    f"obeyed once `smatrix worker alerts` runs, and shown once `smatrix worker "
                    f"history` does"
                )
            time.sleep(_POLL_S)


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case [*meters]:
            return ", ".join(map(str, meters)) or "(terminal)"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case _:
            return str(value)


def _since(ticket: Row) -> str:
    return _cell(ticket["since"])


def _json(row: Row) -> str:
    return json.dumps(row, default=lambda time: f"{time:%Y-%m-%dT%H:%MZ}", ensure_ascii=False)


def _print_table(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
