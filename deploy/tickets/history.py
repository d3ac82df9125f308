"""Tickets in ClickHouse: which there are, where each stands, and what happened to it."""

from collections.abc import Mapping
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.errors import OperatorError

Row = Mapping[str, Any]

_NEWEST_FIRST = "ORDER BY last_at DESC, ticket_id LIMIT {limit:UInt32}"


class TicketError(OperatorError):
    """What was asked of a ticket can't be done; the text is one line for the operator."""


def tickets(  # noqa: PLR0913 - what tickets are chosen by
    client: Client,
    database: str,
    *,
    states: tuple[str, ...],
    community: str | None = None,
    technician: str | None = None,
    kind: str | None = None,
    limit: int = 100,
) -> list[Row]:
    """Return where tickets stand, those that something happened to last first.

    Args:
        client: Connected to ClickHouse.
        database: Whose views are asked.
        states: Only those in one of these.
        community: Only its; None: everybody's.
        technician: Only theirs; None: everybody's.
        kind: Only of this kind; None: of any.
        limit: At most so many.
    """
    wanted = {"community_id": community, "technician_id": technician, "kind": kind}
    chosen = {name: value for name, value in wanted.items() if value is not None}
    conditions = " AND ".join(
        ["state IN {states:Array(String)}", *(f"{name} = {{{name}:String}}" for name in chosen)]
    )
    # What is put into the text is ours; what was given is bound.
    query = f"SELECT * FROM {database}.tickets WHERE {conditions} {_NEWEST_FIRST}"  # noqa: S608
    found = client.query(query, parameters={"states": list(states), "limit": limit, **chosen})
    return list(found.named_results())


def ticket(client: Client, database: str, ticket_id: str) -> Row:
    """Return where a ticket stands.

    Raises:
        TicketError: If there is none of this id.
    """
    query = f"SELECT * FROM {database}.tickets WHERE ticket_id = {{id:String}}"  # noqa: S608 - ours
    found = list(client.query(query, parameters={"id": ticket_id}).named_results())
    if not found:
        raise TicketError(f"there is no ticket {ticket_id}; `smatrix tickets list` names them")
    return found[0]


def steps(client: Client, database: str, ticket_id: str) -> list[Row]:
    """Return what happened to a ticket, in order."""
    query = (
        f"SELECT * FROM {database}.ticket_steps "  # noqa: S608 - ours
        f"WHERE ticket_id = {{id:String}} ORDER BY step"
    )
    return list(client.query(query, parameters={"id": ticket_id}).named_results())


def require_technician(client: Client, database: str, technician_id: str) -> None:
    """Check that a technician is registered.

    Raises:
        TicketError: If not.
    """
    query = (
        f"SELECT count() FROM {database}.registry_technicians "  # noqa: S608 - ours
        f"WHERE technician_id = {{id:String}}"
    )
    ((count,),) = client.query(query, parameters={"id": technician_id}).result_rows
    if not count:
        raise TicketError(
            f"there is no technician {technician_id}; `smatrix registry export --kind technician` "
            f"names them"
        )
