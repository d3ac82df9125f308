"""The tickets that a running system has opened, against what really went wrong."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from streams.settings import Settings
from tests.acceptance.running import curl


@dataclass(frozen=True, order=True)
class Opened:
    """What a ticket is about; no meters: the whole terminal."""

    kind: str
    community_id: str
    meters: tuple[str, ...] = ()


def opened(settings: Settings) -> Counter[Opened]:
    """Count how often each cause was told, opened for the first time or again."""
    rows = curl(
        settings,
        "SELECT kind, community_id, arrayStringConcat(meter_id, ',') FROM smatrix.ticket_steps "
        "WHERE event IN ('opened', 'reopened')",
    )
    return Counter(
        Opened(kind, community, tuple(meters.split(",")) if meters else ())
        for kind, community, meters in rows
    )


def false_tickets(settings: Settings, wrong: Iterable[Opened]) -> Counter[Opened]:
    """Count the tickets with nothing behind them, and those that were opened more than once."""
    return opened(settings) - Counter(set(wrong))
