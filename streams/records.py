"""Kafka records in columns: where each one's key and value stand in one block of bytes.

A fetch brings thousands of records in one block. To take each out as an object, with its own
bytes, costs more than to count what it holds; so they stay where they are.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol, overload

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from streams.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

OFFSET, TIMESTAMP, KEY_BEGIN, KEY_END, VALUE_BEGIN, VALUE_END = range(6)
COLUMNS: Final = 6
NULL: Final = -1
"""Begin and end of a key or a value that is null."""


class Source(Protocol):
    """What a record of any Kafka client has."""

    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def timestamp(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102


class Record(NamedTuple):
    """One record, taken out; its timestamp in ms."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Records(Sequence[Record]):
    """Records of one partition in the order of their offsets.

    Attributes:
        data: What keys and values stand in.
        columns: (record, column): offset, timestamp in ms, where key and value begin and end in
            `data`, `NULL` for a null.
    """

    __slots__ = ("columns", "data")

    def __init__(self, data: bytes, columns: Integers) -> None:
        """Take columns of a block of bytes."""
        self.data: Final = data
        self.columns: Final = columns

    @classmethod
    def of(cls, records: Iterable[Source]) -> "Records":
        """Return records in columns, each text with a zero byte behind it."""
        texts: list[bytes] = []
        rows: list[tuple[int, ...]] = []
        end = 0
        for record in records:
            row = [record.offset, record.timestamp]
            for text in (record.key, record.value):
                if text is None:
                    row += [NULL, NULL]
                else:
                    row += [end, end + len(text)]
                    end += len(text) + 1
                    texts += [text, b"\0"]
            rows.append(tuple(row))
        columns = np.array(rows, dtype=np.int64).reshape(len(rows), COLUMNS)
        return cls(b"".join(texts), columns)

    @classmethod
    def joined(cls, parts: Sequence["Records"]) -> "Records":
        """Return the records of all parts; without a copy when they stand in one block."""
        if len(parts) == 1:
            return parts[0]
        if all(part.data is parts[0].data for part in parts):
            return cls(parts[0].data, np.concatenate([part.columns for part in parts]))
        return cls.of(record for part in parts for record in part)

    def since(self, offset: int) -> "Records":
        """Return the records from an offset on."""
        first = int(np.searchsorted(self.columns[:, OFFSET], offset))
        return self if first == 0 else Records(self.data, self.columns[first:])

    def at(self, offset: int) -> Record:
        """Return the record with an offset.

        Raises:
            KeyError: If there is none.
        """
        place = int(np.searchsorted(self.columns[:, OFFSET], offset))
        if place == len(self) or self.columns[place, OFFSET] != offset:
            raise KeyError(offset)
        return self[place]

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> "Records": ...
    @override
    def __getitem__(self, place: int | slice) -> "Record | Records":
        if isinstance(place, slice):
            return Records(self.data, self.columns[place])
        return self._record(self.columns[place].tolist())

    @override
    def __iter__(self) -> Iterator[Record]:
        return map(self._record, self.columns.tolist())

    @override
    def __len__(self) -> int:
        return len(self.columns)

    def _record(self, row: list[int]) -> Record:
        offset, timestamp, key_begin, key_end, value_begin, value_end = row
        return Record(
            offset,
            timestamp,
            None if key_begin == NULL else self.data[key_begin:key_end],
            None if value_begin == NULL else self.data[value_begin:value_end],
        )


EMPTY: Final = Records(b"", np.empty((0, COLUMNS), dtype=np.int64))


@compiled
def _varint(data: Bytes, at: int) -> tuple[int, int]:
    """Return a zigzag number of variable length, and where it ends."""
    value, shift = 0, 0
    while data[at] & 0x80:
        value |= int(data[at] & 0x7F) << shift
        shift += 7
        at += 1
    value |= int(data[at]) << shift
    return (value >> 1) ^ -(value & 1), at + 1


@compiled
def read_batch(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    data: Bytes, at: int, end: int, base_offset: int, base_timestamp: int, columns: Integers
) -> bool:
    """Read the records of a record batch of format 2 that is not compressed.

    Source: Kafka's documentation, Message Format, Record.

    Args:
        data: What the batch stands in.
        at: Where its first record begins.
        end: Where the batch ends; more than 10 bytes of `data` may follow or not.
        base_offset: Of the batch.
        base_timestamp: Of the batch.
        columns: (record, column) takes them; as many rows as there are records.

    Returns:
        Whether the batch is as long as its records.
    """
    for row in range(len(columns)):
        if at >= end:
            return False
        length, at = _varint(data, at)
        next_at = at + length
        if length < 0 or next_at > end:
            return False
        timestamp, at = _varint(data, at + 1)  # behind the attributes
        offset, at = _varint(data, at)
        columns[row, OFFSET] = base_offset + offset
        columns[row, TIMESTAMP] = base_timestamp + timestamp
        for begins in (KEY_BEGIN, VALUE_BEGIN):
            size, at = _varint(data, at)
            if size < 0:
                columns[row, begins] = columns[row, begins + 1] = NULL
            else:
                columns[row, begins] = at
                at += size
                if at > next_at:
                    return False
                columns[row, begins + 1] = at
        at = next_at
    return at == end
