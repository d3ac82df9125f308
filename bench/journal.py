"""What was measured so far, a line for each run, so that a later call can go on."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.measuring import Measurement


@dataclass(frozen=True, slots=True)
class Line:
    """A measurement: of which peer, in which round."""

    peer: str
    round: int
    measurement: Measurement


class Journal:
    """Lines of JSON in a file."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        """Go on with the file, or begin it anew."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not resume:
            path.unlink(missing_ok=True)

    def add(self, line: Line) -> None:
        """Write a line down, for good."""
        with self._path.open("ab") as lines:
            lines.write(orjson.dumps(dataclasses.asdict(line)) + b"\n")

    def lines(self) -> list[Line]:
        """Return all lines."""
        if not self._path.exists():
            return []
        found = map(orjson.loads, self._path.read_bytes().splitlines())
        return [
            Line(line["peer"], line["round"], Measurement(**line["measurement"])) for line in found
        ]
