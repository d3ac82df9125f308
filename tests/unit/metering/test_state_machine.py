"""The metering core against a plain model, while frames repeat and workers die and change.

Everything between frames in and writes out is real: windows, records, loading. Broker and database
are lists and dictionaries, which lose exactly what the delivery at work may lose.
"""

from collections.abc import Iterator
from enum import Enum
from typing import cast

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from schemas.units import MINUTE_S
from streams.codecs import results
from streams.domain.admission import admit
from streams.domain.channels import FLOWS
from streams.domain.event_clock import EventClock
from streams.domain.frames import Frame
from streams.domain.rosters import Rosters
from streams.domain.steps import Step
from streams.domain.windows import WindowPolicy, Windows
from tables import communities, minutes
from tables.store import Store
from tables.windows import load_windows
from tests.registered import a_household
from tests.unit.domain.frames_of import MONDAY, frames
from tests.unit.domain.plain_windows import PlainWindows

POLICY = WindowPolicy(allowed_lateness_s=120, retention_s=2 * 3600, max_ahead_s=180)
RUN_MINUTES = 50
METERS = st.sampled_from(["a", "b", "c", "d"])
LONG_AFTER = float(MONDAY + 10 * 24 * 3600)

Changes = dict[bytes, bytes | None]
Key = tuple[str, str, int]
Sums = dict[tuple[str, int, str], dict[str, int | None]]


class Delivery(Enum):
    """How the effects of a batch are made durable."""

    TRANSACTIONAL = "changelog, outputs and offset at once, then the store"
    PLAIN = "outputs, changelog, store, offset"


class Database:
    """A partition's local store of both tables: a prefix of the changelog, applied."""

    def __init__(self) -> None:
        self.tables: tuple[dict[bytes, bytes], dict[bytes, bytes]] = ({}, {})
        self.position = 0

    def copy(self) -> "Database":
        other = Database()
        other.tables = (dict(self.tables[0]), dict(self.tables[1]))
        other.position = self.position
        return other

    def restore(self, changelog: list[tuple[Changes, Changes]]) -> None:
        for both in changelog[self.position :]:
            for table, changes in zip(self.tables, both, strict=True):
                for key, value in changes.items():
                    if value is None:
                        table.pop(key, None)
                    else:
                        table[key] = value
        self.position = len(changelog)


class Reading:
    """A table as `load_windows` reads it."""

    def __init__(self, table: dict[bytes, bytes]) -> None:
        self.table = table

    def get(self, key: bytes) -> bytes | None:
        return self.table.get(key)

    def items(self, start: bytes, *, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key in sorted(self.table):
            if key >= start and key.startswith(prefix):
                yield key, self.table[key]


class Metering(RuleBasedStateMachine):
    """One partition, whoever has it."""

    def __init__(self) -> None:
        super().__init__()
        self.topic: list[Frame] = []
        self.counted: list[Frame] = []
        self.committed = 0
        self.changelog: list[tuple[Changes, Changes]] = []
        self.told: dict[tuple[str, str, int, int], bytes] = {}
        self.last: dict[Key, tuple[int, bytes]] = {}
        self.went_back: list[Key] = []
        self.delivery = Delivery.TRANSACTIONAL
        self.database = Database()
        self.older = Database()
        self.windows: Windows | None = None
        self.clock = EventClock()
        self.position = 0
        self.rosters = Rosters(learns=True)

    @initialize(delivery=st.sampled_from(Delivery), registered=st.none() | st.sets(METERS))
    def start(self, delivery: Delivery, registered: set[str] | None) -> None:
        """Begin with nobody registered, or with some of both communities' meters."""
        self.delivery = delivery
        if registered is not None:
            self.rosters = Rosters(learns=False)
            for community_id in ("lilas", "roses"):
                for meter in registered:
                    self.rosters.take(
                        a_household(
                            f"{meter}-of-{community_id}",
                            community_id,
                            meter_id=meter,
                            valid_from=0,
                            pv_peak_w=5_000,
                            battery_wh=10_000,
                        )
                    )
        self._take_over()

    @rule(arriving=st.lists(frames(minutes=RUN_MINUTES), min_size=1, max_size=4))
    def frames_arrive(self, arriving: list[Frame]) -> None:
        for frame in arriving:
            self._append(frame)

    @precondition(lambda self: self.topic)
    @rule(chance=st.integers(0, 10_000), count=st.integers(1, 3))
    def frames_come_again(self, chance: int, count: int) -> None:
        start = chance % len(self.topic)
        for frame in self.topic[start : start + count]:
            self._append(frame)

    @rule(size=st.integers(1, 6))
    def a_batch_is_done(self, size: int) -> None:
        step = self._fold(size)
        self._tell(step)
        self._write(step)
        self.database.restore(self.changelog)
        self.committed = self.position

    @rule(silent_s=st.sampled_from([1, 60, 600, 4_000]))
    def the_partition_is_silent(self, silent_s: int) -> None:
        if self._needs_nothing():
            self._advance(silent_s)
            self.a_batch_is_done(size=0)

    @rule(size=st.integers(1, 6), done=st.integers(0, 3))
    def the_worker_dies_in_a_batch(self, size: int, done: int) -> None:
        """Die before or after each of outputs, changelog, store, as far as they are apart."""
        step = self._fold(size)
        if self.delivery is Delivery.TRANSACTIONAL:
            if done:
                self._tell(step)
                self._write(step)
                self.committed = self.position
        else:
            if done >= 1:
                self._tell(step)
            if done >= 2:
                self._write(step)
            if done >= 3:
                self.database.restore(self.changelog)
        self._take_over()

    @rule()
    def the_partition_is_revoked_and_comes_back(self) -> None:
        self._take_over()

    @rule()
    def the_folder_is_copied(self) -> None:
        self.older = self.database.copy()

    @rule(is_empty=st.booleans())
    def another_worker_takes_over(self, is_empty: bool) -> None:  # noqa: FBT001
        """One with an older folder, or with none."""
        self.database = Database() if is_empty else self.older.copy()
        self._take_over()

    @invariant()
    def versions_go_back_only_in_plain_delivery(self) -> None:
        assert self.delivery is Delivery.PLAIN or self.went_back == []

    @invariant()
    def memory_is_what_a_takeover_would_load(self) -> None:
        """The tables alone know every minute that can still change."""
        assert self.windows is not None
        loaded = self._load(self.database)
        assert {
            (name, start): (minute.version, minute.ranks)
            for name, community in self.windows.communities.items()
            for start, minute in community.minutes.items()
        } == {
            (name, start): (minute.version, minute.ranks)
            for name, community in loaded.communities.items()
            for start, minute in community.minutes.items()
        }

    @override
    def teardown(self) -> None:
        if self.windows is None:
            return
        while self.position < len(self.topic):
            self.a_batch_is_done(size=5)
        self._advance(4 * 3600)
        self.a_batch_is_done(size=0)
        plain = PlainWindows()
        plain.take(self.counted)
        assert self._newest() == plain.household_periods()

    def _append(self, frame: Frame) -> None:
        placed = frame._replace(place=len(self.topic))
        self.topic.append(placed)
        self.counted += admit([placed], self.rosters).frames

    def _needs_nothing(self) -> bool:
        """Say whether all is read: only then is a partition silent."""
        return self.position == len(self.topic)

    def _advance(self, seconds: float) -> None:
        self.clock.since -= seconds

    def _fold(self, size: int) -> Step:
        assert self.windows is not None
        batch = self.topic[self.position : self.position + size]
        self.position += len(batch)
        admitted = admit(batch, self.rosters).frames
        step = self.windows.fold(admitted, now=LONG_AFTER, clock=self.clock.time(now=LONG_AFTER))
        self.clock.advance(self.windows.newest + MINUTE_S, now=LONG_AFTER)
        assert step.rejections == []
        return step

    def _tell(self, step: Step) -> None:
        told = [
            ("minute", "minute", value)
            for _, value in results.community_minutes(step.closed_minutes)
        ] + [
            ("period", "period_start", value)
            for _, value in results.household_intervals(step.closed_periods)
        ]
        for kind, time, value in told:
            event = orjson.loads(value)
            key = kind, event["community_id"], event[time]
            version = event["version"]
            same = self.told.setdefault((*key, version), value)
            assert same == value, f"{key}: one version with two contents"
            if version < self.last.get(key, (0, b""))[0]:
                self.went_back.append(key)
            else:
                self.last[key] = version, value

    def _write(self, step: Step) -> None:
        of_minutes: Changes = {
            minutes.key(*place): minutes.encode(minute) for place, minute in step.minutes.items()
        }
        of_minutes |= {minutes.key(*place): None for place in step.expired}
        of_communities: Changes = {
            name.encode(): communities.encode(community)
            for name, community in step.communities.items()
        }
        self.changelog.append((of_minutes, of_communities))

    def _take_over(self) -> None:
        self.database.restore(self.changelog)
        self.windows = self._load(self.database)
        self.position = self.committed
        self.clock = EventClock()
        self.clock.advance(self.windows.newest + MINUTE_S, now=LONG_AFTER)

    def _load(self, database: Database) -> Windows:
        of_minutes, of_communities = (Reading(table) for table in database.tables)
        return load_windows(
            POLICY,
            of_minutes=cast("Store", of_minutes),
            of_communities=cast("Store", of_communities),
            rosters=self.rosters,
        )

    def _newest(self) -> Sums:
        """Return the household periods of the highest versions that were told."""
        found: Sums = {}
        for (kind, community, start), (_, value) in self.last.items():
            if kind != "period":
                continue
            event = orjson.loads(value)
            for place, meter in enumerate(event["meter_id"]):
                found[community, start, meter] = {
                    flow: event[f"{flow}_mwh"][place] for flow in FLOWS
                } | {"measured_minutes": event["measured_minutes"][place]}
        return found


def _run(examples: int) -> None:
    profile = settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Metering, settings=profile)


def test_whatever_happens_the_figures_are_those_of_the_plain_model() -> None:
    _run(200)


@pytest.mark.slow
# In parts: hypothesis remembers every sequence of a run, 10,000 of them in more than a gigabyte.
@pytest.mark.parametrize("part", range(20))
def test_whatever_happens_ten_thousand_times_the_figures_are_those_of_the_plain_model(
    part: int,
) -> None:
    del part  # hypothesis draws anew each time
    _run(500)
