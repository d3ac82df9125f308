"""The tickets in ClickHouse against what really went wrong."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from clickhouse_connect.driver.client import Client

from load_generator.breakdowns import Suspect

_SILENCES: Final = frozenset({"meter_silent", "terminal_silent"})


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


@dataclass(frozen=True, slots=True)
class Opening:
    """A ticket that was opened, or opened again; times are event time, epoch seconds.

    Attributes:
        ticket_id: Which.
        about: What it is about.
        since: The first minute at which it was wrong.
        at: When it was opened.
        cleared_at: When good readings cleared it; None: they did not.
    """

    ticket_id: str
    about: Opened
    since: int
    at: int
    cleared_at: int | None

    def is_about(self, suspect: Suspect) -> bool:
        """Say whether it can be about a suspect: where it is, and when."""
        kind, community, meters = self.about.kind, self.about.community_id, self.about.meters
        if community != suspect.community_id:
            return False
        if self.since >= suspect.end or self.at <= suspect.first_minute:
            return False
        if suspect.meter_id is None:
            return kind in _SILENCES
        return kind == suspect.kind and (not meters or suspect.meter_id in meters)


@dataclass(frozen=True, kw_only=True)
class TicketCheck:
    """The tickets of a simulated run against what broke down in it.

    Attributes:
        breakdowns: All that must have a ticket, in the order of time, each with its first ticket.
        opened: How often any ticket was opened, or opened again.
        false: A line for people on each ticket that nothing in the run explains.
    """

    breakdowns: Sequence[tuple[Suspect, Opening | None]]
    opened: int
    false: tuple[str, ...]

    @property
    def missed(self) -> list[str]:
        """A line for people on each breakdown without a ticket, or whose ticket is not cleared."""
        return [
            f"{suspect.kind} of {suspect.meter_id or suspect.community_id} from "
            f"{suspect.first_minute} to {suspect.end}: "
            f"{'no ticket' if ticket is None else f'{ticket.ticket_id} was not cleared'}"
            for suspect, ticket in self.breakdowns
            if ticket is None or ticket.cleared_at is None
        ]


def check_tickets(client: Client, database: str, suspects: Sequence[Suspect]) -> TicketCheck:
    """Hold the tickets in ClickHouse against what a run's tickets can be about."""
    return judge_openings(_openings(client, database), suspects)


def judge_openings(openings: Sequence[Opening], suspects: Sequence[Suspect]) -> TicketCheck:
    """Hold tickets, in the order of time, against what they can be about."""
    certain = sorted(
        (suspect for suspect in suspects if suspect.is_certain), key=lambda one: one.first_minute
    )
    return TicketCheck(
        breakdowns=[
            (suspect, next((one for one in openings if one.is_about(suspect)), None))
            for suspect in certain
        ],
        opened=len(openings),
        false=tuple(
            f"{one.ticket_id}: {one.about.kind} of "
            f"{', '.join(one.about.meters) or one.about.community_id} since {one.since}, opened "
            f"at {one.at}"
            for one in openings
            if not any(one.is_about(suspect) for suspect in suspects)
        ),
    )


def _openings(client: Client, database: str) -> list[Opening]:
    query = (
        "SELECT ticket_id, event::String, kind::String, community_id::String, meter_id, "  # noqa: S608 - ours
        "toUnixTimestamp(since), toUnixTimestamp(at) "
        f"FROM {database}.ticket_steps ORDER BY ticket_id, step"
    )
    openings: list[Opening] = []
    for ticket, event, kind, community, meters, since, at in client.query(query).result_rows:
        if event in {"opened", "reopened"}:
            about = Opened(kind, community, tuple(meters))
            openings.append(Opening(ticket, about, since, at, None))
        elif event == "cleared":
            openings[-1] = replace(openings[-1], cleared_at=at)
    return sorted(openings, key=lambda one: one.at)
