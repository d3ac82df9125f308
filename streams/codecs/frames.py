"""From a record's bytes to frames in arrays: the door of the system.

`schemas.metering.MeterFrame` defines the contract. Here the same verdicts are reached by batch: a
record that simdjson and a few type checks find plain goes straight into arrays; anything else,
good or bad, is judged value by value in `streams.codecs.judgement`. A property test and a fuzzer
hold the two equal.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import orjson
import simdjson

from schemas.units import MINUTE_S
from streams.codecs.judgement import (
    MAX_SEQUENCE,
    Judged,
    is_identifier,
    judge,
    largest_wh,
)
from streams.domain.channels import CHANNELS, MISSING, positions
from streams.domain.frames import Frame, MeterList, Rejection, place_of
from streams.domain.rounding import to_mwh

_COLUMNS: Final = {f"{channel}_wh": bit for bit, channel in enumerate(CHANNELS)}
_OTHERS: Final = {"community_id", "minute", "meter_id"}
_LARGEST_REMEMBERED: Final = 100_000
_INT32_MAX: Final = 2**31 - 1
_BYTES_OF_A_DOUBLE: Final = 8
# simdjson reads a column of numbers into an array at once, but no null: so each null becomes a
# number that nobody sends. Where one stood in a name, the names no longer fit and all is judged.
_NULL: Final = b"-9e9"
_NULL_WH: Final = float(_NULL)


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


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the columns of a frame with these keys are: names by channel, and the mask."""

    names: tuple[str, ...]
    mask: int
    size: int
    has_sequence: bool


class _Plain(NamedTuple):
    """A record that looks right so far; its numbers wait for the rest of its group."""

    place: int
    community_id: str
    minute: int
    sequence: int
    meters: MeterList
    numbers: bytes
    nulls: int


class FrameDecoder:
    """Decodes batches; remembers meter lists and layouts, so that they are parsed once."""

    def __init__(self, *, max_frame_bytes: int, generation: int) -> None:
        """Refuse records larger than `max_frame_bytes`; they come from a topic's `generation`."""
        self._generation = generation
        self._max_frame_bytes = max_frame_bytes
        # The document comes back as one of many types; what is done with it tells.
        self._parse: Callable[[bytes], Any] = simdjson.Parser().parse
        self._layouts: dict[bytes, _Layout] = {}
        self._communities: dict[bytes, str] = {}
        self._meters: dict[bytes, MeterList] = {}

    def decode(self, records: Sequence[Record]) -> Decoded:
        """Return what the records hold, each record as frame, rejections, or both."""
        frames: list[Frame | None] = [None] * len(records)
        groups: dict[tuple[int, int], list[_Plain]] = {}
        unplain = [
            place
            for place, record in enumerate(records)
            if not self._plain(place, record.key, record.value, groups)
        ]
        for (mask, n_meters), group in groups.items():
            unplain += self._convert(mask, n_meters, group, records, frames)
        rejections: list[Rejection] = []
        for place in sorted(unplain):
            judged = self._judge(records[place])
            frames[place] = judged.frame
            rejections += judged.rejections
        return Decoded([frame for frame in frames if frame is not None], rejections)

    def _judge(self, record: Record) -> Judged:
        return judge(
            record.key,
            record.value,
            offset=record.offset,
            generation=self._generation,
            max_bytes=self._max_frame_bytes,
        )

    def _plain(  # noqa: PLR0911 - a chain of checks
        self,
        place: int,
        key: bytes | None,
        value: bytes | None,
        groups: dict[tuple[int, int], list[_Plain]],
    ) -> bool:
        """Put the record into its group if it is plain; say whether it was."""
        if key is None or value is None or len(value) > self._max_frame_bytes or value[:1] != b"{":
            return False
        nulls = value.count(b"null") if b"n" in value else 0
        try:
            document = self._parse(value.replace(b"null", _NULL) if nulls else value)
            layout = self._layout(key, document)
            # simdjson flattens nested arrays: one bracket a column shows that there are none.
            if layout is None or value.count(b"[") != len(layout.names) + 1:
                return False
            community_id, minute = self._community(key), document["minute"]
            sequence = document["sequence"] if layout.has_sequence else -1
            if sequence == _NULL_WH:
                sequence, nulls = -1, nulls - 1
            elif layout.has_sequence and (
                type(sequence) is not int or not 0 <= sequence <= MAX_SEQUENCE
            ):
                return False
            meters = self._meter_list(value)
            if (
                meters is None
                or document["community_id"] != community_id
                or type(minute) is not int
                or minute < 0
                or minute % MINUTE_S
            ):
                return False
            columns = [document[name].as_buffer(of_type="d") for name in layout.names]
        except (ValueError, TypeError, AttributeError, KeyError, RuntimeError):
            # What simdjson can't read, or reads as another type, is judged in full.
            self._layouts.pop(key, None)
            return False
        n_meters = len(meters.ids)
        for column in columns:
            if memoryview(column).nbytes != _BYTES_OF_A_DOUBLE * n_meters:
                return False
        groups.setdefault((layout.mask, n_meters), []).append(
            _Plain(place, community_id, minute, sequence, meters, b"".join(columns), nulls)
        )
        return True

    def _layout(self, key: bytes, document: simdjson.Object) -> _Layout | None:
        """Return how a community's document is laid out; None when it is no frame.

        A terminal sends one layout for ever. A document with as many keys, and with every name
        of the layout among them, has that layout: a key standing twice would leave a name out.
        """
        layout = self._layouts.get(key)
        if layout is None or layout.size != len(document):
            layout = _layout_of(tuple(document.keys()))
            if layout is not None:
                if len(self._layouts) >= _LARGEST_REMEMBERED:
                    self._layouts.clear()
                self._layouts[key] = layout
        return layout

    def _convert(
        self,
        mask: int,
        n_meters: int,
        group: list[_Plain],
        records: Sequence[Record],
        frames: list[Frame | None],
    ) -> Iterator[int]:
        """Turn one group's numbers into mWh together; yield places with an impossible one."""
        channels = positions(mask)
        energy_wh = np.frombuffer(b"".join([plain.numbers for plain in group])).reshape(
            len(group), len(channels), n_meters
        )
        limits = np.array([largest_wh(channel) for channel in channels])[:, None]
        nulls = energy_wh == _NULL_WH
        out_of_range = (energy_wh < 0) ^ nulls | (energy_wh > limits)
        # A terminal that sends the stand-in itself betrays it by the number of them.
        impossible: npt.NDArray[np.bool_] = np.any(out_of_range, axis=(1, 2)) | (
            nulls.sum(axis=(1, 2)) != [plain.nulls for plain in group]
        )
        energy_mwh = to_mwh(np.where(out_of_range | nulls, 0.0, energy_wh))
        energy_mwh[nulls] = MISSING
        cells = energy_mwh
        if energy_mwh.size and energy_mwh.max() <= _INT32_MAX:
            cells = energy_mwh.astype(np.int32)
        base = place_of(0, generation=self._generation)
        for plain, row, is_impossible in zip(group, cells, impossible.tolist(), strict=True):
            place = plain.place
            if is_impossible:
                yield place
            else:
                frames[place] = Frame(
                    plain.community_id,
                    plain.minute,
                    plain.sequence,
                    base + records[place].offset,
                    plain.meters,
                    mask,
                    row,
                )

    def _community(self, key: bytes) -> str:
        try:
            return self._communities[key]
        except KeyError:
            community_id = key.decode()
            if not is_identifier(community_id):
                raise ValueError("judged in full") from None
            if len(self._communities) >= _LARGEST_REMEMBERED:
                self._communities.clear()
            self._communities[key] = community_id
            return community_id

    def _meter_list(self, value: bytes) -> MeterList | None:
        """Return the frame's meters by the bytes of their column; None when it isn't plain.

        In a valid JSON object without inner objects, `"meter_id"` followed by a colon is the key
        and nothing else, since a quote within a string is escaped.
        """
        start = value.find(b'"meter_id"')
        opening = value.find(b"[", start)
        closing = value.find(b"]", opening)
        if value[start + 10 : opening].strip() != b":":
            return None
        column = value[opening : closing + 1]
        try:
            return self._meters[column]
        except KeyError:
            ids = orjson.loads(column)
            if not ids or len(set(ids)) != len(ids) or not all(map(is_identifier, ids)):
                return None
            meters = MeterList(tuple(ids))
            if len(self._meters) >= _LARGEST_REMEMBERED:
                self._meters.clear()
            self._meters[column] = meters
            return meters


def _layout_of(keys: tuple[str, ...]) -> _Layout | None:
    found = set(keys)
    columns = found & _COLUMNS.keys()
    others = found - columns
    if len(found) != len(keys) or others - {"sequence"} != _OTHERS or "consumption_wh" not in found:
        return None
    names = tuple(sorted(columns, key=_COLUMNS.__getitem__))
    mask = sum(1 << _COLUMNS[name] for name in names)
    return _Layout(names, mask, len(keys), has_sequence="sequence" in found)
