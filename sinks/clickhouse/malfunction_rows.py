"""`malfunctions` to rows of the steps of tickets."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
from pydantic import ValidationError

from schemas.malfunction import Malfunction
from sinks.clickhouse.rows import Decoded, FlawError, RowBatch, decode

_STEPS: Final = pa.schema(
    [
        ("ticket_id", pa.string()),
        ("step", pa.uint32()),
        ("event", pa.string()),
        ("state", pa.string()),
        ("kind", pa.string()),
        ("community_id", pa.string()),
        ("meter_id", pa.list_(pa.string())),
        ("rule", pa.string()),
        ("technician_id", pa.string()),
        ("operator", pa.string()),
        ("since", pa.uint32()),
        ("at", pa.uint32()),
        ("reason", pa.string()),
    ]
)


def malfunction_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each message: a step in a ticket's life.

    Args:
        messages: values of the topic `malfunctions`: Malfunction as JSON.
    """
    return decode(messages, Malfunction, _steps)


def _steps(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
    try:
        steps = [Malfunction.model_validate_json(message) for message in messages]
        rows = pa.Table.from_pylist([_row(step) for step in steps], _STEPS)
    except (ValidationError, pa.ArrowException, OverflowError) as error:
        raise FlawError(str(error)) from error
    return (RowBatch("malfunction_steps", rows),)


def _row(step: Malfunction) -> dict[str, object]:
    return {**step.model_dump(exclude={"schema_version", "by"}), "operator": step.by}
