"""`reading-edits` to rows of edited_readings."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from schemas.metering import EditedReading
from sinks.clickhouse.rows import Decoded, rows_of

_SCHEMA: Final = pa.schema(
    [
        ("community_id", pa.string()),
        ("meter_id", pa.string()),
        ("minute", pa.uint32()),
        ("version", pa.uint64()),
        ("edited_by", pa.string()),
        ("reason", pa.string()),
        ("edited_at_ms", pa.uint64()),
        ("consumption_mwh", pa.int64()),
        ("production_mwh", pa.int64()),
        ("battery_charge_mwh", pa.int64()),
        ("battery_discharge_mwh", pa.int64()),
    ]
)


def edited_reading_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `reading-edits`: EditedReading as JSON."""
    return rows_of(messages, EditedReading, "edited_readings", _SCHEMA)
