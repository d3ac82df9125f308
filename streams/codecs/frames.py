"""From a record's bytes to frames in arrays: the door of the system.

`schemas.metering.MeterFrame` defines the contract. Here the same verdicts are reached by batch: a
record that `streams.codecs.scanner` finds plain goes straight into arrays; anything else, good or
bad, is judged value by value in `streams.codecs.judgement`. A property test and a fuzzer hold the
two equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import orjson

from streams.codecs.judgement import Judged, is_identifier, judge, largest_wh
from streams.codecs.scanner import NUMBERS_A_RECORD, scan
from streams.domain.channels import CHANNELS
from streams.domain.frames import Frame, MeterList, Rejection, place_of

_LARGEST_REMEMBERED: Final = 100_000
_LIMITS_WH: Final = np.array([largest_wh(channel) for channel in range(len(CHANNELS))], np.int64)
_CHANNELS_OF: Final = [mask.bit_count() for mask in range(1 << len(CHANNELS))]


class Record(Protocol):
    """What is used of a record that a Kafka client returns."""

    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch after the door: frames and rejections, each in the order of offsets."""

    frames: list[Frame]
    rejections: list[Rejection]


class _Terminal(NamedTuple):
    """What a community's last plain frame said of it: the next one nearly always says the same."""

    community_id: str
    column: bytes
    meters: MeterList


class FrameDecoder:
    """Decodes batches; remembers each community's meter list, so that it is parsed once."""

    def __init__(self, *, max_frame_bytes: int, generation: int) -> None:
        """Refuse records larger than `max_frame_bytes`; they come from a topic's `generation`."""
        self._generation = generation
        self._max_frame_bytes = max_frame_bytes
        self._terminals: dict[bytes, _Terminal] = {}
        self._cells = np.empty(0, dtype=np.int64)

    def decode(self, records: Sequence[Record]) -> Decoded:
        """Return what the records hold, each record as frame, rejections, or both."""
        frames: list[Frame] = []
        rejections: list[Rejection] = []
        values = [self._readable(record) for record in records]
        heads, cells = self._scan(records, values)
        base = place_of(0, generation=self._generation)
        for record, value, head in zip(records, values, heads, strict=True):
            mask, minute, sequence, n_meters, begin, column_begin, column_end = head
            if mask:
                terminal = self._terminal(record.key or b"", value[column_begin:column_end])
                if terminal is not None and len(terminal.meters.ids) == n_meters:
                    rows = _CHANNELS_OF[mask]
                    frames.append(
                        Frame(
                            terminal.community_id,
                            minute,
                            sequence,
                            base + record.offset,
                            terminal.meters,
                            mask,
                            cells[begin : begin + rows * n_meters].reshape(rows, n_meters),
                        )
                    )
                    continue
            judged = self._judge(record)
            rejections += judged.rejections
            if judged.frame is not None:
                frames.append(judged.frame)
        return Decoded(frames, rejections)

    def _readable(self, record: Record) -> bytes:
        """Return what the scan may read of a record; nothing when it is judged anyway."""
        value = record.value
        if record.key is None or value is None or len(value) > self._max_frame_bytes:
            return b""
        return value

    def _scan(
        self, records: Sequence[Record], values: list[bytes]
    ) -> tuple[list[list[int]], npt.NDArray[np.int64]]:
        """Return what the scan tells of each record, and all cells in a row."""
        keys = [record.key or b"" for record in records]
        text = np.frombuffer(b"\0".join([*values, b""]), dtype=np.uint8)
        if len(self._cells) < len(text):
            self._cells = np.empty(len(text), dtype=np.int64)
        heads = np.empty((len(records), NUMBERS_A_RECORD), dtype=np.int64)
        used = scan(
            text,
            _lengths(values),
            np.frombuffer(b"".join([*keys, b"\0"]), dtype=np.uint8),
            _lengths(keys),
            _LIMITS_WH,
            self._cells,
            heads,
        )
        return heads.tolist(), self._cells[:used].copy()

    def _judge(self, record: Record) -> Judged:
        return judge(
            record.key,
            record.value,
            offset=record.offset,
            generation=self._generation,
            max_bytes=self._max_frame_bytes,
        )

    def _terminal(self, key: bytes, column: bytes) -> _Terminal | None:
        """Return whose frame this is, by its key and the bytes of its meters; None if not plain."""
        known = self._terminals.get(key)
        if known is not None and known.column == column:
            return known
        try:
            community_id, ids = key.decode(), orjson.loads(column)
        except ValueError:
            return None
        if (
            not is_identifier(community_id)
            or len(set(ids)) != len(ids)
            or not all(map(is_identifier, ids))
        ):
            return None
        if len(self._terminals) >= _LARGEST_REMEMBERED:
            self._terminals.clear()
        terminal = self._terminals[key] = _Terminal(community_id, column, MeterList(tuple(ids)))
        return terminal


def _lengths(texts: Sequence[bytes]) -> npt.NDArray[np.int64]:
    return np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
