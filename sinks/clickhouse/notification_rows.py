"""`notification-states` to rows of how far notifications got."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
from pydantic import ValidationError

from schemas.notifications import NotificationState
from sinks.clickhouse.rows import Decoded, FlawError, RowBatch, decode

_STATES: Final = pa.schema(
    [
        ("notification_id", pa.string()),
        ("version", pa.uint64()),
        ("person_id", pa.string()),
        ("kind", pa.string()),
        ("at", pa.uint32()),
        ("state", pa.string()),
        ("reason", pa.string()),
        ("attempts", pa.uint32()),
        ("mail_id", pa.string()),
        ("in_doubt", pa.bool_()),
    ]
)


def notification_state_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `notification-states`: NotificationState as JSON."""
    return decode(messages, NotificationState, _rows)


def _rows(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
    try:
        states = [
            NotificationState.model_validate_json(message).model_dump(exclude={"schema_version"})
            for message in messages
        ]
        rows = pa.Table.from_pylist(states, _STATES)
    except (ValidationError, pa.ArrowException, OverflowError) as error:
        raise FlawError(str(error)) from error
    return (RowBatch("told_notification_states", rows),)
