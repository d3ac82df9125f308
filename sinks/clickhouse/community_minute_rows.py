"""`community-minutes` to rows of community_minute_sums."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from schemas.metering import CommunityMinute
from schemas.units import MINUTE_S
from sinks.clickhouse.columns import (
    one_chunk,
    read_columns,
    require_aligned,
    require_energy,
    require_ids,
    require_range,
    require_whole,
)
from sinks.clickhouse.rows import CHANNELS, Decoded, RowBatch, decode

_SCHEMA: Final = pa.schema(
    [
        ("schema_version", pa.int64()),
        ("community_id", pa.string()),
        ("minute", pa.int64()),
        ("version", pa.uint64()),
        ("meters_reported", pa.uint32()),
        *((channel, pa.int64()) for channel in CHANNELS),
    ]
)


def community_minute_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each message.

    Args:
        messages: values of the topic `community-minutes`: CommunityMinute as JSON.
    """
    return decode(messages, CommunityMinute, _transpose)


def _transpose(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
    table = read_columns(messages, _SCHEMA)
    columns = {name: one_chunk(table, name) for name in _SCHEMA.names}
    schema_version = columns.pop("schema_version")
    require_whole(schema_version, "schema_version")
    require_range(schema_version, "schema_version", lowest=1, highest=1)
    require_ids(columns["community_id"], "community_id")
    require_aligned(columns["minute"], "minute", step_s=MINUTE_S)
    require_whole(columns["version"], "version")
    require_range(columns["version"], "version", lowest=1, highest=2**64 - 1)
    require_whole(columns["meters_reported"], "meters_reported")
    for channel in CHANNELS:
        require_energy(columns[channel], channel)
    columns["minute"] = columns["minute"].cast(pa.uint32())
    return (RowBatch("community_minute_sums", pa.table(columns)),)
