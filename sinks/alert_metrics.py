"""What operators see of autarky; delivery's own metrics are in `streams.delivery.metrics`."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from prometheus_client import Counter, Gauge

from schemas.autarky import AutarkyState
from sinks.table_metrics import forget_tables
from streams.domain.autarky_communities import Step
from streams.domain.autarky_periods import COMMUNITY

SUBJECTS: Final = ("household", "community")

PERIODS = Counter("smatrix_autarky_periods_total", "Community periods judged, also again.")
CHANGES = Counter(
    "smatrix_autarky_changes_total", "Changes of state told.", ["subject", "to_state"]
)
WITHDRAWN = Counter(
    "smatrix_autarky_changes_withdrawn_total", "Changes that corrections took back.", ["subject"]
)
NOTICES = Counter(
    "smatrix_autarky_notices_total", "Changes that are news to people.", ["subject", "to_state"]
)
TOO_OLD = Counter(
    "smatrix_autarky_too_old_total", "Periods told after they could still be judged again."
)
MALFORMED = Counter(
    "smatrix_alerts_malformed_messages_total", "Messages that are no closed periods; left out."
)
STATES = Gauge(
    "smatrix_autarky_states",
    "Households and communities in each state.",
    ["partition", "subject", "state"],
)


def declare() -> None:
    """Let the counters of all states begin at 0, so that their first growth is seen."""
    for subject in SUBJECTS:
        WITHDRAWN.labels(subject)
        for state in AutarkyState:
            CHANGES.labels(subject, state)
            NOTICES.labels(subject, state)


def count(step: Step) -> None:
    """Add what a batch has caused to the counters."""
    PERIODS.inc(len(step.verdicts))
    TOO_OLD.inc(step.too_old)
    for _, changes in step.changes.values():
        for told in changes:
            subject = _word(is_community=told.subject == COMMUNITY)
            if told.withdrawn:
                WITHDRAWN.labels(subject).inc()
            else:
                CHANGES.labels(subject, told.change.to_state).inc()
            if told.notice is not None:
                NOTICES.labels(subject, told.notice).inc()


def show_states(partition: str, states: Mapping[tuple[bool, AutarkyState], int]) -> None:
    """Show how many subjects of a partition are in each state."""
    for is_community in (False, True):
        for state in AutarkyState:
            gauge = STATES.labels(partition, _word(is_community=is_community), state)
            gauge.set(states.get((is_community, state), 0))


def forget(partition: str, tables: Iterable[str]) -> None:
    """Take back the figures of a partition that another worker has now."""
    for subject in SUBJECTS:
        for state in AutarkyState:
            with suppress(KeyError):
                STATES.remove(partition, subject, state)
    forget_tables(tables, partition)


def _word(*, is_community: bool) -> str:
    return SUBJECTS[is_community]
