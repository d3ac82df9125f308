"""What history inserts, as values: rows in columns, and verdicts on messages that are no rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from streams.domain.channels import FLOWS

CHANNELS: Final = tuple(f"{flow}_mwh" for flow in FLOWS)

LATEST_DATETIME_S: Final = 2**32 - 1
"""ClickHouse's DateTime ends in 2106."""

MAX_ENERGY_MWH: Final = 10**14
"""100 GWh: no household or community has it in a period, and no sum of a message overflows."""


@dataclass(frozen=True)
class RowBatch:
    """Rows for one table; the columns are named and typed as the table's, the rest defaults."""

    table: str
    rows: pa.Table

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.rows.num_rows)


@dataclass(frozen=True)
class Erasure:
    """Rows that have to go: of each of some ids those below a version, once it is stored."""

    table: str
    id_column: str
    versions: Mapping[str, int]


@dataclass(frozen=True)
class Malformed:
    """The verdict on a message that can't become rows: its place in the batch, and why."""

    index: int
    reason: str


@dataclass(frozen=True)
class Decoded:
    """What a batch of messages holds: a batch of rows for each table, and what was no message.

    Erasures are for when the rows are stored.
    """

    batches: tuple[RowBatch, ...]
    malformed: tuple[Malformed, ...] = ()
    erasures: tuple[Erasure, ...] = ()


class FlawError(Exception):
    """Messages break a rule of their columns; the text is the rule."""


Transpose = Callable[[Sequence[bytes]], tuple[RowBatch, ...]]


def decode(
    messages: Sequence[bytes | None], model: type[BaseModel], transpose: Transpose
) -> Decoded:
    """Return the rows of all messages that are sound, and a verdict on each other one.

    `transpose` turns many messages into columns at once and raises FlawError when any of them is
    unsound, as all of them are in a healthy system. Only then is each message looked at on its
    own: validated by `model`, and written anew in the one form that `transpose` reads.
    """
    if all(messages):
        try:
            return Decoded(batches=transpose([message for message in messages if message]))
        except FlawError:
            pass  # Which message it was, and why, is found below.
    sound: list[bytes] = []
    malformed: list[Malformed] = []
    for index, message in enumerate(messages):
        try:
            canonical = model.model_validate_json(message or b"").model_dump_json().encode()
            transpose([canonical])
        except (ValidationError, FlawError) as error:
            malformed.append(Malformed(index, _reason(error)))
        else:
            sound.append(canonical)
    return Decoded(batches=transpose(sound), malformed=tuple(malformed))


def rows_of(
    messages: Sequence[bytes | None], model: type[BaseModel], table: str, schema: pa.Schema
) -> Decoded:
    """Return a row for each message of a model whose fields are the table's columns.

    For what is rare: each message is read by itself.
    """

    def transpose(sound: Sequence[bytes]) -> tuple[RowBatch, ...]:
        try:
            entries = [model.model_validate_json(message).model_dump() for message in sound]
            rows = pa.Table.from_pylist(entries, schema)
        except (ValidationError, pa.ArrowException, OverflowError) as error:
            # Without its text: that quotes the values, which may be somebody's address.
            raise FlawError(f"not a {model.__name__}: {type(error).__name__}") from error
        return (RowBatch(table, rows),)

    return decode(messages, model, transpose)


def _reason(error: ValidationError | FlawError) -> str:
    if isinstance(error, FlawError):
        return str(error)
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
