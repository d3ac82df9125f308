"""What was decided of vehicles, and which of their reports were refused, to rows."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from schemas.ev_charging import ChargeDirective, ChargePlan, ChargePromise, RejectedSession
from sinks.clickhouse.rows import Decoded, FlawError, RowBatch, decode

ModelT = TypeVar("ModelT", bound=BaseModel)

_DIRECTIVES: Final = pa.schema(
    [
        ("directive_id", pa.string()),
        ("version", pa.uint64()),
        ("session_id", pa.string()),
        ("community_id", pa.string()),
        ("meter_id", pa.string()),
        ("valid_from", pa.uint32()),
        ("valid_until", pa.uint32()),
        ("power_w", pa.uint64()),
        ("planned_mwh", pa.int64()),
        ("reason", pa.string()),
    ]
)
_PROMISES: Final = pa.schema(
    [
        ("session_id", pa.string()),
        ("step", pa.uint32()),
        ("community_id", pa.string()),
        ("meter_id", pa.string()),
        ("minute", pa.uint32()),
        ("departure", pa.uint32()),
        ("asked_mwh", pa.int64()),
        ("charged_mwh", pa.int64()),
        ("promised_mwh", pa.int64()),
        ("shortage", pa.string()),
        ("charger", pa.string()),
        ("ended", pa.bool_()),
    ]
)
_PLANS: Final = pa.schema(
    [
        ("partition", pa.uint32()),
        ("period_start", pa.uint32()),
        ("version", pa.uint64()),
        ("base_w", pa.list_(pa.int64())),
        ("planned_w", pa.list_(pa.int64())),
        ("sessions", pa.uint32()),
        ("communities", pa.uint32()),
        ("asked_mwh", pa.int64()),
        ("planned_mwh", pa.int64()),
        ("gap", pa.float64()),
        ("sweeps", pa.uint32()),
    ]
)
_REJECTIONS: Final = pa.schema(
    [
        ("source_partition", pa.uint32()),
        ("source_offset", pa.uint64()),
        ("rule", pa.string()),
        ("detail", pa.string()),
        ("community_id", pa.string()),
        ("session_id", pa.string()),
        ("received_at", pa.timestamp("ms", "UTC")),
        ("original_value_base64", pa.string()),
    ]
)


def charge_directive_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each message of `charge-directives`, ChargeDirective as JSON."""
    return decode(
        messages,
        ChargeDirective,
        lambda some: _rows(some, ChargeDirective, _DIRECTIVES, "told_charge_directives"),
    )


def charge_promise_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each message of `charge-promises`, ChargePromise as JSON."""
    return decode(
        messages,
        ChargePromise,
        lambda some: _rows(some, ChargePromise, _PROMISES, "told_charge_promises"),
    )


def charge_plan_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each message of `charge-plans`, ChargePlan as JSON."""
    return decode(
        messages, ChargePlan, lambda some: _rows(some, ChargePlan, _PLANS, "told_charge_plans")
    )


def rejected_session_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each message of `rejected-ev-sessions`, RejectedSession as JSON."""
    return decode(
        messages,
        RejectedSession,
        lambda some: _rows(some, RejectedSession, _REJECTIONS, "rejected_ev_sessions"),
    )


def _rows(
    messages: Sequence[bytes], model: type[ModelT], schema: pa.Schema, table: str
) -> tuple[RowBatch, ...]:
    try:
        told = [_row(model.model_validate_json(message)) for message in messages]
        rows = pa.Table.from_pylist(told, schema)
    except (ValidationError, pa.ArrowException, OverflowError) as error:
        raise FlawError(str(error)) from error
    return (RowBatch(table, rows),)


def _row(told: BaseModel) -> dict[str, object]:
    row: dict[str, Any] = told.model_dump(mode="json", exclude={"schema_version"})
    if "received_at_ms" in row:
        row["received_at"] = row.pop("received_at_ms")
    return row
