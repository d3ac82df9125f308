from datetime import UTC, datetime

from clickhouse_connect.driver.asyncclient import AsyncClient

from schemas.malfunction import Malfunction, TicketEvent, TicketState
from schemas.units import LATEST_MINUTE, MINUTE_S
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.malfunction_rows import malfunction_rows
from tests.unit.sinks.messages import NOON, a_step


async def keep(sink: Sink, *steps: Malfunction) -> None:
    for step in steps:
        for batch in malfunction_rows([step.model_dump_json().encode()]).batches:
            await sink.insert(batch)


def utc(time: int) -> datetime:
    """Return an instant as clickhouse-connect does: in UTC, and without saying so."""
    return datetime.fromtimestamp(time, UTC).replace(tzinfo=None)


async def test_a_ticket_stands_where_its_last_step_has_left_it(
    sink: Sink, client: AsyncClient
) -> None:
    opened = a_step(1)
    assigned = a_step(2, TicketEvent.ASSIGNED, TicketState.ASSIGNED, technician="t1", at=NOON + 240)
    reminded = a_step(
        3, TicketEvent.REMINDED, TicketState.ASSIGNED, technician="t1", at=NOON + 3_780
    )
    resolved = a_step(
        4,
        TicketEvent.RESOLVED,
        TicketState.RESOLVED,
        technician="t1",
        by="alice",
        at=NOON + 4_000 - 40,
        reason="new fuse",
    )

    # In no order, and some of them twice.
    await keep(sink, reminded, opened, resolved, assigned, opened, resolved)

    (ticket,) = (await client.query("SELECT * FROM tickets")).named_results()
    assert (ticket["state"], ticket["technician_id"], ticket["steps"]) == ("resolved", "t1", 4)
    assert (ticket["opened_at"], ticket["ended_at"]) == (utc(NOON + 180), utc(NOON + 3_960))
    assert (ticket["reminders"], ticket["last_reason"]) == (1, "new fuse")
    found = await client.query("SELECT step, operator FROM ticket_steps ORDER BY step")
    assert list(found.result_rows) == [(1, None), (2, None), (3, None), (4, "alice")]


async def test_a_ticket_that_is_open_has_no_end_and_one_of_nobody_no_technician(
    sink: Sink, client: AsyncClient
) -> None:
    await keep(
        sink,
        a_step(1, state=TicketState.ASSIGNED, technician="t1", meters=()),
        a_step(2, TicketEvent.CLEARED, TicketState.RESOLVED, technician="t1", meters=()),
        a_step(3, TicketEvent.REOPENED, TicketState.OPEN, meters=()),
    )

    (ticket,) = (await client.query("SELECT * FROM tickets")).named_results()

    assert (ticket["state"], ticket["ended_at"], ticket["technician_id"]) == ("open", None, None)
    assert (ticket["meter_id"], ticket["reopened"]) == ([], 1)


def test_what_is_no_step_is_named_and_the_rest_is_kept() -> None:
    late = a_step().model_copy(update={"at": LATEST_MINUTE + MINUTE_S})

    decoded = malfunction_rows(
        [a_step().model_dump_json().encode(), b"{}", None, late.model_dump_json().encode()]
    )

    assert [bad.index for bad in decoded.malformed] == [1, 2, 3]
    assert decoded.malformed[2].reason.startswith("at: ")
    assert [len(batch) for batch in decoded.batches] == [1]
