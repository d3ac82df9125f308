"""What malfunction remembers: a watch for each community that ever had a minute told.

The key is the community. The record holds the last judged minutes and who was missing in them, what
was refused within the last hour, the open tickets and those that can still be reopened, and what
has been decided and not told yet. It is written when something of that changes, so about once a
minute, and nothing of it grows: minutes are dropped once they are judged, refusals and ended
tickets when their time is over. It is deleted only where no minute was ever told, and what was
refused is long past.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from faust import Table

from schemas.malfunction import Malfunction, MalfunctionKind, TicketState
from streams.delivery.app import App
from streams.domain.malfunction import Cause, Failures, Refused, Ticket, Told, Watch
from tables.minutes import SchemaError
from tables.store import Store

SCHEMA: Final = 1


def declare(app: App) -> Table[bytes, bytes]:
    """Declare the table."""
    return app.bytes_table("malfunction-watches")


def key(community_id: str) -> bytes:
    """Return the key of a community's watch."""
    return community_id.encode()


def encode(watch: Watch) -> bytes:
    """Return a watch as bytes."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "community": watch.community_id,
            "times": [watch.first, watch.newest, watch.judged],
            "clocks": [watch.told_at, watch.heard_at],
            "meters": watch.meters,
            "places": [watch.refusals_until, watch.commands_until, watch.verdicts_until],
            "minutes": [
                [minute, told.version, sorted(told.missing)]
                for minute, told in sorted(watch.minutes.items())
            ],
            "failures": [
                [*refused, failures.floor, failures.bad_until, failures.seen, *_flat(failures)]
                for refused, failures in watch.failures.items()
            ],
            "tickets": [[*cause, *_row(ticket)] for cause, ticket in watch.tickets.items()],
            "untold": [told.model_dump(mode="json") for told in watch.untold],
        }
    )


def decode(data: bytes) -> Watch:
    """Return the watch that bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    stored: dict[str, Any] = orjson.loads(data)
    if stored["schema"] != SCHEMA:
        raise SchemaError(
            f"malfunction-watches table: schema {stored['schema']} is unknown here, known is "
            f"{SCHEMA}"
        )
    first, newest, judged = stored["times"]
    told_at, heard_at = stored["clocks"]
    # Verdicts were not looked at before their place was kept.
    refusals_until, commands_until, verdicts_until = (*stored["places"], -1)[:3]
    return Watch(
        community_id=stored["community"],
        first=first,
        newest=newest,
        told_at=told_at,
        heard_at=heard_at,
        meters=stored["meters"],
        judged=judged,
        minutes={
            minute: Told(version, frozenset(missing))
            for minute, version, missing in stored["minutes"]
        },
        failures={
            Refused(rule, meter): Failures(
                dict(zip(rest[::2], rest[1::2], strict=True)), floor, bad_until, seen
            )
            for rule, meter, floor, bad_until, seen, *rest in stored["failures"]
        },
        tickets={
            Cause(MalfunctionKind(kind), rule, meter): _ticket(row)
            for kind, rule, meter, *row in stored["tickets"]
        },
        refusals_until=refusals_until,
        commands_until=commands_until,
        verdicts_until=verdicts_until,
        untold=tuple(Malfunction.model_validate(told) for told in stored["untold"]),
    )


def load(store: Store) -> Mapping[str, Watch]:
    """Return the watches of a partition.

    Raises:
        SchemaError: If a later version wrote them.
    """
    watches = {}
    for community_key, data in store.items(b"", prefix=b""):
        if not community_key.startswith(b"__faust\0"):
            watches[community_key.decode()] = decode(data)
    return watches


def _flat(failures: Failures) -> list[int]:
    return [number for pair in failures.minutes.items() for number in pair]


def _row(ticket: Ticket) -> list[object]:
    return [
        ticket.ticket_id,
        ticket.since,
        ticket.opened_at,
        ticket.step,
        ticket.state,
        ticket.technician_id,
        ticket.reminded,
        ticket.closed_at,
    ]


def _ticket(row: list[Any]) -> Ticket:
    ticket_id, since, opened_at, step, state, technician_id, reminded, closed_at = row
    return Ticket(
        ticket_id,
        since,
        opened_at,
        step,
        TicketState(state),
        technician_id,
        reminded,
        closed_at,
    )
