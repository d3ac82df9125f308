"""What operators see of malfunctions; delivery's own metrics are in `streams.delivery.metrics`."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from prometheus_client import Counter, Gauge

from schemas.malfunction import MalfunctionKind, TicketEvent
from sinks.table_metrics import forget_tables
from streams.domain.malfunction_communities import Step

STEPS = Counter(
    "smatrix_malfunction_steps_total", "Steps in the life of tickets told.", ["kind", "event"]
)
UNFOUNDED = Counter(
    "smatrix_malfunction_unfounded_total", "Suspicions of silence that a proof has ended."
)
DISOBEYED = Counter(
    "smatrix_malfunction_disobeyed_total", "Orders about tickets that could not be obeyed."
)
MALFORMED = Counter(
    "smatrix_malfunction_malformed_messages_total",
    "Messages that could not be read; left out.",
    ["topic"],
)
OPEN = Gauge("smatrix_malfunction_open_tickets", "Open tickets.", ["partition", "kind"])
AWAITING_PROOF = Gauge(
    "smatrix_malfunction_awaiting_proof",
    "Communities whose silence is suspected and not proven.",
    ["partition"],
)


def declare(topics: Iterable[str]) -> None:
    """Let the counters of all steps and topics begin at 0, so that their first growth is seen."""
    for topic in topics:
        MALFORMED.labels(topic)
    for kind in MalfunctionKind:
        for event in TicketEvent:
            STEPS.labels(kind, event)


def count(step: Step) -> None:
    """Add what a batch has caused to the counters."""
    for told in step.told:
        STEPS.labels(told.kind, told.event).inc()
    UNFOUNDED.inc(step.unfounded)
    DISOBEYED.inc(len(step.disobeyed))


def show(partition: str, tickets: Mapping[MalfunctionKind, int], *, awaiting: int) -> None:
    """Show what is open in a partition, and what waits."""
    AWAITING_PROOF.labels(partition).set(awaiting)
    for kind in MalfunctionKind:
        OPEN.labels(partition, kind).set(tickets.get(kind, 0))


def forget(partition: str, tables: Iterable[str]) -> None:
    """Take back the figures of a partition that another worker has now."""
    with suppress(KeyError):
        AWAITING_PROOF.remove(partition)
    for kind in MalfunctionKind:
        with suppress(KeyError):
            OPEN.remove(partition, kind)
    forget_tables(tables, partition)
