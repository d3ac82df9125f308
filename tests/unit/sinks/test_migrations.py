import asyncio
import dataclasses

import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from sinks.clickhouse.client import connect
from sinks.clickhouse.migrations import MigrationError, migrate, migrations, statements
from streams.settings import Settings

PUBLIC = {
    "household_quarter_hours",
    "household_hours",
    "household_days",
    "household_months",
    "community_quarter_hours",
    "community_hours",
    "community_days",
    "community_months",
    "grid_quarter_hours",
    "grid_hours",
    "grid_days",
    "grid_months",
    "community_quarter_hour_versions",
    "community_minutes",
    "reading_edits",
    "rejected_readings",
    "reading_verdicts",
    "battery_directives",
    "battery_fleet_quarter_hours",
    "charge_directives",
    "charge_plans",
    "charge_promises",
    "ev_sessions",
    "prices",
    "regulation_minutes",
    "switch_directive_versions",
    "switch_directives",
    "validated_quarter_hours",
    "validated_days",
    "validated_months",
    "validated_community_quarter_hours",
    "grid_minutes",
    "plant_minutes",
    "production_order_versions",
    "production_orders",
    "plant_obedience",
    "production_plans",
    "shed_orders",
    "autarky_changes",
    "tickets",
    "ticket_steps",
    "notifications",
    "grid_minute_versions",
    "registry_persons",
    *(
        f"registry_{kind}{at}"
        for kind in ("communities", "households", "plants", "technicians")
        for at in ("", "_at")
    ),
    *(
        f"{who}_autarky_{span}"
        for who in ("household", "community", "grid")
        for span in ("quarter_hours", "days", "months")
    ),
}

STAYING = {
    "schema_migrations",
    "edited_readings",
    "reprocessed_readings",
    *(
        f"registered_{kind}"
        for kind in ("communities", "households", "plants", "technicians", "persons")
    ),
}


async def _column(client: AsyncClient, query: str) -> list[object]:
    return [row[0] for row in (await client.query(query)).result_rows]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        (" ; ;\n", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT 'a;''b\\';'; SELECT 2", ["SELECT 'a;''b\\';'", "SELECT 2"]),
        ('SELECT `a;`, "b;"', ['SELECT `a;`, "b;"']),
        ("-- it's; so\nSELECT 6 - 4 / 2", ["SELECT 6 - 4 / 2"]),
        ("SELECT 1 /* it's;\n */ + 2", ["SELECT 1   + 2"]),
        ("SELECT '--', '/*'; SELECT '*/'", ["SELECT '--', '/*'", "SELECT '*/'"]),
    ],
)
def test_only_a_semicolon_between_statements_parts_them(sql: str, expected: list[str]) -> None:
    assert list(statements(sql)) == expected


@given(texts=st.lists(st.text(alphabet=";-/*'`\"\\ \na"), min_size=1))
def test_quoted_text_is_never_split(texts: list[str]) -> None:
    quoted = ["SELECT '" + text.replace("\\", "\\\\").replace("'", "''") + "'" for text in texts]

    assert list(statements(";".join(quoted))) == quoted


def test_the_files_are_numbered_without_a_gap() -> None:
    numbers = [int(migration.name[:4]) for migration in migrations()]

    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_new_database_gets_every_public_view(
    client: AsyncClient, new_database: Settings
) -> None:
    await migrate(client, new_database.clickhouse_database, ttl_days=0)

    views = await _column(
        client,
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'",
    )
    assert set(views) == PUBLIC


async def test_a_second_start_changes_nothing(client: AsyncClient, new_database: Settings) -> None:
    await migrate(client, new_database.clickhouse_database, ttl_days=0)

    await migrate(client, new_database.clickhouse_database, ttl_days=0)

    assert await _column(client, "SELECT name FROM schema_migrations ORDER BY name") == [
        migration.name for migration in migrations()
    ]


async def test_workers_may_start_together(new_database: Settings) -> None:
    clients = [await connect(new_database) for _ in range(3)]

    await asyncio.gather(
        *(migrate(client, new_database.clickhouse_database, ttl_days=30) for client in clients)
    )

    names = await _column(clients[0], "SELECT DISTINCT name FROM schema_migrations ORDER BY name")
    assert names == [migration.name for migration in migrations()]
    for client in clients:
        await client.close()


async def test_a_file_that_was_changed_after_it_was_applied_is_refused(
    client: AsyncClient, new_database: Settings
) -> None:
    database = new_database.clickhouse_database
    await migrate(client, database, ttl_days=0)
    first, *others = migrations()
    changed = dataclasses.replace(first, sql=first.sql + "SELECT 1;")

    with pytest.raises(MigrationError, match=rf"{first.name}\.sql was changed .* new file$"):
        await migrate(client, database, ttl_days=0, files=[changed, *others])


async def test_a_start_that_broke_off_is_finished_by_the_next(
    client: AsyncClient, new_database: Settings
) -> None:
    database = new_database.clickhouse_database
    first, *others = migrations()
    broken = dataclasses.replace(first, sql=first.sql + "SELECT no_such_column;")
    with pytest.raises(Exception, match="no_such_column"):
        await migrate(client, database, ttl_days=0, files=[broken, *others])

    await migrate(client, database, ttl_days=0)

    assert len(await _column(client, "SELECT name FROM schema_migrations")) == len(migrations())


async def test_history_expires_after_the_days_that_are_set(
    client: AsyncClient, new_database: Settings
) -> None:
    database = new_database.clickhouse_database
    expiring = (
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND engine_full LIKE '%toIntervalDay({})%' ORDER BY name"
    )
    there = (
        "SELECT name FROM system.tables "
        "WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
    )
    await migrate(client, database, ttl_days=400)
    kept_for_400_days = await _column(client, expiring.format(400))

    await migrate(client, database, ttl_days=500)
    kept_for_500_days = await _column(client, expiring.format(500))

    await migrate(client, database, ttl_days=0)

    assert kept_for_400_days == kept_for_500_days
    assert set(kept_for_500_days) == set(await _column(client, there)) - STAYING
    assert await _column(client, expiring.format("%")) == []
