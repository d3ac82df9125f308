"""Record batches written in one go, for messages that are all there.

Deviation from aiokafka 0.14, whose builder takes one message after the other through three calls
and computes checksums by tables. What is sent is the same, byte for byte but for the timestamps,
and the producer treats it as its own.
"""

import struct
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import google_crc32c
import numpy as np
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c
from typing_extensions import override

from streams.compiled import compiled
from streams.records import NULL, Bytes, Integers

Message = tuple[bytes | None, bytes | None]

# Kafka's documentation, Message Format, Record Batch: what the checksum is of begins with the
# attributes.
_BEFORE_CHECKSUM: Final = struct.Struct(">qiibI")  # base offset, length, epoch, format, checksum
_AFTER_CHECKSUM: Final = struct.Struct(">hiqqqhii")
_LENGTH_COUNTS_FROM: Final = 12
_FORMAT: Final = 2
_TRANSACTIONAL: Final = 0x10
_NOT_KNOWN: Final = -1
_SEVEN_BITS: Final = 0x7F
_GOES_ON: Final = 0x80
_MOST_BYTES_AROUND: Final = 5 * 4 + 3  # four lengths or offsets; attributes, time, headers

HEADER_BYTES: Final = _BEFORE_CHECKSUM.size + _AFTER_CHECKSUM.size


class RecordBatch(BatchBuilder):  # type: ignore[misc] # aiokafka has no types
    """Records that are ready to be sent; it takes no more."""

    def __init__(
        self, records: bytes, count: int, *, timestamp_ms: int, transactional: bool
    ) -> None:
        """Put so many records, written by `_write`, under one timestamp."""
        self._records = records
        self._relative_offset = count
        self._timestamp_ms = timestamp_ms
        self._attributes = _TRANSACTIONAL if transactional else 0
        self._producer = (_NOT_KNOWN, _NOT_KNOWN, _NOT_KNOWN)
        self._buffer: bytes | None = None
        self._closed = True

    @override
    def _set_producer_state(
        self, producer_id: int, producer_epoch: int, base_sequence: int
    ) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

    @override
    def _build(self) -> bytes:
        if self._buffer is None:
            count, time = self._relative_offset, self._timestamp_ms
            checked = (
                _AFTER_CHECKSUM.pack(
                    self._attributes, count - 1, time, time, *self._producer, count
                )
                + self._records
            )
            length = _BEFORE_CHECKSUM.size - _LENGTH_COUNTS_FROM + len(checked)
            head = _BEFORE_CHECKSUM.pack(0, length, _NOT_KNOWN, _FORMAT, _checksum(checked))
            self._buffer = head + checked
        return self._buffer

    @override
    def size(self) -> int:
        return HEADER_BYTES + len(self._records)


def _checksum(data: bytes) -> int:
    in_hardware = google_crc32c.implementation == "c"
    return int(google_crc32c.value(data) if in_hardware else calc_crc32c(data))


def record_batches(
    messages: Iterable[Message], *, max_bytes: int, timestamp_ms: int, transactional: bool
) -> Iterator[RecordBatch]:
    """Yield messages as record batches, each at most so long, or of one message that is longer."""
    texts = list(chain.from_iterable(messages))
    lengths = np.array([NULL if text is None else len(text) for text in texts], dtype=np.int64)
    data = np.frombuffer(b"".join([text for text in texts if text]), dtype=np.uint8)
    room = np.empty(len(data) + len(texts) // 2 * _MOST_BYTES_AROUND, dtype=np.uint8)
    first, read = 0, 0
    while first < len(lengths):
        last, read, written = _write(data, read, lengths, first, max_bytes - HEADER_BYTES, room)
        yield RecordBatch(
            room[:written].tobytes(),
            (last - first) // 2,
            timestamp_ms=timestamp_ms,
            transactional=transactional,
        )
        first = last


@compiled
def _put_varint(number: int, out: Bytes, at: int) -> int:
    """Write a zigzag number of variable length; return where it ends."""
    rest = (number << 1) ^ (number >> 63)
    while rest > _SEVEN_BITS:
        out[at] = rest & _SEVEN_BITS | _GOES_ON
        rest >>= 7
        at += 1
    out[at] = rest
    return at + 1


@compiled
def _varint_bytes(number: int) -> int:
    rest = (number << 1) ^ (number >> 63)
    size = 1
    while rest > _SEVEN_BITS:
        rest >>= 7
        size += 1
    return size


@compiled
def _write(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    data: Bytes, read: int, lengths: Integers, first: int, max_bytes: int, out: Bytes
) -> tuple[int, int, int]:
    """Write records of format 2, as many as go into `max_bytes` but at least one.

    Args:
        data: Keys and values, one after the other.
        read: Where in `data` the first one begins.
        lengths: Of keys and values in turn, `NULL` for none.
        first: The first key's place in `lengths`.
        max_bytes: Of the records.
        out: Takes them.

    Returns:
        The first key's place that was not written, where it begins in `data`, and how many bytes
        were written.
    """
    place, at = first, 0
    while place < len(lengths):
        number = (place - first) // 2
        body = 3 + _varint_bytes(number)  # attributes, time, headers
        for length in lengths[place : place + 2]:
            body += _varint_bytes(length) + max(length, 0)
        if place > first and at + _varint_bytes(body) + body > max_bytes:
            break
        at = _put_varint(body, out, at)
        out[at] = out[at + 1] = 0
        at = _put_varint(number, out, at + 2)
        for length in lengths[place : place + 2]:
            at = _put_varint(length, out, at)
            if length > 0:
                out[at : at + length] = data[read : read + length]
                at += length
                read += length
        out[at] = 0
        at += 1
        place += 2
    return place, read, at
