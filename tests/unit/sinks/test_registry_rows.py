"""What is registered, into ClickHouse; and persons out of it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from schemas.persons import Person
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.registry_rows import (
    registered_community_rows,
    registered_household_rows,
    registered_person_rows,
    registered_plant_rows,
    registered_technician_rows,
)
from sinks.clickhouse.rows import Decoded
from streams.domain.registry import Entry, erased
from tests.registered import (
    DAWN,
    IBAN,
    a_community,
    a_household,
    a_person,
    a_plant,
    a_technician,
)

Decode = Callable[[Sequence[bytes | None]], Decoded]
DECODE: dict[str, Decode] = {
    "Community": registered_community_rows,
    "Household": registered_household_rows,
    "Person": registered_person_rows,
    "Plant": registered_plant_rows,
    "Technician": registered_technician_rows,
}
HOUR_S = 3_600


async def keep(sink: Sink, *entries: Entry) -> None:
    """Do what history does with the records of these entries."""
    for entry in entries:
        decoded = DECODE[type(entry).__name__]([entry.model_dump_json().encode()])
        assert not decoded.malformed
        for batch in decoded.batches:
            await sink.insert(batch)
        for erasure in decoded.erasures:
            await sink.erase(erasure)


async def ask(client: AsyncClient, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in (await client.query(query)).result_rows]


async def test_the_last_version_of_everything_is_there(sink: Sink, client: AsyncClient) -> None:
    await keep(
        sink,
        a_community(version=5, name="Meadow"),
        a_community(version=4, name="before"),
        a_household(pv_peak_w=5_000, customer_id="p1"),
        a_plant(minimum_w=10),
        a_technician(community_id="c1"),
        a_person(iban=IBAN),
    )

    assert await ask(
        client, "SELECT community_id, name, zone, connection_limit_w FROM registry_communities"
    ) == [("c1", "Meadow", "Europe/Berlin", 250_000)]
    assert await ask(
        client,
        "SELECT household_id, meter_id, customer_id, pv_peak_w, battery_wh, "
        "toUnixTimestamp(valid_from), valid_to FROM registry_households",
    ) == [("h1", "m1", "p1", 5_000, None, DAWN, None)]
    assert await ask(client, "SELECT plant_id, source, minimum_w FROM registry_plants") == [
        ("w1", "wind", 10)
    ]
    assert await ask(client, "SELECT technician_id, community_id FROM registry_technicians") == [
        ("p1", "c1")
    ]
    assert await ask(client, "SELECT person_id, name, email, iban FROM registry_persons") == [
        ("p1", "Erika Mustermann", "erika@example.org", IBAN)
    ]


async def test_who_was_in_a_community_is_asked_with_a_time(sink: Sink, client: AsyncClient) -> None:
    moves = DAWN + HOUR_S
    await keep(
        sink,
        a_household(version=2, valid_to=moves),
        a_household(community_id="c2", valid_from=moves),
        a_household("h2", valid_to=DAWN),
    )

    async def communities_at(minute: int) -> list[tuple[Any, ...]]:
        query = f"SELECT household_id, community_id FROM registry_households_at(at = {minute})"  # noqa: S608 - our own
        return await ask(client, query)

    assert await communities_at(moves - 60) == [("h1", "c1")]
    assert await communities_at(moves) == [("h1", "c2")]
    assert await communities_at(DAWN - 60) == []


async def test_an_erasure_leaves_the_id_and_its_neighbours(sink: Sink, client: AsyncClient) -> None:
    erika = a_person(iban=IBAN, language="fr", version=7)

    await keep(sink, erika, a_person("p2", name="Max", language="fr"), erased(erika, now_ms=8))

    assert await ask(client, "SELECT * FROM registered_persons ORDER BY person_id") == [
        ("p1", 8, True, None, None, None, None, "en"),
        ("p2", 1, False, "Max", "erika@example.org", None, None, "fr"),
    ]
    assert await ask(client, "SELECT person_id FROM registry_persons") == [("p2",)]


async def test_a_repetition_of_what_was_before_an_erasure_shows_nothing(
    sink: Sink, client: AsyncClient
) -> None:
    erika = a_person(version=7)
    gone = erased(erika, now_ms=8)

    await keep(sink, erika, gone, erika)
    assert await ask(client, "SELECT person_id FROM registry_persons") == []

    await keep(sink, gone)
    assert await ask(client, "SELECT name FROM registered_persons FINAL") == [(None,)]
    assert await ask(client, "SELECT count() FROM registered_persons WHERE name != ''") == [(0,)]


@pytest.mark.parametrize("decode", DECODE.values(), ids=DECODE.keys())
@given(message=st.binary() | st.text().map(str.encode))
def test_no_message_stops_history(decode: Decode, message: bytes) -> None:
    decoded = decode([message, None])

    assert len(decoded.malformed) == 2


def test_what_is_said_of_a_malformed_person_has_nothing_of_them() -> None:
    wrong = Person.model_construct(
        person_id="p1", version=1, name="Erika Mustermann", email="erika", iban="DE00 Heidestraße"
    )

    (verdict,) = registered_person_rows([wrong.model_dump_json().encode()]).malformed

    assert "email" in verdict.reason
    assert "erika" not in verdict.reason
