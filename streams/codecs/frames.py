"""From a record's bytes to frames in arrays: the door of the system.

`schemas.metering.MeterFrame` defines the contract. Here the same verdicts are reached by batch: a
record that `streams.codecs.scanner` finds plain goes straight into arrays; anything else, good or
bad, is judged value by value in `streams.codecs.judgement`. A property test and a fuzzer hold the
two equal.
"""

from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import Final

import numpy as np
import orjson

from streams.codecs.judgement import Judged, is_identifier, judge, largest_wh
from streams.codecs.scanner import (
    CELLS,
    MASK,
    METERS,
    METERS_BEGIN,
    METERS_END,
    MINUTE,
    NUMBERS_A_RECORD,
    SEQUENCE,
    TERMINAL,
    scan,
)
from streams.codecs.terminals import UNKNOWN, Terminal, Terminals
from streams.domain.channels import CHANNELS
from streams.domain.digests import digests
from streams.domain.frames import Block, Frame, MeterList, Rejection, place_of
from streams.records import OFFSET, VALUE_BEGIN, VALUE_END, Integers, Record, Records

_REMEMBERED_BYTES: Final = 64 << 20
_LIMITS_WH: Final = np.array([largest_wh(channel) for channel in range(len(CHANNELS))], np.int64)
_SHAPE: Final = (MASK, METERS, CELLS)
_SAID: Final = (MASK, MINUTE, SEQUENCE, TERMINAL)
_CHANNELS_OF: Final = np.array([mask.bit_count() for mask in range(1 << len(CHANNELS))])


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch after the door: frames and rejections, each in the order of offsets.

    Attributes:
        block: The cells of all frames, where these stand in one; None: nobody knows.
    """

    frames: list[Frame]
    rejections: list[Rejection]
    block: Block | None = None


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
        self._terminals.make_room()
        heads, cells = self._scan(records)
        self._meet(records, heads)
        is_plain = heads[:, MASK] != 0
        if is_plain.all():
            frames = self._plain_frames(records.columns, heads, cells)
            return Decoded(frames, [], Block(cells, heads[:, _SHAPE]))
        frames = self._plain_frames(records.columns[is_plain], heads[is_plain], cells)
        judged = [self._judge(records[place]) for place in np.flatnonzero(~is_plain).tolist()]
        frames += [one.frame for one in judged if one.frame is not None]
        frames.sort(key=lambda frame: frame.place)
        return Decoded(frames, [rejection for one in judged for rejection in one.rejections])

    def _plain_frames(self, columns: Integers, heads: Integers, cells: Integers) -> list[Frame]:
        """Return the frames of plain records; column by column, and made by what is in C."""
        masks, minutes, sequences, numbers = heads[:, _SAID].T.tolist()
        known = self._terminals.known
        terminals = [known[number] for number in numbers]
        in_columns = zip(
            [terminal.community_id for terminal in terminals],
            minutes,
            sequences,
            (columns[:, OFFSET] + place_of(0, generation=self._generation)).tolist(),
            [terminal.meters for terminal in terminals],
            masks,
            _views(cells, heads[:, _SHAPE]),
            digests(cells, heads[:, _SHAPE]),
            repeat(None, len(minutes)),
            repeat(None, len(minutes)),
            strict=True,
        )
        return list(map(tuple.__new__, repeat(Frame), in_columns))

    def _meet(self, records: Records, heads: Integers) -> None:
        """Get to know the terminals that are new; whose terminal can't be read, isn't plain."""
        data = records.data
        is_new = (heads[:, MASK] != 0) & (heads[:, TERMINAL] == UNKNOWN)
        for place in np.flatnonzero(is_new).tolist():
            begin, end = heads[place, METERS_BEGIN], heads[place, METERS_END]
            number = self._number_of(records[place].key or b"", data[begin:end])
            if number == UNKNOWN or self._terminals.meters_of(number) != heads[place, METERS]:
                heads[place, MASK] = 0
            heads[place, TERMINAL] = number

    def _number_of(self, key: bytes, column: bytes) -> int:
        """Return the terminal of a key and the text of its meters; `UNKNOWN` if it isn't plain."""
        number = self._terminals.number_of(key, column)  # the batch may have more of its frames
        if number != UNKNOWN:
            return number
        try:
            community_id, ids = key.decode(), orjson.loads(column)
        except ValueError:
            return UNKNOWN
        if (
            not is_identifier(community_id)
            or len(set(ids)) != len(ids)
            or not all(map(is_identifier, ids))
        ):
            return UNKNOWN
        return self._terminals.remember(key, column, Terminal(community_id, MeterList(tuple(ids))))

    def _scan(self, records: Records) -> tuple[Integers, Integers]:
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
        return heads, self._cells[:used].copy()

    def _judge(self, record: Record) -> Judged:
        return judge(
            record.key,
            record.value,
            offset=record.offset,
            generation=self._generation,
            max_bytes=self._max_frame_bytes,
        )


def _views(cells: Integers, shapes: Integers) -> list[Integers]:
    """Return the cells of each frame, (channel, meter), none copied.

    Args:
        cells: One frame after the other.
        shapes: (frame, 3): mask of its channels, number of its meters, where its cells begin.
    """
    rows, meters, begins = _CHANNELS_OF[shapes[:, 0]], shapes[:, 1], shapes[:, 2]
    ends = begins + rows * meters
    # Neighbours of one shape, as they nearly all are, are made together.
    is_border = (rows[1:] != rows[:-1]) | (meters[1:] != meters[:-1]) | (begins[1:] != ends[:-1])
    borders = [0, *(np.flatnonzero(is_border) + 1).tolist(), len(shapes)]
    views: list[Integers] = []
    for first, end in pairwise(borders):
        if first < end:
            together = cells[begins[first] : ends[end - 1]]
            views.extend(together.reshape(end - first, rows[first], meters[first]))
    return views
