"""The tickets in ClickHouse against what really went wrong."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client


@dataclass(frozen=True, order=True)
class Opened:
    """What a ticket is about; no meters: the whole terminal."""

    kind: str
    community_id: str
    meters: tuple[str, ...] = ()


def opened(client: Client, database: str) -> Counter[Opened]:
    """Count how often each cause was told, opened for the first time or again."""
    query = (
        f"SELECT kind, community_id, meter_id FROM {database}.ticket_steps "  # noqa: S608 - ours
        f"WHERE event IN ('opened', 'reopened')"
    )
    return Counter(
        Opened(kind, community, tuple(meters))
        for kind, community, meters in client.query(query).result_rows
    )


def false_tickets(client: Client, database: str, wrong: Iterable[Opened]) -> Counter[Opened]:
    """Count the tickets with nothing of `wrong` behind them, and those opened more than once."""
    return opened(client, database) - Counter(set(wrong))
