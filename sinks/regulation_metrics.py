"""What operators see of regulation; delivery's own metrics are in `streams.delivery.metrics`."""

from collections.abc import Iterable
from contextlib import suppress

from prometheus_client import Counter, Gauge

from schemas.regulation import AckOutcome, RegulationMinute, SwitchReason, SwitchState
from sinks.table_metrics import forget_tables
from streams.domain.regulation_communities import Step

DIRECTIVES = Counter(
    "smatrix_regulation_directives_total",
    "Directives sent, further versions of them included.",
    ["state", "reason"],
)
REPEATED = Counter(
    "smatrix_regulation_directives_repeated_total",
    "Of them further versions: renewed, or sent again since nobody answered.",
)
ANSWERS = Counter("smatrix_regulation_answers_total", "Directives answered.", ["outcome"])
BROKEN = Counter(
    "smatrix_regulation_invariants_broken_total",
    "Directives that would have broken a rule that always holds; not sent.",
)
LET_GO = Counter(
    "smatrix_regulation_let_go_total", "Times that a community's switches were given back as stale."
)
TOO_OLD = Counter(
    "smatrix_regulation_too_old_total", "Minutes that were too old when read to steer by."
)
OVERLOADED = Counter(
    "smatrix_regulation_overloaded_minutes_total", "Minutes of communities above their limit."
)
MALFORMED = Counter(
    "smatrix_regulation_malformed_messages_total",
    "Messages that could not be read; left out.",
    ["topic"],
)
AGE = Gauge(
    "smatrix_regulation_input_age_seconds",
    "Since when the steered community that waits longest has told no minute.",
    ["partition"],
)
NOT_STEERED = Gauge(
    "smatrix_regulation_not_steered",
    "Communities whose inputs are too old: their switches are AUTO.",
    ["partition"],
)
OFF = Gauge("smatrix_regulation_switches_off", "Switches that are off.", ["partition"])

_GAUGES = (AGE, NOT_STEERED, OFF)


def declare(topics: Iterable[str]) -> None:
    """Let the counters of all reasons, outcomes and topics begin at 0: a rate needs a beginning."""
    for topic in topics:
        MALFORMED.labels(topic)
    for reason in SwitchReason:
        is_off = reason in {SwitchReason.CONNECTION_LIMIT, SwitchReason.GRID_DEFICIT}
        DIRECTIVES.labels(SwitchState.OFF if is_off else SwitchState.AUTO, reason)
    for outcome in AckOutcome:
        ANSWERS.labels(outcome)


def count(step: Step) -> None:
    """Add what a batch has caused to the counters."""
    for directive in step.directives:
        DIRECTIVES.labels(directive.state, directive.reason).inc()
        if directive.version > 1:
            REPEATED.inc()
    for outcome, answers in step.acknowledged.items():
        ANSWERS.labels(outcome).inc(answers)
    BROKEN.inc(len(step.broken))
    LET_GO.inc(len(step.let_go))
    TOO_OLD.inc(step.too_old)
    OVERLOADED.inc(sum(map(_is_overloaded, step.told)))


def show(partition: str, *, age_s: float, not_steered: int, off: int) -> None:
    """Show how a partition stands."""
    for gauge, value in zip(_GAUGES, (age_s, not_steered, off), strict=True):
        gauge.labels(partition).set(value)


def forget(partition: str, tables: Iterable[str]) -> None:
    """Take back the figures of a partition that another worker has now."""
    for gauge in _GAUGES:
        with suppress(KeyError):
            gauge.remove(partition)
    forget_tables(tables, partition)


def _is_overloaded(told: RegulationMinute) -> bool:
    return told.limit_w is not None and told.load_w > told.limit_w
