"""The database's schema: the numbered files in ddl/, each applied once."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

from clickhouse_connect.driver.asyncclient import AsyncClient

_TOKEN: Final = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<end> ; )
    | ' (?: [^'\\] | \\. )* '
    | ` (?: [^`\\] | \\. )* `
    | " (?: [^"\\] | \\. )* "
    | [^;'`"/-]+
    | .
    """,
    re.VERBOSE | re.DOTALL,
)

_RECORD: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    name String,
    checksum String,
    applied_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY (name, checksum)
"""

EXPIRES_BY: Final = {
    "household_intervals": "period_start",
    "community_intervals": "period_start",
    "community_interval_versions": "period_start",
    "community_minute_sums": "minute",
    "rejections": "toDateTime(received_at)",
    "validated_household_intervals": "period_start",
    "period_verdicts": "period_start",
    "autarky_household_intervals": "period_start",
    "autarky_community_intervals": "period_start",
    "autarky_told_changes": "period_start",
    "malfunction_steps": "at",
    "grid_minute_sums": "minute",
    "told_grid_minute_versions": "minute",
    "plant_minute_readings": "minute",
    "told_production_orders": "valid_from",
    "told_production_order_versions": "valid_from",
    "told_production_plans": "plan_start",
    "told_shed_orders": "minute",
    "told_notification_states": "at",
    "told_charge_directives": "valid_from",
    "told_charge_promises": "minute",
    "told_charge_plans": "period_start",
    "rejected_ev_sessions": "toDateTime(received_at)",
    "told_switch_directives": "minute",
    "told_directive_acks": "minute",
    "told_regulation_minutes": "minute",
    "battery_told_directives": "valid_from",
    "told_prices": "period_start",
}
"""What the age of a row is counted from, for each table that grows with time.

What is registered stays, and so do `edited_readings`, who put which reading right and why, and
`reprocessed_readings`, which are few and keep what was sent again from being sent once more.
"""


class MigrationError(Exception):
    """The database and the files in ddl/ can't both be right; the text is for the operator."""


@dataclass(frozen=True)
class Migration:
    """One file of ddl/."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> tuple[Migration, ...]:
    """Return all migrations, in the order in which they are applied."""
    files = (
        Migration(name=file.name.removesuffix(".sql"), sql=file.read_text(encoding="utf-8"))
        for file in resources.files("sinks.clickhouse").joinpath("ddl").iterdir()
        if file.name.endswith(".sql")
    )
    return tuple(sorted(files, key=lambda migration: migration.name))


def statements(sql: str) -> Iterator[str]:
    """Yield each statement of a file, without its comments and its semicolon.

    >>> list(statements("SELECT ';'; /* not; here */ SELECT 2 -- nor; here"))
    ["SELECT ';'", 'SELECT 2']
    """
    statement = ""
    for token in _TOKEN.finditer(sql):
        if token["end"]:
            if statement.strip():
                yield statement.strip()
            statement = ""
        else:
            statement += " " if token["comment"] else token[0]
    if statement.strip():
        yield statement.strip()


async def migrate(
    client: AsyncClient,
    database: str,
    ttl_days: int,
    *,
    files: Sequence[Migration] | None = None,
) -> None:
    """Bring a database to the schema of this version, and make it the client's database.

    ClickHouse has no transactions: every statement may be run again, and a file is recorded after
    its last one. So a start that broke off is finished by the next, and workers that start
    together do no harm to one another. Files that a newer version has applied are left alone.

    Args:
        client: any client that may create databases, tables and views.
        database: its name.
        ttl_days: ClickHouse drops a month of history when all of it is older; 0 keeps everything.
        files: what to apply; by default, the files in ddl/.

    Raises:
        MigrationError: If a file has changed since it was applied to this database.
    """
    await client.command(f"CREATE DATABASE IF NOT EXISTS `{database}`", use_database=False)
    client.database = database
    await client.command(_RECORD)
    recorded = await client.query("SELECT name, checksum FROM schema_migrations")
    applied = {str(name): str(checksum) for name, checksum in recorded.result_rows}
    files = migrations() if files is None else files
    for file in files:
        if applied.get(file.name, file.checksum) != file.checksum:
            raise MigrationError(
                f"{file.name}.sql was changed after it had been applied to the database "
                f"{database}: restore it, and put the change into a new file"
            )
    for file in files:
        if file.name in applied:
            continue
        for statement in statements(file.sql):
            await client.command(statement)
        await client.command(
            "INSERT INTO schema_migrations (name, checksum) "
            "SELECT {name:String}, {checksum:String}",
            parameters={"name": file.name, "checksum": file.checksum},
        )
    for table, age_from in EXPIRES_BY.items():
        await _expire(client, table, age_from, ttl_days)


async def _expire(client: AsyncClient, table: str, age_from: str, ttl_days: int) -> None:
    engine = str(
        await client.command(
            "SELECT engine_full FROM system.tables "
            "WHERE database = currentDatabase() AND name = {table:String}",
            parameters={"table": table},
        )
    )
    wanted = f"TTL {age_from} + toIntervalDay({ttl_days})"
    if ttl_days and wanted not in engine:
        await client.command(f"ALTER TABLE {table} MODIFY {wanted}")
    if not ttl_days and " TTL " in engine:
        await client.command(f"ALTER TABLE {table} REMOVE TTL")
