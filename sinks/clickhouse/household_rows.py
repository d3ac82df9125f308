"""`household-intervals` to rows of household_intervals and community_intervals."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.metering import HouseholdIntervals
from schemas.units import PERIOD_MINUTES, PERIOD_S
from sinks.clickhouse.columns import (
    lists_by_meter,
    one_chunk,
    read_columns,
    require_aligned,
    require_energy,
    require_ids,
    require_range,
    require_whole,
    sum_by_message,
)
from sinks.clickhouse.rows import CHANNELS, Decoded, FlawError, RowBatch, decode

_SCHEMA: Final = pa.schema(
    [
        ("schema_version", pa.int64()),
        ("community_id", pa.string()),
        ("period_start", pa.int64()),
        ("version", pa.uint64()),
        ("part", pa.uint32()),
        ("parts", pa.uint32()),
        ("meter_id", pa.list_(pa.string())),
        *((channel, pa.list_(pa.int64())) for channel in CHANNELS),
        ("measured_minutes", pa.list_(pa.int64())),
    ]
)


def household_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each household and for each message, whose sums make its community's.

    Args:
        messages: values of the topic `household-intervals`: HouseholdIntervals as JSON.
    """
    return decode(messages, HouseholdIntervals, _transpose)


def _transpose(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
    table = read_columns(messages, _SCHEMA)
    heads = _heads(table)
    values, lengths = lists_by_meter(table, (*CHANNELS, "measured_minutes"))
    for channel in CHANNELS:
        require_energy(values[channel], channel)
    measured = values["measured_minutes"]
    require_whole(measured, "measured_minutes")
    require_range(measured, "measured_minutes", lowest=0, highest=PERIOD_MINUTES)

    message_of_row = pa.array(np.repeat(np.arange(len(lengths)), lengths))
    households = {
        # As a dictionary, a community's name is sent once and not for each household.
        "community_id": pc.dictionary_encode(heads["community_id"]).take(message_of_row),
        "meter_id": values["meter_id"],
        "period_start": heads["period_start"].take(message_of_row),
        "version": heads["version"].take(message_of_row),
        **{channel: values[channel] for channel in CHANNELS},
        "measured_minutes": measured.cast(pa.uint8()),
    }
    communities = {
        **heads,
        "households": pa.array(lengths, pa.uint32()),
        **{channel: sum_by_message(values[channel], lengths) for channel in CHANNELS},
        "measured_minutes": pc.fill_null(sum_by_message(measured, lengths), 0).cast(pa.uint32()),
    }
    return (
        RowBatch("household_intervals", pa.table(households)),
        RowBatch("community_intervals", pa.table(communities)),
    )


def _heads(table: pa.Table) -> dict[str, pa.Array]:
    heads = {
        name: one_chunk(table, name)
        for name in ("community_id", "period_start", "version", "part", "parts")
    }
    schema_version = one_chunk(table, "schema_version")
    require_whole(schema_version, "schema_version")
    require_range(schema_version, "schema_version", lowest=1, highest=1)
    require_ids(heads["community_id"], "community_id")
    require_aligned(heads["period_start"], "period_start", step_s=PERIOD_S)
    for name in ("version", "part", "parts"):
        require_whole(heads[name], name)
    require_range(heads["version"], "version", lowest=1, highest=2**64 - 1)
    if np.any(heads["part"].to_numpy() >= heads["parts"].to_numpy()):
        raise FlawError("part: not below parts")
    return {**heads, "period_start": heads["period_start"].cast(pa.uint32())}
