"""Regulation as analysts find it: what was ordered and answered, and what each minute came to."""

from clickhouse_connect.driver.asyncclient import AsyncClient

from schemas.regulation import AckOutcome, DirectiveAck
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.registry_rows import registered_household_rows
from sinks.clickhouse.regulation_rows import (
    directive_ack_rows,
    regulation_minute_rows,
    switch_directive_rows,
)
from tests.registered import a_household
from tests.unit.domain.regulating import Played, an_answer, with_calm
from tests.unit.sinks.test_production_rows import as_messages, ask, keep


async def test_a_directive_stands_in_its_last_version_beside_its_answer(
    sink: Sink, client: AsyncClient
) -> None:
    played = Played(with_calm(3_600), answers=False)
    first, second, *_ = played.minute(1, 103_000).directives
    played.minute(2, 92_000)
    again = played.minute(3, 92_000).directives
    answer = an_answer(first.directive_id, first.meter_id)
    twice: list[DirectiveAck] = [answer, answer.model_copy(update={"minute": answer.minute + 60})]

    await keep(sink, switch_directive_rows(as_messages([first, second, *again, first])))
    await keep(sink, directive_ack_rows(as_messages(twice)))

    rows = await ask(
        client,
        "SELECT meter_id, version, state, reason, outcome, toUnixTimestamp(answered_at) "
        "FROM switch_directives",
    )
    assert (first.meter_id, 2, "OFF", "connection_limit", AckOutcome.OBEYED, answer.minute) in rows
    assert (second.meter_id, 2, "OFF", "connection_limit", "", None) in rows


async def test_a_minute_has_its_headroom(sink: Sink, client: AsyncClient) -> None:
    told = Played().minute(1, 103_000).told

    await keep(sink, regulation_minute_rows(as_messages([*told, *told])))

    assert await ask(
        client,
        "SELECT load_w, limit_w, headroom_w, ordered_off, meters_off FROM regulation_minutes",
    ) == [(103_000, 100_000, -3_000, 7, 7)]


async def test_who_has_something_to_switch_is_registered(sink: Sink, client: AsyncClient) -> None:
    flexible = a_household("h1", flexible_w=2_000)

    await keep(sink, registered_household_rows(as_messages([flexible, a_household("h2")])))

    assert await ask(
        client, "SELECT household_id, flexible_w FROM registry_households ORDER BY household_id"
    ) == [("h1", 2_000), ("h2", None)]


def test_what_is_no_directive_is_said() -> None:
    (malformed,) = switch_directive_rows([b'{"schema_version":1}']).malformed

    assert malformed.index == 0
