"""What operators see of the grid's balance; delivery's own metrics are in `streams.delivery`."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from schemas.energy_balance import GridMinute
from schemas.units import MINUTE_S
from sinks.table_metrics import forget_tables
from streams.domain.energy_balance import Step
from streams.domain.energy_balance_grid import GridStep

PARTIALS = Counter("smatrix_balance_partials_total", "Minutes of a partition told.")
GRID_MINUTES = Counter("smatrix_grid_minutes_total", "Minutes of the grid told.", ["kind"])
TOO_OLD = Counter(
    "smatrix_balance_too_old_total", "Minutes that came when they could not be told anew any more."
)
MALFORMED = Counter(
    "smatrix_balance_malformed_messages_total", "Messages that could not be read; left out."
)
NET_LOAD = Gauge("smatrix_grid_net_load_watts", "Import less export of the newest grid minute.")
SHARE = Gauge(
    "smatrix_grid_share_reported_ratio", "Share of the newest grid minute's load that reported."
)
NEWEST = Gauge(
    "smatrix_grid_newest_minute_seconds", "When the newest minute of the grid ended, epoch s."
)


def count(step: Step) -> None:
    """Add what a batch has caused to the counters."""
    PARTIALS.inc(len(step.partials))
    TOO_OLD.inc(step.too_old)


def count_grid(step: GridStep, *, newest: int) -> None:
    """Add what a batch of partials has caused, and show the newest minute."""
    TOO_OLD.inc(step.too_old)
    for minute in step.minutes:
        GRID_MINUTES.labels("filled" if minute.forecast_partitions else "whole").inc()
        if minute.minute == newest:
            show(minute)


def show(minute: GridMinute) -> None:
    """Show a minute of the grid."""
    NET_LOAD.set(minute.net_load_w)
    NEWEST.set(minute.minute + MINUTE_S)
    if minute.share_reported is not None:
        SHARE.set(minute.share_reported)


def forget_grid(partition: str, tables: Iterable[str]) -> None:
    """Take back what was shown of the grid: another worker may merge it now."""
    for gauge in (NET_LOAD, SHARE, NEWEST):
        gauge.set(0)
    forget(partition, tables)


def forget(partition: str, tables: Iterable[str]) -> None:
    """Take back the figures of a partition that another worker has now."""
    forget_tables(tables, partition)
