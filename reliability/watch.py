"""Looking on while it happens: is the system well, and does a reader ever see an older version."""

import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import urllib3

from reliability.ground import Ground
from schemas.units import PERIOD_S

_EVERY_S: Final = 0.4
_READ_EVERY: Final = 4
_STEADY_S: Final = 2.0
"""A paused worker that wakes believes to be well for a moment; so being well has to last."""
_BEHIND_S: Final = 4.0
"""What was sent longer ago has to be in ClickHouse."""
_HTTP: Final = urllib3.PoolManager(
    timeout=urllib3.Timeout(connect=0.5, read=2.0), retries=False, maxsize=8
)
_NEWEST: Final = (
    "SELECT toUnixTimestamp(min(newest)), count() FROM (SELECT community_id, max(minute) AS newest "
    "FROM smatrix.community_minutes GROUP BY community_id)"
)
_NEWEST_AUTARKY: Final = (
    "SELECT toUnixTimestamp(min(newest)), count() FROM (SELECT community_id, max(period_start) "
    "AS newest FROM smatrix.community_autarky_quarter_hours GROUP BY community_id)"
)
_NEWEST_DECIDED: Final = (
    "SELECT toUnixTimestamp(min(newest)), count() FROM (SELECT community_id, max(minute) AS newest "
    "FROM smatrix.told_regulation_minutes GROUP BY community_id)"
)
_LATENESS_S: Final = 180
"""A period is told once its community's newest minute is so far behind its end, at the latest."""
_VERSIONS: Final = {
    "household-intervals": (
        "SELECT community_id, toUnixTimestamp(period_start), min(version), max(version) "
        "FROM smatrix.household_quarter_hours GROUP BY 1, 2"
    ),
    "community-minutes": (
        "SELECT community_id, toUnixTimestamp(minute), version, version "
        "FROM smatrix.community_minutes"
    ),
    "autarky-intervals": (
        "SELECT community_id, toUnixTimestamp(period_start), min(version), max(version) "
        "FROM smatrix.household_autarky_quarter_hours GROUP BY 1, 2"
    ),
    "autarky-changes": (
        "SELECT community_id, meter_id, toUnixTimestamp(period_start), version, version "
        "FROM smatrix.autarky_told_changes FINAL"
    ),
}


@dataclass(frozen=True, slots=True)
class Load:
    """The load as its log tells it.

    Attributes:
        log: What it says.
        first_minute: Epoch seconds.
        minutes: How many it sends.
        communities: How many it plays.
        speed: Event seconds a second.
    """

    log: Path
    first_minute: int
    minutes: int
    communities: int
    speed: float

    def due(self, *, hops: int = 1) -> int:
        """Return the minute (epoch s) up to which everything has to be in ClickHouse by now.

        `hops`: through so many workers after each other it comes there.
        """
        words = self.log.read_text().split() if self.log.exists() else []
        told = [word for word in words if word.startswith("minutes=")]
        sent = int(told[-1].removeprefix("minutes=").partition("/")[0]) if told else 0
        behind = 0.0 if sent == self.minutes else hops * _BEHIND_S * self.speed / 60
        return self.first_minute + int(max(sent - 1 - behind, 0)) * 60


@dataclass(slots=True)
class Watch:
    """A thread that looks on; use it in a `with` block.

    Attributes:
        samples: When (monotonic seconds), and what was amiss; None: nothing.
        reversals: Versions that went back for a reader, in words.
    """

    ground: Ground
    load: Load
    samples: list[tuple[float, str | None]] = field(default_factory=list)
    reversals: list[str] = field(default_factory=list)
    _seen: dict[tuple[str, ...], tuple[int, int]] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(10)

    def well_since(self, moment: float) -> float | None:
        """Return when the system came to be well, from a moment on; None while it has not."""
        begin: float | None = None
        for at, obstacle in self.samples:
            if at < moment:
                continue
            if obstacle is not None:
                begin = None
                continue
            begin = at if begin is None else begin
            if at - begin >= _STEADY_S:
                return begin
        return None

    @property
    def is_well(self) -> bool:
        """Whether the system has been well for a while."""
        return self.well_since(time.monotonic() - 2 * _STEADY_S) is not None and (
            self.obstacle is None
        )

    @property
    def obstacle(self) -> str | None:
        """What is amiss now."""
        return self.samples[-1][1] if self.samples else "not looked yet"

    def _look_on(self) -> None:
        looks = 0
        while not self._over.wait(_EVERY_S):
            at = time.monotonic()
            self.samples.append((at, self._obstacle()))
            looks += 1
            if looks % _READ_EVERY == 0:
                for topic, query in _VERSIONS.items():
                    self._read(topic, query)

    def told(self, *, since: float) -> list[str]:
        """Return what was amiss when, in seconds since a moment; a line for each change."""
        lines, before = [], ""
        for at, obstacle in self.samples:
            # How far ClickHouse is behind changes with every look.
            said = re.sub(r"is .* behind", "is behind", obstacle or "well")
            if said != before:
                lines.append(f"{at - since:7.1f} s  {said}")
            before = said
        return lines

    def _obstacle(self) -> str | None:
        for post in self.ground.crew.posts:
            worker = post.worker
            if worker is None or not post.is_running:
                return f"{post.name} does not run"
            try:
                waiting_for = _HTTP.request("GET", f"{worker.metrics_url}/health").json()
            except (urllib3.exceptions.HTTPError, ValueError):
                return f"{post.name} does not answer"
            if waiting_for["waiting_for"] is not None:
                return f"{post.name} waits for {waiting_for['waiting_for']}"
        due = self.load.due()
        newest_period = (due - _LATENESS_S) // PERIOD_S * PERIOD_S - PERIOD_S
        for what, query, expected in (
            ("ClickHouse", _NEWEST, due),
            ("autarky in ClickHouse", _NEWEST_AUTARKY, newest_period),
            ("regulation in ClickHouse", _NEWEST_DECIDED, self.load.due(hops=2)),
        ):
            if expected < self.load.first_minute:
                continue
            rows = self._ask(query)
            if not rows:
                return "ClickHouse does not answer"
            newest, communities = int(rows[0][0]), int(rows[0][1])
            if communities < self.load.communities or newest < expected:
                return f"{what} is {(expected - newest) // 60} min behind"
        return None

    def _read(self, topic: str, query: str) -> None:
        """See whether what a reader gets is at least as new as what a reader got before."""
        for *key, lowest, highest in self._ask(query):
            before = self._seen.get((topic, *key), (0, 0))
            now = int(lowest), int(highest)
            if now[0] < before[0] or now[1] < before[1]:
                self.reversals.append(f"{topic} {' '.join(key)}: {before} and then {now}")
            self._seen[topic, *key] = now

    def _ask(self, query: str) -> list[list[str]]:
        url = str(self.ground.settings.clickhouse_url)
        try:
            answer = _HTTP.request("POST", url, body=query.encode())
        except urllib3.exceptions.HTTPError:
            return []
        if answer.status != 200:  # noqa: PLR2004 - HTTP's
            return []
        return [line.split("\t") for line in answer.data.decode().splitlines()]
