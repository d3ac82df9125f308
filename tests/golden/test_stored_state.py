"""State that earlier versions have written is read by this one, which goes on exactly.

Each file in state/ is what a worker of its version had in the changelogs of its tables, what it had
told by then, and what the same worker told of frames that came later: late ones, corrections and
an older value, for settled and for open periods.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import pytest

from streams.codecs import results
from streams.codecs.frames import FrameDecoder
from streams.domain.steps import Step
from streams.domain.windows import WindowPolicy, Windows
from streams.records import Record, Records
from tables import communities, minutes
from tables.store import Store
from tables.windows import load_windows
from tests.records import OfRecords

FILES: Final = sorted((Path(__file__).parent / "state").glob("schema-*.json"))
POLICY: Final = WindowPolicy(allowed_lateness_s=120, retention_s=48 * 3600, max_ahead_s=180)
BEFORE_ALL: Final = 0.0
LONG_AFTER: Final = 4e9

Messages = list[dict[str, Any]]


@dataclass
class Stored:
    """A file: the state, what had been told of it, and what came later."""

    content: dict[str, Any]

    def table(self, name: str) -> OfRecords:
        return OfRecords(
            {b64decode(key): b64decode(value) for key, value in self.content["changelogs"][name]}
        )

    def windows(self) -> Windows:
        return load_windows(
            POLICY,
            of_minutes=cast("Store", self.table("minutes")),
            of_communities=cast("Store", self.table("communities")),
        )

    def later_frames(self) -> Records:
        return Records.of(
            Record(frame["offset"], 0, frame["key"].encode(), json.dumps(frame["value"]).encode())
            for frame in self.content["later_frames"]
        )


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def stored(request: pytest.FixtureRequest) -> Stored:
    return Stored(json.loads(request.param.read_text()))


def told(step: Step) -> dict[str, Messages]:
    return {
        "community-minutes": [
            json.loads(value) for _, value in results.community_minutes(step.closed_minutes)
        ],
        "household-intervals": [
            json.loads(value) for _, value in results.household_intervals(step.closed_periods)
        ],
    }


def by_identity(messages: Messages) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return messages by what they are about and their version: each has one content for ever."""
    return {
        (
            message["community_id"],
            message.get("minute"),
            message.get("period_start"),
            message.get("part"),
            message["version"],
        ): message
        for message in messages
    }


def as_said_before(
    messages: Mapping[tuple[Any, ...], dict[str, Any]], before: Mapping[tuple[Any, ...], Any]
) -> dict[tuple[Any, ...], dict[str, Any] | None]:
    """Return the messages of these names with the fields that the old worker knew."""
    return {
        name: None if name not in messages else {field: messages[name][field] for field in old}
        for name, old in before.items()
    }


def test_late_frames_and_corrections_give_the_sums_and_versions_of_the_old_worker(
    stored: Stored,
) -> None:
    decoder = FrameDecoder(max_frame_bytes=1 << 20, generation=0)
    frames = decoder.decode(stored.later_frames()).frames

    step = stored.windows().fold(frames, now=LONG_AFTER, clock=BEFORE_ALL)

    for topic, messages in told(step).items():
        new = by_identity(messages)
        expected = by_identity(stored.content["later_told"][topic])
        assert len(expected) > 3
        # What was open is told again after a load, so there may be more.
        assert as_said_before(new, expected) == expected


def test_what_is_told_again_is_what_was_told(stored: Stored) -> None:
    step = stored.windows().fold([], now=LONG_AFTER, clock=LONG_AFTER)

    before = by_identity(stored.content["told"]["community-minutes"])
    again = by_identity(told(step)["community-minutes"])
    both = {name: before[name] for name in before.keys() & again.keys()}
    assert len(both) > 3
    assert as_said_before(again, both) == both


def test_a_record_written_anew_says_the_same(stored: Stored) -> None:
    for data in stored.table("minutes").records.values():
        old = minutes.decode(data)
        new = minutes.decode(minutes.encode(old))
        assert (new.mask, new.ranks, new.version) == (old.mask, old.ranks, old.version)
        assert new.cells.tolist() == old.cells.tolist()
        assert (new.origins is None) == (old.origins is None)
        if old.origins is not None and new.origins is not None:
            assert new.origins.tolist() == old.origins.tolist()
    for data in stored.table("communities").records.values():
        assert communities.encode(communities.decode(data)) == data
