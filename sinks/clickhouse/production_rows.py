"""The grid's balance, plants' minutes, orders, plans and shed orders to rows."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from schemas.energy_balance import GridMinute
from schemas.production import PlantMinute, ProductionOrder, ProductionPlan, ShedOrder
from schemas.units import PERIOD_S
from sinks.clickhouse.rows import (
    LATEST_DATETIME_S,
    Decoded,
    FlawError,
    RowBatch,
    Transpose,
    decode,
)

ModelT = TypeVar("ModelT", bound=BaseModel)
Rows = Callable[[ModelT], list[dict[str, object]]]

_GRID_MINUTE: Final = pa.schema(
    [
        ("minute", pa.uint32()),
        ("version", pa.uint64()),
        ("communities", pa.uint32()),
        ("expected_communities", pa.uint32()),
        ("meters_reported", pa.uint32()),
        ("meters_missing", pa.uint32()),
        ("consumption_mwh", pa.int64()),
        ("production_mwh", pa.int64()),
        ("import_mwh", pa.int64()),
        ("export_mwh", pa.int64()),
        ("forecast_consumption_mwh", pa.int64()),
        ("forecast_net_mwh", pa.int64()),
        ("partitions", pa.list_(pa.uint32())),
        ("forecast_partitions", pa.list_(pa.uint32())),
        ("share_reported", pa.float64()),
        ("net_load_w", pa.int64()),
    ]
)
_PLANT_MINUTE: Final = pa.schema(
    [
        ("plant_id", pa.string()),
        ("minute", pa.uint32()),
        ("version", pa.uint64()),
        ("production_w", pa.uint64()),
        ("available_w", pa.uint64()),
        ("out_of_service", pa.bool_()),
    ]
)
_ORDER: Final = pa.schema(
    [
        ("order_id", pa.string()),
        ("plant_id", pa.string()),
        ("version", pa.uint64()),
        ("minute", pa.uint32()),
        ("valid_from", pa.uint32()),
        ("valid_until", pa.uint32()),
        ("ordered_w", pa.uint64()),
        ("reason", pa.string()),
        ("forecast_w", pa.int64()),
        ("reserve_w", pa.uint64()),
        ("deficit_w", pa.uint64()),
        ("surplus_w", pa.uint64()),
    ]
)
_PLAN: Final = pa.schema(
    [
        ("plan_id", pa.string()),
        ("plant_id", pa.string()),
        ("version", pa.uint64()),
        ("plan_start", pa.uint32()),
        ("period_start", pa.uint32()),
        ("planned_w", pa.uint64()),
        ("forecast_w", pa.int64()),
        ("deficit_w", pa.uint64()),
    ]
)
_SHED_ORDER: Final = pa.schema(
    [
        ("order_id", pa.string()),
        ("community_id", pa.string()),
        ("version", pa.uint64()),
        ("minute", pa.uint32()),
        ("valid_from", pa.uint32()),
        ("valid_until", pa.uint32()),
        ("shed_w", pa.uint64()),
        ("deficit_w", pa.uint64()),
        ("reason", pa.string()),
    ]
)


def grid_minute_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return rows of the last version and of every version: values of `grid-minutes`."""
    tables = ("grid_minute_sums", "told_grid_minute_versions")
    return decode(messages, GridMinute, _transpose(GridMinute, tables, _GRID_MINUTE))


def plant_minute_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `plant-minutes`."""
    tables = ("plant_minute_readings",)
    return decode(messages, PlantMinute, _transpose(PlantMinute, tables, _PLANT_MINUTE))


def production_order_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return rows of the last version and of every version: values of `production-orders`."""
    tables = ("told_production_orders", "told_production_order_versions")
    return decode(messages, ProductionOrder, _transpose(ProductionOrder, tables, _ORDER))


def production_plan_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each quarter-hour of the values of `production-plans`."""
    tables = ("told_production_plans",)
    return decode(
        messages, ProductionPlan, _transpose(ProductionPlan, tables, _PLAN, rows=_plan_rows)
    )


def shed_order_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `shed-orders`."""
    return decode(messages, ShedOrder, _transpose(ShedOrder, ("told_shed_orders",), _SHED_ORDER))


def _as_it_is(event: BaseModel) -> list[dict[str, object]]:
    return [event.model_dump()]


def _transpose(
    model: type[ModelT],
    tables: Sequence[str],
    schema: pa.Schema,
    *,
    rows: Rows[ModelT] = _as_it_is,
) -> Transpose:
    def transpose(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
        try:
            events = [model.model_validate_json(message) for message in messages]
            found = pa.Table.from_pylist([row for one in events for row in rows(one)], schema)
        except (ValidationError, pa.ArrowException, OverflowError) as error:
            raise FlawError(str(error)) from error
        return tuple(RowBatch(table, found) for table in tables)

    return transpose


def _plan_rows(plan: ProductionPlan) -> list[dict[str, object]]:
    if not len(plan.planned_w) == len(plan.forecast_w) == len(plan.deficit_w):
        raise FlawError("planned_w, forecast_w, deficit_w: not as long as each other")
    if plan.period_start + len(plan.planned_w) * PERIOD_S > LATEST_DATETIME_S:
        raise FlawError(f"period_start: {plan.period_start} is after 2106")
    return [
        {
            "plan_id": plan.plan_id,
            "plant_id": plan.plant_id,
            "version": plan.version,
            "plan_start": plan.period_start,
            "period_start": plan.period_start + place * PERIOD_S,
            "planned_w": planned,
            "forecast_w": forecast,
            "deficit_w": deficit,
        }
        for place, (planned, forecast, deficit) in enumerate(
            zip(plan.planned_w, plan.forecast_w, plan.deficit_w, strict=True)
        )
    ]
