"""What operators see of metering; delivery's own metrics are in `streams.delivery.metrics`."""

from collections.abc import Iterable
from contextlib import suppress

from prometheus_client import Counter, Gauge

from sinks.table_metrics import forget_tables
from streams.domain.steps import Tally

FRAMES = Counter("smatrix_frames_total", "Frames accepted.")
READINGS = Counter("smatrix_readings_total", "Readings in accepted frames.")
REJECTIONS = Counter(
    "smatrix_rejections_total", "Frames, or parts of frames, refused by a rule.", ["rule"]
)
UNREADABLE_ENTRIES = Counter(
    "smatrix_unreadable_registry_entries_total", "Entries of the registry left out as unreadable."
)
DUPLICATES = Counter("smatrix_duplicate_frames_total", "Frames that said nothing new.")
CORRECTIONS = Counter("smatrix_corrected_frames_total", "Frames that replaced a value.")
LATE = Counter("smatrix_late_frames_total", "Frames for a minute that had closed.")
MINUTES_CLOSED = Counter("smatrix_minutes_closed_total", "Community minutes closed.")
MINUTES_REOPENED = Counter("smatrix_minutes_reopened_total", "Community minutes told again.")
PERIODS_CLOSED = Counter("smatrix_periods_closed_total", "Community periods closed.")
PERIODS_REOPENED = Counter("smatrix_periods_reopened_total", "Community periods told again.")
OPEN_MINUTES = Gauge("smatrix_open_minutes", "Community minutes in memory.", ["partition"])
EVENT_TIME_LAG = Gauge(
    "smatrix_event_time_lag_seconds",
    "Newest minute seen less the start of the oldest period that is still open.",
    ["partition"],
)


def count(tally: Tally) -> None:
    """Add a batch's tally to the counters."""
    for counter, amount in (
        (FRAMES, tally.frames),
        (READINGS, tally.readings),
        (DUPLICATES, tally.duplicates),
        (CORRECTIONS, tally.corrections),
        (LATE, tally.late),
        (MINUTES_CLOSED, tally.minutes_closed),
        (MINUTES_REOPENED, tally.minutes_reopened),
        (PERIODS_CLOSED, tally.periods_closed),
        (PERIODS_REOPENED, tally.periods_reopened),
    ):
        if amount:
            counter.inc(amount)


def forget(partition: str, tables: Iterable[str]) -> None:
    """Take back the figures of a partition that another worker has now."""
    for gauge in (OPEN_MINUTES, EVENT_TIME_LAG):
        with suppress(KeyError):
            gauge.remove(partition)
    forget_tables(tables, partition)
