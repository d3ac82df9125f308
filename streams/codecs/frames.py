"""From a record's bytes to frames in arrays: the door of the system.

`schemas.metering.MeterFrame` defines the contract. Here the same verdicts are reached by batch: a
record that `streams.codecs.scanner` finds plain goes straight into arrays; anything else, good or
bad, is judged value by value in `streams.codecs.judgement`. A property test and a fuzzer hold the
two equal.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from streams.codecs.judgement import Judged, is_identifier, judge, largest_wh
from streams.codecs.scanner import NUMBERS_A_RECORD, scan
from streams.codecs.terminals import UNKNOWN, Terminal, Terminals
from streams.domain.channels import CHANNELS
from streams.domain.frames import Frame, MeterList, Rejection, place_of
from streams.records import VALUE_BEGIN, VALUE_END, Record, Records

_REMEMBERED_BYTES: Final = 64 << 20
_LIMITS_WH: Final = np.array([largest_wh(channel) for channel in range(len(CHANNELS))], np.int64)
_CHANNELS_OF: Final = [mask.bit_count() for mask in range(1 << len(CHANNELS))]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch after the door: frames and rejections, each in the order of offsets."""

    frames: list[Frame]
    rejections: list[Rejection]


class FrameDecoder:
    """Decodes batches; remembers each community's meter list, so that it is parsed once."""

    def __init__(self, *, max_frame_bytes: int, generation: int) -> None:
        """Refuse records larger than `max_frame_bytes`; they come from a topic's `generation`."""
        self._generation = generation
        self._max_frame_bytes = max_frame_bytes
        self._terminals = Terminals(max_bytes=_REMEMBERED_BYTES)
        self._cells = np.empty(0, dtype=np.int64)

    def decode(self, records: Records) -> Decoded:
        """Return what the records hold, each record as frame, rejections, or both."""
        frames: list[Frame] = []
        rejections: list[Rejection] = []
        known = self._terminals.known
        heads, cells = self._scan(records)
        data, base = records.data, place_of(0, generation=self._generation)
        for place, (row, head) in enumerate(zip(records.columns.tolist(), heads, strict=True)):
            mask, minute, sequence, n_meters, begin, number, meters_begin, meters_end = head
            if mask:
                offset, _, key_begin, key_end, _, _ = row
                terminal = (
                    known[number]
                    if number != UNKNOWN
                    else self._read_terminal(data[key_begin:key_end], data[meters_begin:meters_end])
                )
                if terminal is not None and len(terminal.meters.ids) == n_meters:
                    rows = _CHANNELS_OF[mask]
                    frames.append(
                        Frame(
                            terminal.community_id,
                            minute,
                            sequence,
                            base + offset,
                            terminal.meters,
                            mask,
                            cells[begin : begin + rows * n_meters].reshape(rows, n_meters),
                        )
                    )
                    continue
            judged = self._judge(records[place])
            rejections += judged.rejections
            if judged.frame is not None:
                frames.append(judged.frame)
        return Decoded(frames, rejections)

    def _scan(self, records: Records) -> tuple[list[list[int]], npt.NDArray[np.int64]]:
        """Return what the scan tells of each record, and all cells in a row."""
        columns = records.columns
        bytes_of_values = int((columns[:, VALUE_END] - columns[:, VALUE_BEGIN]).sum())
        if len(self._cells) < bytes_of_values:
            self._cells = np.empty(bytes_of_values, dtype=np.int64)
        heads = np.empty((len(columns), NUMBERS_A_RECORD), dtype=np.int64)
        text = np.frombuffer(records.data, dtype=np.uint8)
        terminals = self._terminals
        used = scan(
            text,
            columns,
            self._max_frame_bytes,
            _LIMITS_WH,
            terminals.text,
            terminals.spans,
            terminals.slots,
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

    def _read_terminal(self, key: bytes, column: bytes) -> Terminal | None:
        """Return whose frame this is, by its key and the text of its meters; None if not plain."""
        known = self._terminals.of(key, column)  # since the scan: a batch may have more of its
        if known is not None:
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
        terminal = Terminal(community_id, MeterList(tuple(ids)))
        self._terminals.remember(key, column, terminal)
        return terminal
