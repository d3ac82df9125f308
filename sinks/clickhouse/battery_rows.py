"""`battery-directives` and `prices` to rows of their tables."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
from pydantic import ValidationError

from schemas.batteries import BatteryDirective
from schemas.prices import Price
from sinks.clickhouse.rows import Decoded, FlawError, RowBatch, decode

_PRICE: Final = pa.decimal128(9, 2)
_DIRECTIVES: Final = pa.schema(
    [
        ("directive_id", pa.string()),
        ("community_id", pa.string()),
        ("meter_id", pa.string()),
        ("version", pa.uint64()),
        ("valid_from", pa.uint32()),
        ("valid_until", pa.uint32()),
        ("mode", pa.string()),
        ("power_w", pa.uint64()),
        ("reason", pa.string()),
        ("level_mwh", pa.int64()),
        ("price_eur_per_mwh", _PRICE),
    ]
)
_PRICES: Final = pa.schema(
    [
        ("period_start", pa.uint32()),
        ("version", pa.uint64()),
        ("price_eur_per_mwh", _PRICE),
        ("kind", pa.string()),
    ]
)


def battery_directive_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `battery-directives`: BatteryDirective as JSON."""
    return decode(messages, BatteryDirective, _directives)


def price_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `prices`: Price as JSON."""
    return decode(messages, Price, _prices)


def _directives(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
    return _rows(messages, BatteryDirective, "battery_told_directives", _DIRECTIVES)


def _prices(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
    return _rows(messages, Price, "told_prices", _PRICES)


def _rows(
    messages: Sequence[bytes],
    model: type[BatteryDirective | Price],
    table: str,
    schema: pa.Schema,
) -> tuple[RowBatch, ...]:
    try:
        entries = [
            model.model_validate_json(message).model_dump(exclude={"schema_version"})
            for message in messages
        ]
        rows = pa.Table.from_pylist(entries, schema)
    except (ValidationError, pa.ArrowException, OverflowError) as error:
        raise FlawError(str(error)) from error
    return (RowBatch(table, rows),)
