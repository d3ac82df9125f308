"""What operators see of validation; delivery's own metrics are in `streams.delivery.metrics`."""

from collections.abc import Iterable
from contextlib import suppress

from prometheus_client import Counter, Gauge

from sinks.table_metrics import forget_tables
from streams.domain.validated_periods import Step
from streams.domain.vee import VERDICTS, rules_in

PERIODS = Counter("smatrix_validation_periods_total", "Periods of communities judged, also again.")
VERDICT_COUNT = Counter(
    "smatrix_validation_verdicts_total",
    "Readings that a rule spoke up at, also again.",
    ["rule", "verdict"],
)
REPLACED = Counter(
    "smatrix_validation_replaced_minutes_total",
    "Minutes of households for which something else than the reading was told, also again.",
    ["quality"],
)
MALFORMED = Counter(
    "smatrix_validation_malformed_messages_total",
    "Messages that are no readings or no registered entries; left out.",
)
METERS = Gauge("smatrix_validation_meters", "Meters remembered.", ["partition"])


def count(step: Step) -> None:
    """Add what a batch has caused to the counters."""
    PERIODS.inc(len(step.periods))
    for flags, readings in step.flags.items():
        for rule in rules_in(flags):
            VERDICT_COUNT.labels(rule, VERDICTS[rule]).inc(readings)
    for figures in step.figures:
        for quality, minutes in (
            ("substituted", figures.substituted_minutes),
            ("estimated", figures.estimated_minutes),
            ("missing", figures.missing_minutes),
        ):
            REPLACED.labels(quality).inc(int(minutes.sum()))


def forget(partition: str, tables: Iterable[str]) -> None:
    """Take back the figures of a partition that another worker has now."""
    with suppress(KeyError):
        METERS.remove(partition)
    forget_tables(tables, partition)
