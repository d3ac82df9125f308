"""What `smatrix tickets` finds in ClickHouse, and what it says where there is nothing to do."""

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client
from typer.testing import CliRunner

from deploy.cli.check import connect
from deploy.cli.tickets import tickets as command
from deploy.tickets.history import TicketError, require_technician, steps, ticket, tickets
from schemas.malfunction import Malfunction, MalfunctionKind, TicketEvent, TicketState
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.malfunction_rows import malfunction_rows
from streams.settings import Settings
from tests.unit.sinks.messages import NOON, a_step

OPEN, ASSIGNED, RESOLVED = TicketState
STEPS = (
    a_step(1, ticket="t-old", at=NOON + 60),
    a_step(2, TicketEvent.RESOLVED, RESOLVED, ticket="t-old", at=NOON + 120, by="alice"),
    a_step(1, ticket="t-mine", state=ASSIGNED, technician="p1", community="c2", at=NOON + 180),
    a_step(1, ticket="t-open", kind=MalfunctionKind.CLOCK, meters=(), at=NOON + 240),
)


@pytest.fixture
def reader(settings: Settings) -> Iterator[Client]:
    client = connect(settings)
    yield client
    client.close()


async def keep(sink: Sink, told: tuple[Malfunction, ...]) -> None:
    for batch in malfunction_rows([step.model_dump_json().encode() for step in told]).batches:
        await sink.insert(batch)


async def test_tickets_are_chosen_by_state_community_technician_and_kind(
    sink: Sink, reader: Client, settings: Settings
) -> None:
    await keep(sink, STEPS)
    database, every = settings.clickhouse_database, (OPEN, ASSIGNED, RESOLVED)

    def chosen(states: tuple[str, ...] = every, **wanted: str) -> list[str]:
        found = tickets(reader, database, states=states, **wanted)  # type: ignore[arg-type] # by name
        return [row["ticket_id"] for row in found]

    assert chosen() == ["t-open", "t-mine", "t-old"]
    assert chosen((OPEN, ASSIGNED)) == ["t-open", "t-mine"]
    assert chosen(community="c2") == chosen(technician="p1") == ["t-mine"]
    assert chosen(kind="clock") == ["t-open"]
    assert chosen(kind="clock", community="c2") == []


async def test_a_ticket_comes_with_its_steps_and_one_that_is_not_there_with_what_to_do(
    sink: Sink, reader: Client, settings: Settings
) -> None:
    await keep(sink, STEPS)
    database = settings.clickhouse_database

    found = [(row["step"], row["operator"]) for row in steps(reader, database, "t-old")]

    assert ticket(reader, database, "t-old")["state"] == RESOLVED
    assert found == [(1, None), (2, "alice")]
    with pytest.raises(TicketError, match="no ticket t-none; `smatrix tickets list`"):
        ticket(reader, database, "t-none")
    with pytest.raises(TicketError, match="there is no technician p9"):
        require_technician(reader, database, "p9")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--state", "broken"], "--state broken is not one of: open, assigned, resolved"),
        (["list", "--kind", "mood"], "--kind mood is not one of: meter_silent"),
    ],
)
def test_a_word_that_is_none_is_named_with_those_that_are(words: list[str], said: str) -> None:
    ended = CliRunner().invoke(command, words)

    assert isinstance(ended.exception, TicketError)
    assert said in str(ended.exception)
