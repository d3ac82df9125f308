"""`rejected-readings` to rows of rejections."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
from pydantic import ValidationError

from schemas.metering import RejectedReading
from sinks.clickhouse.rows import Decoded, FlawError, RowBatch, decode

_LATEST_DATETIME64_MS: Final = 10_413_791_999_999
"""ClickHouse's DateTime64 ends with 2299."""

_SCHEMA: Final = pa.schema(
    [
        ("source_topic", pa.string()),
        ("source_partition", pa.uint32()),
        ("source_offset", pa.uint64()),
        ("rule", pa.string()),
        ("detail", pa.string()),
        ("community_id", pa.string()),
        ("minute_s", pa.int64()),
        ("meter_id", pa.list_(pa.string())),
        ("received_at", pa.timestamp("ms", "UTC")),
        ("original_key", pa.binary()),
        ("original_value", pa.binary()),
        ("original_value_bytes", pa.uint64()),
    ]
)


def rejection_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each message, with the original bytes as bytes.

    Args:
        messages: values of the topic `rejected-readings`: RejectedReading as JSON.
    """
    return decode(messages, RejectedReading, _transpose)


def _transpose(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
    try:
        rejections = [RejectedReading.model_validate_json(message) for message in messages]
        rows = pa.Table.from_pylist([_row(rejection) for rejection in rejections], _SCHEMA)
    except (ValidationError, Base64Error, pa.ArrowException, OverflowError) as error:
        raise FlawError(str(error)) from error
    return (RowBatch("rejections", rows),)


def _row(rejection: RejectedReading) -> dict[str, object]:
    if rejection.received_at_ms > _LATEST_DATETIME64_MS:
        raise FlawError(f"received_at_ms: {rejection.received_at_ms} is after 2299")
    return {
        "source_topic": rejection.source_topic,
        "source_partition": rejection.source_partition,
        "source_offset": rejection.source_offset,
        "rule": rejection.rule.value,
        "detail": rejection.detail,
        "community_id": rejection.community_id,
        # A number that no column can hold is still told in the detail.
        "minute_s": rejection.minute if abs(rejection.minute or 0) < 2**63 else None,
        "meter_id": rejection.meter_id,
        "received_at": rejection.received_at_ms,
        "original_key": _bytes(rejection.original_key_base64),
        "original_value": _bytes(rejection.original_value_base64),
        "original_value_bytes": rejection.original_value_bytes,
    }


def _bytes(encoded: str | None) -> bytes | None:
    return None if encoded is None else b64decode(encoded, validate=True)
