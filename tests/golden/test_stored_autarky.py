"""Autarky's state as earlier versions have written it is read by this one, which goes on exactly.

Each file is what a worker of its version had in the changelogs of its tables and the closed periods
that had come to that, then periods that came later (corrected and new ones, each in a batch of its
own), and what the same worker told of them.
"""

import json
from base64 import b64decode
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import pytest

from schemas.autarky import AutarkyState
from streams.codecs.autarky import autarky_changes, autarky_intervals, told_period
from streams.domain.autarky_communities import Autarky, Step, ToldPeriod
from streams.domain.autarky_states import AutarkyPolicy
from tables import autarky as tables
from tables.store import Store
from tests.builders import HOUR_S, QUARTER_S
from tests.records import OfRecords

FILES: Final = sorted((Path(__file__).parent / "state").glob("autarky-schema-*.json"))
POLICY: Final = AutarkyPolicy(
    enter=Fraction(99, 100),
    leave=Fraction(95, 100),
    hold_s=QUARTER_S,
    efficiency_percent=90,
    retention_s=49 * HOUR_S,
)

Messages = list[dict[str, Any]]


@dataclass
class Stored:
    """A file, and a worker that begins with its state."""

    content: dict[str, Any]
    of_periods: OfRecords = field(init=False)
    of_communities: OfRecords = field(init=False)

    def __post_init__(self) -> None:
        self.of_periods = self._table("autarky-periods")
        self.of_communities = self._table("autarky-communities")

    def _table(self, name: str) -> OfRecords:
        return OfRecords(
            {b64decode(key): b64decode(value) for key, value in self.content["changelogs"][name]}
        )

    def load(self) -> Autarky:
        return tables.load(
            POLICY,
            of_periods=cast("Store", self.of_periods),
            of_communities=cast("Store", self.of_communities),
        )

    def remember(self, step: Step) -> None:
        for place, period in step.periods.items():
            assert period is not None  # nothing is old enough to be dropped
            self.of_periods.records[tables.key(*place)] = tables.encode(period)

    def periods(self, name: str) -> list[ToldPeriod]:
        return [
            told_period(json.dumps(record["value"]).encode(), place=record["offset"])
            for record in self.content[name]
        ]


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def stored(request: pytest.FixtureRequest) -> Stored:
    return Stored(json.loads(request.param.read_text()))


def test_later_periods_and_corrections_are_told_as_the_old_worker_told_them(
    stored: Stored,
) -> None:
    autarky = stored.load()
    intervals: Messages = []
    changes: Messages = []

    for period in stored.periods("later_periods"):
        step = autarky.fold([period])
        stored.remember(step)
        intervals += [json.loads(value) for _, value in autarky_intervals(step)]
        changes += [json.loads(value) for _, value in autarky_changes(step, POLICY)]

    assert any(change["withdrawn"] for change in changes)
    assert len(intervals) > len(stored.periods("later_periods"))  # some were judged again
    assert changes == stored.content["later_told"]["autarky-changes"]
    assert intervals == stored.content["later_told"]["autarky-intervals"]


def test_periods_that_the_old_worker_has_judged_change_nothing_when_they_come_again(
    stored: Stored,
) -> None:
    assert stored.load().fold(stored.periods("periods")) == Step()


def test_everyone_is_in_the_state_that_the_old_worker_told(stored: Stored) -> None:
    communities = stored.load().communities

    told = stored.content["told"]["autarky-changes"]
    assert {change["to_state"] for change in told} == {"autarkic"}
    for change in told:
        trail = communities[change["community_id"]].head.trails[change["meter_id"] or ""]
        assert trail.settled is AutarkyState(change["to_state"])


def test_a_record_written_anew_says_the_same(stored: Stored) -> None:
    for data in stored.of_periods.records.values():
        period = tables.decode(data)
        assert tables.decode(tables.encode(period)) == period
    communities = stored.load().communities
    for key, data in stored.of_communities.records.items():
        kept = json.loads(tables.encode_community(communities[key.decode()]))
        assert kept["starts"] == json.loads(data)["starts"]
