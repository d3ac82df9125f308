"""What operators see of vehicles; delivery's own metrics are in `streams.delivery.metrics`."""

from collections.abc import Iterable
from contextlib import suppress

from prometheus_client import Counter, Gauge, Histogram

from schemas.ev_charging import ChargePlan, ChargerState, SessionRule, Shortage
from sinks.table_metrics import forget_tables
from streams.domain.ev_charging_nights import Charging
from streams.domain.ev_charging_telling import Step

REFUSED = Counter("smatrix_ev_refused_sessions_total", "Reports of sessions refused.", ["rule"])
MALFORMED = Counter(
    "smatrix_ev_malformed_messages_total", "Minutes and orders that could not be read; left out."
)
DIRECTIVES = Counter("smatrix_ev_directives_total", "Orders to chargers.", ["kind"])
PROMISES = Counter("smatrix_ev_promises_total", "Promises told.", ["shortage"])
ENDED = Counter("smatrix_ev_ended_sessions_total", "Sessions that ended.", ["result"])
PLANNING = Histogram(
    "smatrix_ev_planning_seconds",
    "Time to fold a batch in which a partition was planned.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
SESSIONS = Gauge("smatrix_ev_sessions", "Vehicles planned last.", ["partition"])
GAP = Gauge("smatrix_ev_gap_ratio", "Gap of the last plan, share of its objective.", ["partition"])
UNMET = Gauge(
    "smatrix_ev_unmet_wh", "Wh asked for that the last plan does not hold.", ["partition"]
)
PLANNED_UNTIL = Gauge(
    "smatrix_ev_planned_period_seconds", "Start of the last planned quarter-hour.", ["partition"]
)
CHARGERS = Gauge(
    "smatrix_ev_chargers", "Plugged-in vehicles by what their chargers do.", ["partition", "state"]
)

_BY_PARTITION = (SESSIONS, GAP, UNMET, PLANNED_UNTIL)


def count(step: Step) -> None:
    """Add what a batch has caused to the counters."""
    for directive in step.directives:
        DIRECTIVES.labels("charge" if directive.power_w else "wait").inc()
    for promise in step.promises:
        if promise.ended:
            is_met = promise.charged_mwh >= promise.asked_mwh
            ENDED.labels("met" if is_met else "unmet").inc()
        else:
            PROMISES.labels(promise.shortage).inc()
    for plan in step.plans:
        show_plan(plan)


def show_plan(plan: ChargePlan) -> None:
    """Show a partition's plan."""
    number = str(plan.partition)
    SESSIONS.labels(number).set(plan.sessions)
    GAP.labels(number).set(plan.gap)
    UNMET.labels(number).set((plan.asked_mwh - plan.planned_mwh) / 1000)
    PLANNED_UNTIL.labels(number).set(plan.period_start)


def show_chargers(number: str, charging: Charging) -> None:
    """Show what chargers of a partition do."""
    for state, chargers in charging.chargers().items():
        CHARGERS.labels(number, state).set(chargers)


def forget(partition: str, tables: Iterable[str]) -> None:
    """Take back the figures of a partition that another worker has now."""
    for gauge in _BY_PARTITION:
        with suppress(KeyError):
            gauge.remove(partition)
    for state in ChargerState:
        with suppress(KeyError):
            CHARGERS.remove(partition, state)
    forget_tables(tables, partition)


for _shortage in Shortage:
    PROMISES.labels(_shortage)
for _rule in SessionRule:
    REFUSED.labels(_rule)
for _kind in ("charge", "wait"):
    DIRECTIVES.labels(_kind)
