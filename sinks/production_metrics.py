"""What operators see of production; delivery's own metrics are in `streams.delivery.metrics`."""

from collections.abc import Iterable, Mapping

from prometheus_client import Counter, Gauge

from sinks.table_metrics import forget_tables
from streams.domain.production_evaluator import Step
from streams.domain.production_plants import PlantState

READINGS = Counter("smatrix_plant_readings_total", "Readings of plants that were sound and new.")
REFUSED = Counter(
    "smatrix_plant_readings_refused_total", "Readings of plants refused by a rule.", ["rule"]
)
MALFORMED = Counter(
    "smatrix_production_malformed_messages_total",
    "Messages that could not be read; left out.",
    ["topic"],
)
ORDERS = Counter("smatrix_production_orders_total", "Orders to plants.", ["reason"])
PLANS = Counter("smatrix_production_plans_total", "Plans of a plant's day.")
SHED_ORDERS = Counter("smatrix_production_shed_orders_total", "Orders to shed.", ["reason"])
BROKEN = Counter(
    "smatrix_production_broken_orders_total",
    "Orders that would have been outside a plant's limits, and were put right.",
)
FORECAST = Gauge("smatrix_production_forecast_watts", "Net load forecast for the next minute.")
EXPECTED = Gauge("smatrix_production_expected_watts", "What plants will give of their orders.")
DEFICIT = Gauge("smatrix_production_deficit_watts", "Of the forecast, what no plant can meet.")
SURPLUS = Gauge("smatrix_production_surplus_watts", "What plants can't avoid giving beyond it.")
UNCOVERED = Gauge(
    "smatrix_production_uncovered_watts", "What is missing soon and no community can shed."
)
DISOBEYING = Gauge("smatrix_production_disobeying_plants", "Plants that don't follow their orders.")
INPUT_AGE = Gauge(
    "smatrix_production_input_age_seconds", "Since the newest minute of the grid came in."
)
STEERING = Gauge("smatrix_production_steering", "1 while orders go out, 0 when inputs are too old.")

_PLANT_GIVES = Gauge("smatrix_plant_production_watts", "What a plant told last.", ["plant"])
_PLANT_ORDERED = Gauge("smatrix_plant_ordered_watts", "What a plant was ordered last.", ["plant"])


def declare(topics: Iterable[str]) -> None:
    """Let the counters of all topics begin at 0, so that their first growth is seen."""
    for topic in topics:
        MALFORMED.labels(topic)


def count(step: Step) -> None:
    """Add what a batch has caused to the counters."""
    for order in step.orders:
        ORDERS.labels(order.reason).inc()
    for shed in step.shed_orders:
        SHED_ORDERS.labels(shed.reason).inc()
    PLANS.inc(len(step.plans))
    BROKEN.inc(len(step.broken))


def show(step: Step, plants: Mapping[str, PlantState]) -> None:
    """Show where the grid and its plants are."""
    for name, state in step.plants.items():
        _PLANT_GIVES.labels(name).set(state.last.production_w)
        _PLANT_ORDERED.labels(name).set(state.held_w)
    DISOBEYING.set(sum(state.disobeys for state in plants.values()))
    if step.last is not None:
        FORECAST.set(step.last.forecast_w)
        EXPECTED.set(step.last.expected_w)
        DEFICIT.set(step.last.deficit_w)
        SURPLUS.set(step.last.surplus_w)
        UNCOVERED.set(step.uncovered_w)


def forget_grid() -> None:
    """Take back what was shown of the grid and its plants: another worker may decide now."""
    for gauge in (_PLANT_GIVES, _PLANT_ORDERED):
        gauge.clear()
    for gauge in (FORECAST, EXPECTED, DEFICIT, SURPLUS, UNCOVERED, DISOBEYING, INPUT_AGE, STEERING):
        gauge.set(0)


def forget(partition: str, tables: Iterable[str]) -> None:
    """Take back the figures of a partition that another worker has now."""
    forget_tables(tables, partition)
