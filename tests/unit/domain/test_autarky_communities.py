"""The outcome of told periods, held equal to the plain model in `load_generator.autarky`."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load_generator.autarky import PlainAutarky
from schemas.autarky import AutarkyState
from streams.domain.autarky import Flows
from streams.domain.autarky_communities import Autarky, Community, Step, ToldPeriod
from streams.domain.autarky_periods import Change, Period, ToldChange
from streams.domain.autarky_states import AutarkyPolicy, PolicyError
from tests.builders import HOUR_S, NOON, QUARTER_S

UNKNOWN, DEPENDENT, AUTARKIC = AutarkyState
POLICY = AutarkyPolicy(
    enter=Fraction(99, 100),
    leave=Fraction(95, 100),
    hold_s=QUARTER_S,
    efficiency_percent=90,
    retention_s=48 * HOUR_S,
)


def used(share: float) -> Flows:
    """Return a quarter-hour in which so much of 1 Wh came from one's own roof."""
    return Flows(1_000, int(1_000 * share), None, None, 15)


MISSING = Flows(900, 900, None, None, 14)


def told(  # noqa: PLR0913 - all that a message says
    quarter: int,
    flows: Mapping[str, Flows] | None = None,
    *,
    version: int = 1,
    place: int = 0,
    part: int = 0,
    parts: int = 1,
    **named: Flows,
) -> ToldPeriod:
    return ToldPeriod(
        "c1", NOON + quarter * QUARTER_S, version, part, parts, {**(flows or {}), **named}, place
    )


@dataclass
class Running:
    """A worker's partition: the folds, and all that has been stored and told."""

    policy: AutarkyPolicy = POLICY
    stored: dict[tuple[str, int], Period] = field(default_factory=dict)
    changes: list[tuple[int, ToldChange]] = field(default_factory=list)
    standing: dict[tuple[str, int], tuple[int, ToldChange]] = field(default_factory=dict)
    figures: dict[tuple[str, int], tuple[int, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.autarky = Autarky(self.policy, read=self._read)

    def _read(self, name: str, start: int) -> Period | None:
        return deepcopy(self.stored.get((name, start)))

    def restart(self) -> None:
        """Go on from what is stored alone."""
        starts: dict[str, list[int]] = {}
        for name, start in sorted(self.stored):
            starts.setdefault(name, []).append(start)
        communities = {
            name: Community(mine, deepcopy(self.stored[name, mine[-1]]))
            for name, mine in starts.items()
        }
        self.autarky = Autarky(self.policy, read=self._read, communities=communities)

    def take(self, *periods: ToldPeriod) -> Step:
        step = self.autarky.fold(periods)
        for place, period in step.periods.items():
            if period is None:
                del self.stored[place]
            else:
                self.stored[place] = deepcopy(period)
        for (_, start), (version, verdict) in step.verdicts.items():
            for meter, figures in [*verdict.households.items(), ("", verdict.community)]:
                assert self.figures.get((meter, start), (0,))[0] < version
                self.figures[meter, start] = version, figures
        for version, changes in step.changes.values():
            for change in changes:
                key = change.subject, change.start
                assert self.standing.get(key, (0,))[0] < version
                self.standing[key] = version, change
                self.changes.append((version, change))
        return step

    @property
    def flips(self) -> list[tuple[int, str, AutarkyState, AutarkyState]]:
        """Quarter, subject, from and to of the changes that stand, in their order."""
        return sorted(
            ((start - NOON) // QUARTER_S, subject, told.change.from_state, told.change.to_state)
            for (subject, start), (_, told) in self.standing.items()
            if not told.withdrawn
        )

    def notices(self, subject: str) -> list[AutarkyState]:
        return [c.notice for _, c in self.changes if c.subject == subject and c.notice is not None]

    def state(self, subject: str) -> AutarkyState:
        return self.autarky.communities["c1"].head.trails[subject].state


def a_day(*shares: float | None, meter: str = "m1") -> Running:
    """Return what has come of quarter-hours one after the other; None: data is missing."""
    running = Running()
    for quarter, share in enumerate(shares):
        flows = MISSING if share is None else used(share)
        running.take(told(quarter, {meter: flows}, place=quarter))
    return running


def test_the_first_known_state_is_silent_and_needs_the_hold() -> None:
    assert a_day(1.0).state("m1") is UNKNOWN
    assert a_day(1.0, 1.0).state("m1") is AUTARKIC
    assert a_day(0.2, 0.2).state("m1") is DEPENDENT
    assert a_day(1.0, 1.0).changes == a_day(0.2, 0.2).changes == []


def test_a_state_changes_when_self_sufficiency_stays_beyond_the_threshold_for_the_hold() -> None:
    day = a_day(0.2, 0.2, 1.0, 1.0, 0.9, 0.9)

    of_household = [flip for flip in day.flips if flip[1] == "m1"]
    assert of_household == [(3, "m1", DEPENDENT, AUTARKIC), (5, "m1", AUTARKIC, DEPENDENT)]
    assert day.notices("m1") == day.notices("") == [AUTARKIC, DEPENDENT]


def test_one_cloud_is_no_change_and_neither_is_one_gleam() -> None:
    assert a_day(1.0, 1.0, 0.2, 1.0, 0.2, 1.0).flips == []
    assert a_day(0.2, 0.2, 1.0, 0.2, 1.0, 0.2).flips == []


def test_between_the_thresholds_everything_stays_as_it_is() -> None:
    assert a_day(1.0, 1.0, 0.96, 0.97, 0.98).state("m1") is AUTARKIC
    assert a_day(0.2, 0.2, 0.96, 0.97, 0.98).state("m1") is DEPENDENT


@pytest.mark.parametrize(("share", "state"), [(0.99, AUTARKIC), (0.989, DEPENDENT)])
def test_the_entry_threshold_is_exact(share: float, state: AutarkyState) -> None:
    assert a_day(0.2, 0.2, share, share).state("m1") is state


@pytest.mark.parametrize(("share", "state"), [(0.95, AUTARKIC), (0.949, DEPENDENT)])
def test_the_exit_threshold_is_exact(share: float, state: AutarkyState) -> None:
    assert a_day(1.0, 1.0, share, share).state("m1") is state


def test_missing_data_is_unknown_and_no_change_and_the_hold_begins_anew() -> None:
    day = a_day(1.0, 1.0, None)
    assert (day.state("m1"), day.flips) == (UNKNOWN, [])

    assert a_day(1.0, 1.0, None, 1.0).state("m1") is AUTARKIC
    assert a_day(1.0, 1.0, 0.2, None, 0.2).flips == []
    assert len(a_day(1.0, 1.0, 0.2, None, 0.2, 0.2).flips) == 2


def test_a_period_that_never_came_interrupts_as_well() -> None:
    running = a_day(1.0, 1.0, 0.2)

    running.take(told(4, place=4, m1=used(0.2)))
    assert running.flips == []

    running.take(told(3, place=5, m1=used(0.2)))
    assert running.flips == [
        (3, "", AUTARKIC, DEPENDENT),
        (3, "m1", AUTARKIC, DEPENDENT),
    ]


def test_a_correction_takes_back_a_change_and_says_so_once() -> None:
    running = a_day(0.2, 0.2, 1.0, 1.0)

    running.take(told(3, version=2, place=4, m1=used(0.5)))

    assert running.flips == []
    assert running.state("m1") is DEPENDENT
    assert running.notices("m1") == [AUTARKIC, DEPENDENT]


def test_a_correction_that_moves_a_change_is_no_notice() -> None:
    running = a_day(0.2, 0.2, 0.2, 1.0, 1.0)

    running.take(told(2, version=2, place=5, m1=used(1.0)))

    assert [flip[0] for flip in running.flips if flip[1] == "m1"] == [3]
    assert running.notices("m1") == [AUTARKIC]


def test_a_repetition_and_a_lower_version_change_nothing() -> None:
    running = a_day(0.2, 0.2)
    running.take(told(2, version=5, place=2, m1=used(1.0)))

    for version in (5, 4):
        step = running.take(told(2, version=version, place=3, m1=used(0.1)))
        assert step == Step()


def test_a_community_lives_on_its_neighbours_sun() -> None:
    sunny, dark = Flows(1_000, 3_000, None, None, 15), Flows(1_000, None, None, None, 15)
    running = Running()
    for quarter in range(2):
        running.take(told(quarter, place=quarter, m1=sunny, m2=dark))

    assert (running.state(""), running.state("m1"), running.state("m2")) == (
        AUTARKIC,
        AUTARKIC,
        DEPENDENT,
    )


def test_a_large_community_is_judged_when_all_its_parts_have_come() -> None:
    running = Running()
    for quarter in range(2):
        running.take(told(quarter, place=2 * quarter, part=0, parts=2, m1=used(1.0)))
        assert running.state("") is UNKNOWN
        running.take(told(quarter, place=2 * quarter + 1, part=1, parts=2, m2=used(0.0)))

    assert running.state("") is DEPENDENT


def test_what_is_too_old_to_be_corrected_is_dropped_and_a_correction_of_it_refused() -> None:
    days = 48 * 4 + 40
    running = Running()
    for quarter in range(days):
        running.take(told(quarter, place=quarter, m1=used(0.2)))

    assert len(running.stored) == 48 * 4 + 1
    assert running.take(told(3, version=2, place=days, m1=used(1.0))).too_old == 1


def test_a_household_that_was_silent_for_longer_than_the_retention_is_forgotten() -> None:
    running = a_day(1.0, 1.0)

    for quarter in (300, 301):
        running.take(told(quarter, place=quarter, m2=used(1.0)))

    assert set(running.autarky.communities["c1"].head.trails) == {"", "m2"}


def test_thresholds_that_would_flip_everything_can_t_be_built() -> None:
    with pytest.raises(PolicyError, match=r"leave=1\.0 must be at most enter=0\.99"):
        AutarkyPolicy(
            enter=Fraction(99, 100),
            leave=Fraction(1),
            hold_s=0,
            efficiency_percent=90,
            retention_s=0,
        )


METERS = ("m1", "m2", "m3")
flows = st.builds(
    Flows,
    st.sampled_from([0, 1_000, 2_000, None]),
    st.sampled_from([None, 0, 940, 970, 990, 1_000, 4_000]),
    st.sampled_from([None, 0, 500, 1_500]),
    st.sampled_from([None, 0, 30, 60, 1_000]),
    st.sampled_from([15] * 6 + [14]),
)
contents = st.dictionaries(st.sampled_from(METERS), flows, min_size=1)


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[tuple[int, int, dict[str, Flows]]], list[int]]:
    """Versions of periods in any order and repetition, and where batches end."""
    periods = draw(
        st.dictionaries(
            st.integers(0, 15), st.lists(contents, min_size=1, max_size=3), min_size=1, max_size=14
        )
    )
    versions: list[tuple[int, int, dict[str, Flows]]] = []
    for quarter, told_contents in periods.items():
        known: dict[str, Flows] = {}
        for version, content in enumerate(told_contents, start=1):
            known = known | content  # what was known of a household is told again
            versions.append((quarter, version, known))
    again = draw(st.lists(st.sampled_from(versions), max_size=6))
    order = draw(st.permutations(versions + again))
    ends = draw(st.lists(st.integers(1, len(order)), max_size=8))
    return list(order), sorted({*ends, len(order)})


def _batches(
    order: Sequence[tuple[int, int, dict[str, Flows]]], ends: Sequence[int]
) -> Iterator[list[ToldPeriod]]:
    first = 0
    for end in ends:
        yield [
            told(quarter, content, version=version, place=place)
            for place, (quarter, version, content) in enumerate(order[first:end], start=first)
        ]
        first = end


def _last_versions(
    order: Sequence[tuple[int, int, dict[str, Flows]]],
) -> dict[int, dict[str, Flows]]:
    last: dict[int, tuple[int, dict[str, Flows]]] = {}
    for quarter, version, content in order:
        if version > last.get(quarter, (0, {}))[0]:
            last[quarter] = version, content
    return {NOON + quarter * QUARTER_S: content for quarter, (_, content) in last.items()}


@pytest.mark.parametrize("hold_s", [0, QUARTER_S, 2 * QUARTER_S])
@settings(max_examples=40)
@given(telling=tellings(), restarts=st.booleans())
def test_any_order_repetition_and_batching_comes_to_what_the_plain_model_says(
    hold_s: int,
    telling: tuple[list[tuple[int, int, dict[str, Flows]]], list[int]],
    restarts: bool,  # noqa: FBT001 - hypothesis names it
) -> None:
    order, ends = telling
    policy = AutarkyPolicy(
        enter=POLICY.enter,
        leave=POLICY.leave,
        hold_s=hold_s,
        efficiency_percent=90,
        retention_s=POLICY.retention_s,
    )
    running = Running(policy)

    for batch in _batches(order, ends):
        running.take(*batch)  # versions that go back fail in there
        if restarts:
            running.restart()

    plain = PlainAutarky(hold_s=hold_s).play(_last_versions(order))
    flips = [
        (subject, start, *_states(told.change), *told.change[3:])
        for (subject, start), (_, told) in running.standing.items()
        if not told.withdrawn
    ]
    assert sorted(flips) == sorted(plain.flips)
    trails = running.autarky.communities["c1"].head.trails
    assert {name: trail.settled for name, trail in trails.items()} == {
        name: subject.state for name, subject in plain.subjects.items()
    }
    assert {place: figures for place, (_, figures) in running.figures.items()} == plain.figures


def _states(change: Change) -> tuple[AutarkyState, AutarkyState]:
    return change.from_state, change.to_state


@settings(max_examples=60)
@given(tellings())
def test_whoever_follows_the_notices_hears_nothing_twice_and_knows_the_state_in_the_end(
    telling: tuple[list[tuple[int, int, dict[str, Flows]]], list[int]],
) -> None:
    order, ends = telling
    running = Running()
    for batch in _batches(order, ends):
        running.take(*batch)

    trails = running.autarky.communities["c1"].head.trails
    for subject in trails:
        notices = running.notices(subject)
        assert all(one is not next_one for one, next_one in pairwise(notices))
        stands = any(flip[1] == subject for flip in running.flips)
        if notices and stands:
            assert notices[-1] is trails[subject].settled


@settings(max_examples=30)
@given(st.lists(st.sampled_from([0.2, 0.97, 1.0, None]), min_size=1, max_size=20))
def test_without_corrections_each_change_is_a_notice(shares: list[float | None]) -> None:
    day = a_day(*shares)

    assert all(told.notice is told.change.to_state for _, told in day.changes)
