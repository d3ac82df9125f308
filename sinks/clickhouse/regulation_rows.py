"""`switch-directives`, `directive-acks` and `regulation-minutes` to rows of their tables."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from schemas.regulation import DirectiveAck, RegulationMinute, SwitchDirective
from sinks.clickhouse.rows import Decoded, rows_of

# Times are seconds; Arrow's 32 bits are what ClickHouse's DateTime is made of.
_DIRECTIVE: Final = pa.schema(
    [
        ("directive_id", pa.string()),
        ("community_id", pa.string()),
        ("meter_id", pa.string()),
        ("minute", pa.uint32()),
        ("version", pa.uint64()),
        ("device", pa.string()),
        ("state", pa.string()),
        ("level", pa.string()),
        ("limit_w", pa.uint64()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("valid_from", pa.uint32()),
        ("valid_until", pa.uint32()),
    ]
)
_ACK: Final = pa.schema(
    [
        ("directive_id", pa.string()),
        ("community_id", pa.string()),
        ("meter_id", pa.string()),
        ("minute", pa.uint32()),
        ("outcome", pa.string()),
        ("detail", pa.string()),
    ]
)
_MINUTE: Final = pa.schema(
    [
        ("community_id", pa.string()),
        ("minute", pa.uint32()),
        ("version", pa.uint64()),
        ("is_steering", pa.bool_()),
        ("load_w", pa.int64()),
        ("silent_meters", pa.uint32()),
        ("silent_w", pa.uint64()),
        ("coming_w", pa.uint64()),
        ("limit_w", pa.uint64()),
        ("deficit_w", pa.uint64()),
        ("shed_w", pa.uint64()),
        ("sheddable_w", pa.uint64()),
        ("meters_off", pa.uint32()),
        ("meters_flexible", pa.uint32()),
        ("ordered_off", pa.uint32()),
        ("released", pa.uint32()),
        ("is_emergency", pa.bool_()),
        ("fairness", pa.float64()),
    ]
)


def switch_directive_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `switch-directives`: SwitchDirective as JSON."""
    return rows_of(messages, SwitchDirective, "told_switch_directives", _DIRECTIVE)


def directive_ack_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `directive-acks`: DirectiveAck as JSON."""
    return rows_of(messages, DirectiveAck, "told_directive_acks", _ACK)


def regulation_minute_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `regulation-minutes`: RegulationMinute as JSON."""
    return rows_of(messages, RegulationMinute, "told_regulation_minutes", _MINUTE)
