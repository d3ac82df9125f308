"""From a record's bytes to frames in arrays: the door of the system.

`schemas.metering.MeterFrame` defines the contract. Here the same verdicts are reached by batch: a
record that simdjson and a few type checks find plain goes straight into arrays; anything else,
good or bad, is judged value by value in `streams.codecs.judgement`. A property test and a fuzzer
hold the two equal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

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
from streams.domain.channels import CHANNELS, positions
from streams.domain.frames import Frame, MeterList, Rejection, place_of
from streams.domain.rounding import to_mwh

_COLUMNS: Final = {f"{channel}_wh": bit for bit, channel in enumerate(CHANNELS)}
_OTHERS: Final = {"community_id", "minute", "meter_id"}
_LARGEST_REMEMBERED: Final = 100_000
_INT32_MAX: Final = 2**31 - 1
_BYTES_OF_A_DOUBLE: Final = 8


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
    has_sequence: bool


@dataclass(slots=True)
class _Plain:
    """A record that looks right so far; its numbers wait for the rest of its group."""

    place: int
    community_id: str
    minute: int
    sequence: int
    meters: MeterList
    numbers: bytes


class FrameDecoder:
    """Decodes batches; remembers meter lists and layouts, so that they are parsed once."""

    def __init__(self, *, max_frame_bytes: int, generation: int) -> None:
        """Refuse records larger than `max_frame_bytes`; they come from a topic's `generation`."""
        self._generation = generation
        self._max_frame_bytes = max_frame_bytes
        # The document comes back as one of many types; what is done with it tells.
        self._parse: Callable[[bytes], Any] = simdjson.Parser().parse
        self._layouts: dict[tuple[str, ...], _Layout | None] = {}
        self._communities: dict[bytes, str] = {}
        self._meters: dict[bytes, MeterList] = {}

    def decode(self, records: Sequence[Record]) -> Decoded:
        """Return what the records hold, each record as frame, rejections, or both."""
        judged: list[Judged | None] = [None] * len(records)
        groups: dict[tuple[int, int], list[_Plain]] = {}
        for place, record in enumerate(records):
            plain = self._plain(place, record.key, record.value, groups)
            if not plain:
                judged[place] = self._judge(record)
        for (mask, n_meters), group in groups.items():
            self._convert(mask, n_meters, group, records, judged)
        frames: list[Frame] = []
        rejections: list[Rejection] = []
        for verdict in judged:
            if verdict is not None:
                if verdict.frame is not None:
                    frames.append(verdict.frame)
                rejections += verdict.rejections
        return Decoded(frames, rejections)

    def _judge(self, record: Record) -> Judged:
        return judge(
            record.key,
            record.value,
            offset=record.offset,
            generation=self._generation,
            max_bytes=self._max_frame_bytes,
        )

    def _plain(
        self,
        place: int,
        key: bytes | None,
        value: bytes | None,
        groups: dict[tuple[int, int], list[_Plain]],
    ) -> bool:
        """Put the record into its group if it is plain; say whether it was."""
        if (
            key is None
            or value is None
            or len(value) > self._max_frame_bytes
            or value[:1] != b"{"
            or value.count(b"{") != 1
        ):
            return False
        try:
            document = self._parse(value)
            layout = self._layout(tuple(document.keys()))
            # simdjson flattens nested arrays: one bracket a column shows that there are none.
            if layout is None or value.count(b"[") != len(layout.names) + 1:
                return False
            community_id = self._community(key)
            minute = document["minute"]
            sequence = document["sequence"] if layout.has_sequence else -1
            meters = self._meter_list(value)
            if (
                meters is None
                or document["community_id"] != community_id
                or type(minute) is not int
                or minute < 0
                or minute % MINUTE_S
                or type(sequence) is not int
                or not -1 <= sequence <= MAX_SEQUENCE
                or (sequence < 0 and layout.has_sequence)
            ):
                return False
            parts = [_numbers(document[name]) for name in layout.names]
        except (ValueError, TypeError, AttributeError, RuntimeError):
            # What simdjson can't read, or reads as another type, is judged in full.
            return False
        n_meters = len(meters.ids)
        if any(part.nbytes != _BYTES_OF_A_DOUBLE * n_meters for part in parts):
            return False
        groups.setdefault((layout.mask, n_meters), []).append(
            _Plain(place, community_id, minute, sequence, meters, b"".join(parts))
        )
        return True

    def _convert(
        self,
        mask: int,
        n_meters: int,
        group: list[_Plain],
        records: Sequence[Record],
        judged: list[Judged | None],
    ) -> None:
        """Turn one group's numbers into mWh together; judge those with an impossible one."""
        channels = positions(mask)
        energy_wh = np.frombuffer(b"".join([plain.numbers for plain in group])).reshape(
            len(group), len(channels), n_meters
        )
        limits = np.array([largest_wh(channel) for channel in channels])[:, None]
        out_of_range = (energy_wh < 0) | (energy_wh > limits)
        impossible: npt.NDArray[np.bool_] = np.any(out_of_range, axis=(1, 2))
        energy_mwh = to_mwh(np.where(out_of_range, 0.0, energy_wh))
        cells = energy_mwh
        if energy_mwh.size and energy_mwh.max() <= _INT32_MAX:
            cells = energy_mwh.astype(np.int32)
        for row, plain in enumerate(group):
            record = records[plain.place]
            if impossible[row]:
                judged[plain.place] = self._judge(record)
                continue
            judged[plain.place] = Judged(
                Frame(
                    plain.community_id,
                    plain.minute,
                    plain.sequence,
                    place_of(record.offset, generation=self._generation),
                    plain.meters,
                    mask,
                    cells[row],
                ),
                (),
            )

    def _layout(self, keys: tuple[str, ...]) -> _Layout | None:
        try:
            return self._layouts[keys]
        except KeyError:
            layout = _layout_of(keys)
            if len(self._layouts) < _LARGEST_REMEMBERED:
                self._layouts[keys] = layout
            return layout

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
    return _Layout(
        names, sum(1 << _COLUMNS[name] for name in names), has_sequence="sequence" in found
    )


def _numbers(column: simdjson.Array) -> memoryview:
    """Return a column's numbers as doubles, NaN for null.

    Raises:
        TypeError: If it holds anything else.
        AttributeError: If it is no array.
    """
    try:
        return memoryview(column.as_buffer(of_type="d"))
    except TypeError:
        numbers = column.as_list()
        if not set(map(type, numbers)) <= {float, int, type(None)}:
            raise
        return np.array(numbers, dtype=np.float64).data
