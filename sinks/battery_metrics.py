"""What operators see of batteries; delivery's own metrics are in `streams.delivery.metrics`."""

from collections.abc import Iterable
from contextlib import suppress

from prometheus_client import Counter, Gauge

from schemas.batteries import BatteryReason
from sinks.table_metrics import forget_tables
from streams.domain.batteries import MODES
from streams.domain.batteries_communities import Fleet, Step, ToldDecision

DIRECTIVES = Counter(
    "smatrix_battery_directives_total", "What batteries were told.", ["mode", "reason"]
)
UNSAFE = Counter(
    "smatrix_battery_unsafe_total", "Plans that would have broken a rule, told as AUTO instead."
)
TOO_OLD = Counter("smatrix_battery_too_old_total", "Periods told after they could still be of use.")
MALFORMED = Counter(
    "smatrix_battery_malformed_messages_total", "Messages that can't be read; left out.", ["topic"]
)
DECIDED = Gauge(
    "smatrix_battery_decided_until_seconds",
    "Up to when the community that is furthest has been told, epoch seconds.",
    ["partition"],
)
COMMUNITIES = Gauge(
    "smatrix_battery_communities", "Communities with batteries that are steered.", ["partition"]
)
PRICES = Gauge(
    "smatrix_prices_known_until_seconds", "Where the last known day-ahead price ends, epoch s."
)
_OF_PARTITIONS = (DECIDED, COMMUNITIES)


def declare(topics: Iterable[str]) -> None:
    """Let the counters of all topics begin at 0, so that their first growth is seen."""
    for topic in topics:
        MALFORMED.labels(topic)


def count(step: Step) -> list[ToldDecision]:
    """Add what a batch has caused to the counters; return what would have broken a rule."""
    TOO_OLD.inc(step.too_old)
    unsafe = []
    for told in step.told:
        DIRECTIVES.labels(MODES[told.decision.order.mode], told.decision.reason).inc()
        if told.decision.reason is BatteryReason.UNSAFE:
            UNSAFE.inc()
            unsafe.append(told)
    return unsafe


def show(partition: str, fleet: Fleet, *, known_until: int) -> None:
    """Show how far a partition's communities are, and up to when prices are known."""
    steered = [community for community in fleet.communities.values() if community.decided]
    COMMUNITIES.labels(partition).set(len(steered))
    DECIDED.labels(partition).set(max((community.decided for community in steered), default=0))
    PRICES.set(known_until)


def forget(partition: str, tables: Iterable[str]) -> None:
    """Take back the figures of a partition that another worker has now."""
    for gauge in _OF_PARTITIONS:
        with suppress(KeyError):
            gauge.remove(partition)
    forget_tables(tables, partition)
