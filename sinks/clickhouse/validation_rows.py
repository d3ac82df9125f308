"""`validated-intervals` and `reading-verdicts` to rows of the tables of validation."""

from collections.abc import Sequence
from typing import Final, TypeVar

import pyarrow as pa
from pydantic import ValidationError

from schemas.validation import ReadingVerdicts, ValidatedIntervals
from sinks.clickhouse.rows import (
    CHANNELS,
    MAX_ENERGY_MWH,
    Decoded,
    FlawError,
    RowBatch,
    decode,
)

_MINUTES: Final = (
    "measured_minutes",
    "substituted_minutes",
    "estimated_minutes",
    "missing_minutes",
)
_HEAD: Final = [
    ("community_id", pa.string()),
    ("period_start", pa.uint32()),
    ("version", pa.uint64()),
    ("of_version", pa.uint64()),
]
_HEAD_NAMES: Final = tuple(name for name, _ in _HEAD)
_BY_HOUSEHOLD: Final = ("meter_id", *CHANNELS, "quality", "method", *_MINUTES)
_INTERVALS: Final = pa.schema(
    [
        *_HEAD,
        ("meter_id", pa.string()),
        *((channel, pa.int64()) for channel in CHANNELS),
        ("quality", pa.string()),
        ("method", pa.string()),
        *((name, pa.uint8()) for name in _MINUTES),
    ]
)
_VERDICTS: Final = pa.schema(
    [
        *_HEAD,
        ("part", pa.uint32()),
        ("meter_id", pa.list_(pa.string())),
        ("minute", pa.list_(pa.uint32())),
        ("verdict", pa.list_(pa.string())),
        ("rules", pa.list_(pa.list_(pa.string()))),
    ]
)
ToldT = TypeVar("ToldT", ValidatedIntervals, ReadingVerdicts)
_BY_READING: Final = ("meter_id", "minute", "verdict", "rules")


def validated_interval_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each household of each message.

    Args:
        messages: values of the topic `validated-intervals`: ValidatedIntervals as JSON.
    """
    return decode(messages, ValidatedIntervals, _intervals)


def reading_verdict_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each message, with all readings that a rule spoke up at.

    Args:
        messages: values of the topic `reading-verdicts`: ReadingVerdicts as JSON.
    """
    return decode(messages, ReadingVerdicts, _verdicts)


def _intervals(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
    columns: dict[str, list[object]] = {name: [] for name in _INTERVALS.names}
    for message in messages:
        told = _read(ValidatedIntervals, message)
        households = len(told.meter_id)
        for name in _BY_HOUSEHOLD:
            values = getattr(told, name)
            if len(values) != households:
                raise FlawError(f"{name}: not as long as meter_id")
            columns[name] += values
        for name in _HEAD_NAMES:
            columns[name] += [getattr(told, name)] * households
    for name in CHANNELS:
        if any(value is not None and value > MAX_ENERGY_MWH for value in columns[name]):  # type: ignore[operator] # energies are whole numbers
            raise FlawError(f"{name}: above {MAX_ENERGY_MWH} mWh")
    return (_batch("validated_household_intervals", columns, _INTERVALS),)


def _verdicts(messages: Sequence[bytes]) -> tuple[RowBatch, ...]:
    columns: dict[str, list[object]] = {name: [] for name in _VERDICTS.names}
    for message in messages:
        told = _read(ReadingVerdicts, message)
        if len({len(getattr(told, name)) for name in _BY_READING}) != 1:
            raise FlawError("minute, verdict and rules: not as long as meter_id")
        for name in _VERDICTS.names:
            columns[name].append(getattr(told, name))
    return (_batch("period_verdicts", columns, _VERDICTS),)


def _read(model: type[ToldT], message: bytes) -> ToldT:
    try:
        return model.model_validate_json(message)
    except ValidationError as error:
        raise FlawError(str(error)) from error


def _batch(table: str, columns: dict[str, list[object]], schema: pa.Schema) -> RowBatch:
    try:
        return RowBatch(table, pa.Table.from_pydict(columns, schema))
    except (pa.ArrowException, OverflowError) as error:
        raise FlawError(str(error)) from error
