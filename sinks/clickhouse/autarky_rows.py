"""`autarky-intervals` and `autarky-changes` to rows of the tables of autarky."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from schemas.autarky import AutarkyChange, AutarkyIntervals
from schemas.units import PERIOD_S
from sinks.clickhouse.columns import (
    lists_by_meter,
    one_chunk,
    read_columns,
    require_aligned,
    require_energy,
    require_ids,
    require_range,
    require_whole,
)
from sinks.clickhouse.rows import Decoded, FlawError, RowBatch, decode

_OF_COMMUNITIES: Final = (
    "consumption_mwh",
    "production_mwh",
    "solar_used_mwh",
    "self_consumed_mwh",
    "surplus_mwh",
    "need_mwh",
)
_OF_HOUSEHOLDS: Final = _OF_COMMUNITIES[:4]
_INTERVALS: Final = pa.schema(
    [
        ("schema_version", pa.int64()),
        ("community_id", pa.string()),
        ("period_start", pa.int64()),
        ("version", pa.uint64()),
        *((f"community_{name}", pa.int64()) for name in _OF_COMMUNITIES),
        ("meter_id", pa.list_(pa.string())),
        *((name, pa.list_(pa.int64())) for name in _OF_HOUSEHOLDS),
    ]
)
_CHANGES: Final = pa.schema(
    [
        ("community_id", pa.string()),
        ("meter_id", pa.string()),
        ("period_start", pa.uint32()),
        ("version", pa.uint64()),
        ("from_state", pa.string()),
        ("to_state", pa.string()),
        ("reason", pa.string()),
        ("since", pa.uint32()),
        ("threshold", pa.float64()),
        ("self_sufficiency", pa.float64()),
        ("consumption_mwh", pa.int64()),
        ("solar_used_mwh", pa.int64()),
        ("shared_mwh", pa.int64()),
        ("withdrawn", pa.bool_()),
        ("notice", pa.string()),
    ]
)


def autarky_interval_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each household and for each message's community.

    Args:
        messages: values of the topic `autarky-intervals`: AutarkyIntervals as JSON.
    """
    return decode(messages, AutarkyIntervals, _intervals)


def autarky_change_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each message; the community itself has an empty meter.

    Args:
        messages: values of the topic `autarky-changes`: AutarkyChange as JSON.
    """
    return decode(messages, AutarkyChange, _changes)


def _intervals(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
    table = read_columns(messages, _INTERVALS)
    heads = _heads(table)
    values, lengths = lists_by_meter(table, _OF_HOUSEHOLDS)
    for name in _OF_HOUSEHOLDS:
        require_energy(values[name], name)
    message_of_row = pa.array(np.repeat(np.arange(len(lengths)), lengths))
    households = {
        "community_id": pc.dictionary_encode(heads["community_id"]).take(message_of_row),
        "meter_id": values["meter_id"],
        "period_start": heads["period_start"].take(message_of_row),
        "version": heads["version"].take(message_of_row),
        **{name: values[name] for name in _OF_HOUSEHOLDS},
    }
    sums = {name: one_chunk(table, f"community_{name}") for name in _OF_COMMUNITIES}
    for name, column in sums.items():
        require_energy(column, f"community_{name}")
    return (
        RowBatch("autarky_household_intervals", pa.table(households)),
        RowBatch("autarky_community_intervals", pa.table({**heads, **sums})),
    )


def _heads(table: pa.Table) -> dict[str, pa.Array]:
    heads = {name: one_chunk(table, name) for name in ("community_id", "period_start", "version")}
    schema_version = one_chunk(table, "schema_version")
    require_whole(schema_version, "schema_version")
    require_range(schema_version, "schema_version", lowest=1, highest=1)
    require_ids(heads["community_id"], "community_id")
    require_aligned(heads["period_start"], "period_start", step_s=PERIOD_S)
    require_whole(heads["version"], "version")
    require_range(heads["version"], "version", lowest=1, highest=2**64 - 1)
    return {**heads, "period_start": heads["period_start"].cast(pa.uint32())}


def _changes(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
    try:
        changes = [AutarkyChange.model_validate_json(message) for message in messages]
        rows = pa.Table.from_pylist([_row(change) for change in changes], _CHANGES)
    except (ValidationError, pa.ArrowException, OverflowError) as error:
        raise FlawError(str(error)) from error
    return (RowBatch("autarky_told_changes", rows),)


def _row(change: AutarkyChange) -> dict[str, object]:
    return {**change.model_dump(exclude={"schema_version"}), "meter_id": change.meter_id or ""}
