"""Frames from a file, sent again: JSON lines, each a frame, or a key and a value."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from load_generator.frames import Frame
from load_generator.sender import Speed, send
from schemas.errors import OperatorError


class ReplayError(OperatorError):
    """A file that can't be replayed; the text is one line: file, line, rule."""


@dataclass(frozen=True)
class Replayed:
    """How many frames and readings the broker has acknowledged, and in how long."""

    frames: int
    readings: int
    seconds: float


async def replay(
    path: Path,
    *,
    broker: str,
    topic: str,
    speed: Speed = "max",
    security: Mapping[str, Any] | None = None,
) -> Replayed:
    """Send a file's frames in their order, paced by their minutes; `security` as in `send`.

    Raises:
        ReplayError: If the file or a line of it can't be read; what stands before it is sent.
        SendError: If the broker can't be reached or did not take a frame.
    """
    frames = readings = 0

    def told() -> Iterator[tuple[int, list[Frame]]]:
        nonlocal frames, readings
        for minute, lines in groupby(read_frames(path), key=itemgetter(0)):
            together = [frame for _, frame in lines]
            yield minute, together
            frames += len(together)
            readings += sum(frame.readings for frame in together)

    begin = time.perf_counter()
    await send(told(), broker=broker, topic=topic, speed=speed, security=security)
    return Replayed(frames, readings, time.perf_counter() - begin)


def read_frames(path: Path) -> Iterator[tuple[int, Frame]]:
    """Yield each line's frame with the newest minute so far, epoch seconds.

    A line is `{"key": ..., "value": {...}}`, or the frame itself, which is then sent byte for
    byte with its `community_id` as the key. Blank lines are passed over.

    Raises:
        ReplayError: If the file or a line of it can't be read.
    """
    newest = 0
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    minute, frame = _frame(f"{path}: line {number}", line.strip())
                    newest = max(newest, minute)
                    yield newest, frame
    except OSError as error:
        raise ReplayError(f"{path}: cannot be read: {error.strerror}") from error


def _frame(where: str, line: bytes) -> tuple[int, Frame]:
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ReplayError(f"{where}: not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ReplayError(f"{where}: a frame or a key and a value expected, as a JSON object")
    wrapped = content.keys() == {"key", "value"}
    value = content["value"] if wrapped else content
    key = content["key"] if wrapped else content.get("community_id")
    if not isinstance(value, dict) or not isinstance(key, str):
        raise ReplayError(f"{where}: no key; a community_id or a key with a value is needed")
    minute, meters = value.get("minute"), value.get("meter_id")
    if not isinstance(minute, int) or not isinstance(meters, list):
        raise ReplayError(f"{where}: a frame has a whole number 'minute' and a list 'meter_id'")
    return minute, Frame(key.encode(), orjson.dumps(value) if wrapped else line, len(meters))
