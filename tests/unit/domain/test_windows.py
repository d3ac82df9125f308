import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.metering import Edit
from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.channels import FLOWS, MISSING
from streams.domain.frames import EDIT_SEQUENCE, Frame
from streams.domain.minutes import Minute
from streams.domain.rosters import Rosters
from streams.domain.steps import ClosedPeriod, Step
from streams.domain.sums import of_one_shape, period_sums
from streams.domain.windows import WindowPolicy, Windows
from tests.registered import a_household
from tests.unit.domain.frames_of import LILAS, MONDAY, a_frame, frames, placed
from tests.unit.domain.plain_windows import PlainWindows

POLICY = WindowPolicy(allowed_lateness_s=120, retention_s=48 * 3600, max_ahead_s=180)
LONG_AFTER = float(MONDAY + 10 * 24 * 3600)
NEVER_YET = float(MONDAY)

Sums = dict[tuple[str, int, str], dict[str, int | None]]


class Table:
    """The minutes table as a dictionary, and everything that was told."""

    def __init__(self, rosters: Rosters | None = None) -> None:
        self.minutes: dict[tuple[str, int], Minute] = {}
        self.told: dict[tuple[str, int, int], Sums] = {}
        self.newest: Sums = {}
        self.windows = Windows(POLICY, read=self.read, rosters=rosters)
        self.steps: list[Step] = []

    def read(self, community_id: str, start: int) -> Minute | None:
        return self.minutes.get((community_id, start))

    def fold(self, batch: Sequence[Frame], *, clock: float = NEVER_YET) -> Step:
        step = self.windows.fold(batch, now=LONG_AFTER, clock=clock)
        self.minutes.update(step.minutes)
        for place in step.expired:
            self.minutes.pop(place, None)
        for period in step.closed_periods:
            self._tell(period)
        self.steps.append(step)
        return step

    def _tell(self, period: ClosedPeriod) -> None:
        sums = household_sums(period)
        key = (period.community_id, period.start, period.version)
        assert self.told.setdefault(key, sums) == sums, "one version with two contents"
        self.newest |= sums


def household_sums(period: ClosedPeriod) -> Sums:
    flows, measured = period_sums(of_one_shape(period.minutes), periods=1)
    found: Sums = {}
    for place in range(flows.shape[2]):
        column = flows[0, :, place]
        if (column != MISSING).any():
            values = [None if value == MISSING else int(value) for value in column]
            found[period.community_id, period.start, period.meters[place]] = dict(
                zip(FLOWS, values, strict=True)
            ) | {"measured_minutes": int(measured[0, place])}
    return found


def minutes_of(numbers: Sequence[int], **more: object) -> list[Frame]:
    return placed([a_frame(minute=number, **more) for number in numbers])  # type: ignore[arg-type]


@given(st.lists(frames(), max_size=40), st.randoms(use_true_random=False), st.integers(1, 9))
def test_any_order_duplication_and_batching_gives_the_sums_of_the_plain_version(
    sent: list[Frame], chance: random.Random, batch: int
) -> None:
    arriving = sent + chance.sample(sent, len(sent) // 2)
    chance.shuffle(arriving)
    arriving = placed(arriving)
    table, plain = Table(), PlainWindows()

    for start in range(0, len(arriving), batch):
        table.fold(arriving[start : start + batch])
    table.fold([], clock=LONG_AFTER)

    plain.take(arriving)
    assert table.newest == plain.household_periods()


@given(st.lists(frames(), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_frames_with_sequences_of_their_own_end_the_same_in_any_order(
    sent: list[Frame], chance: random.Random
) -> None:
    numbered = [
        a_frame(
            minute=(frame.minute - MONDAY) // MINUTE_S,
            sequence=number,
            meters=frame.meters.ids,
            community_id=frame.community_id,
            consumption=frame.cells[0].tolist(),
        )
        for number, frame in enumerate(sent)
    ]
    shuffled = numbered.copy()
    chance.shuffle(shuffled)
    one, other = Table(), Table()

    one.fold(placed(numbered), clock=LONG_AFTER)
    other.fold(placed(shuffled), clock=LONG_AFTER)

    assert one.newest == other.newest


@given(st.lists(frames(), max_size=25), st.data())
def test_a_replay_from_any_earlier_place_tells_nothing_new(
    sent: list[Frame], data: st.DataObject
) -> None:
    arriving, table = placed(sent), Table()
    table.fold(arriving)
    table.fold([], clock=LONG_AFTER)
    before = dict(table.newest)

    again = table.fold(arriving[data.draw(st.integers(0, len(arriving))) :], clock=LONG_AFTER)

    assert again.minutes == {}
    assert table.newest == before


def test_a_minute_closes_when_all_meters_named_in_the_last_hour_have_reported() -> None:
    table = Table()
    table.fold([a_frame(minute=0, place=0, meters=("m1", "m2"))])

    half = table.fold([a_frame(minute=1, place=1, meters=("m1",))])
    whole = table.fold([a_frame(minute=1, place=2, meters=("m2",))])

    assert half.closed_minutes == {}
    assert list(whole.closed_minutes) == [(LILAS, MONDAY + MINUTE_S)]


def test_a_minute_does_not_wait_for_a_meter_that_was_last_named_over_an_hour_ago() -> None:
    table = Table()
    table.fold([a_frame(minute=0, place=0, meters=("m1", "gone"))])

    after_an_hour = table.fold([a_frame(minute=60, place=1, meters=("m1",))])

    assert (LILAS, MONDAY + 60 * MINUTE_S) in after_an_hour.closed_minutes


def test_an_incomplete_minute_closes_once_the_watermark_has_passed_it_by_the_lateness() -> None:
    table = Table()
    table.fold([a_frame(minute=0, place=0)])
    table.fold([a_frame(minute=1, place=1, meters=("m1",))])

    too_early = table.fold([a_frame(minute=2, place=2)])
    in_time = table.fold([a_frame(minute=3, place=3)])

    assert (LILAS, MONDAY + MINUTE_S) not in too_early.closed_minutes
    assert (LILAS, MONDAY + MINUTE_S) in in_time.closed_minutes


def test_a_silent_community_closes_by_the_partition_clock_and_not_before() -> None:
    table = Table()
    table.fold([a_frame(minute=0, place=0), a_frame(minute=1, place=1, meters=("m1",))])

    before = table.fold([], clock=MONDAY + 3 * MINUTE_S)
    after = table.fold([], clock=MONDAY + 4 * MINUTE_S)

    assert before.closed_minutes == {}
    assert list(after.closed_minutes) == [(LILAS, MONDAY + MINUTE_S)]


def test_a_period_closes_with_the_last_of_its_minutes() -> None:
    table = Table()
    table.fold(minutes_of(range(14)))

    step = table.fold([a_frame(minute=14, place=14)])

    assert [(period.start, len(period.minutes)) for period in step.closed_periods] == [(MONDAY, 15)]


def test_a_period_closes_over_a_minute_that_never_came() -> None:
    table = Table()

    table.fold(minutes_of([*range(5), *range(6, 18)]))

    (told,) = table.told.values()
    assert told[LILAS, MONDAY, "m1"]["measured_minutes"] == 14


def test_a_late_frame_reopens_its_period_with_a_higher_version() -> None:
    table = Table()
    table.fold(minutes_of([*range(5), *range(6, 20)]))
    (_, _, first_version) = next(iter(table.told))

    step = table.fold([a_frame(minute=5, place=100)])

    assert step.tally.late == 1
    assert step.tally.periods_reopened == 1
    assert max(version for _, start, version in table.told if start == MONDAY) > first_version
    assert table.newest[LILAS, MONDAY, "m1"]["measured_minutes"] == 15


def test_late_frames_of_one_period_in_one_batch_tell_it_once() -> None:
    table = Table()
    table.fold(minutes_of([0, *range(4, 40)]))

    step = table.fold([a_frame(minute=number, place=100 + number) for number in (1, 2, 3)])

    assert len(step.closed_periods) == 1


def test_a_correction_replaces_and_an_older_sequence_does_not() -> None:
    table = Table()
    table.fold(minutes_of(range(15), sequence=10))

    table.fold([a_frame(minute=3, place=50, sequence=11, consumption=[700, None])])
    table.fold([a_frame(minute=3, place=51, sequence=9, consumption=[1, 1])])

    assert table.newest[LILAS, MONDAY, "m1"]["consumption"] == 14 * 100 + 700
    assert table.newest[LILAS, MONDAY, "m2"]["consumption"] == 15 * 100


def test_a_resend_is_a_duplicate_and_writes_nothing() -> None:
    table = Table()
    table.fold(minutes_of(range(3), sequence=1))

    step = table.fold([a_frame(minute=1, place=10, sequence=1)])

    assert step.tally.duplicates == 1
    assert step.minutes == {}
    assert step.closed_minutes == {}


@pytest.mark.parametrize(
    ("minutes_ahead", "is_accepted"),
    [pytest.param(3, True, id="three_minutes"), pytest.param(4, False, id="four_minutes")],
)
def test_a_frame_may_be_ahead_of_the_wall_clock_by_so_much(
    minutes_ahead: int, *, is_accepted: bool
) -> None:
    windows = Windows(POLICY, read=lambda *_: None)

    step = windows.fold([a_frame(minute=minutes_ahead)], now=float(MONDAY), clock=NEVER_YET)

    assert step.tally.frames == is_accepted
    assert [rejection.rule for rejection in step.rejections] == (
        [] if is_accepted else ["minute_in_future"]
    )


def test_a_frame_older_than_the_window_is_refused_and_said_why() -> None:
    table = Table()
    table.fold([a_frame(minute=48 * 60 + 1, place=0)])

    step = table.fold([a_frame(minute=0, place=1), a_frame(minute=1, place=2)])

    assert [rejection.rule for rejection in step.rejections] == ["minute_too_old"]
    assert f"minute={MONDAY}" in step.rejections[0].detail
    assert step.tally.frames == 1


def test_one_community_does_not_wait_for_another() -> None:
    table = Table()

    step = table.fold(placed([a_frame(minute=0, community_id="roses"), *minutes_of(range(15))]))

    assert [period.community_id for period in step.closed_periods] == [LILAS]


def test_minutes_past_correction_are_deleted_and_the_table_stays_bounded() -> None:
    table = Table()

    for hour in range(60):
        table.fold(placed([a_frame(minute=hour * 60 + number) for number in range(60)]))

    assert len(table.minutes) <= 48 * 60 + 2 * PERIOD_S // MINUTE_S
    assert sum(len(step.expired) for step in table.steps) >= 11 * 60


def test_a_policy_that_forgets_open_windows_is_refused() -> None:
    with pytest.raises(ValueError, match="retention_s=600 must be at least 1800 s more"):
        WindowPolicy(allowed_lateness_s=120, retention_s=600, max_ahead_s=180)


def rosters_of(*meters: str, community_id: str = LILAS, valid_to: int | None = None) -> Rosters:
    rosters = Rosters(learns=False)
    for meter in meters:
        rosters.take(
            a_household(
                f"of-{meter}", community_id, meter_id=meter, valid_from=0, valid_to=valid_to
            )
        )
    return rosters


def test_a_minute_waits_for_a_registered_meter_that_was_never_heard_of() -> None:
    table = Table(rosters_of("m1", "m2", "m3"))

    early = table.fold([a_frame(minute=0, place=0, meters=("m1", "m2"))])
    whole = table.fold([a_frame(minute=0, place=1, meters=("m3",))])

    assert early.closed_minutes == {}
    (closed,) = whole.closed_minutes.values()
    assert closed.missing == ()


def test_a_minute_does_not_wait_for_a_meter_that_has_moved_out() -> None:
    rosters = rosters_of("m1")
    rosters.take(a_household("h2", LILAS, meter_id="m2", valid_from=0, valid_to=MONDAY + MINUTE_S))
    table = Table(rosters)
    table.fold([a_frame(minute=0, place=0, meters=("m1", "m2"))])

    step = table.fold([a_frame(minute=1, place=1, meters=("m1",))])

    assert list(step.closed_minutes) == [(LILAS, MONDAY + MINUTE_S)]


def test_a_minute_that_has_waited_long_enough_says_who_is_missing_and_again_when_it_is_late() -> (
    None
):
    table = Table(rosters_of("m1", "m2", "m3"))
    table.fold([a_frame(minute=0, place=0, meters=("m1",))])

    closed = table.fold([a_frame(minute=3, place=1, meters=("m1",))])
    missing = closed.closed_minutes[LILAS, MONDAY].missing
    late = table.fold([a_frame(minute=0, place=2, meters=("m3",))])

    assert missing == ("m2", "m3")
    # Reopened, it closes at once, for its time has passed.
    assert late.closed_minutes[LILAS, MONDAY].missing == ("m2",)


def test_a_meter_that_is_named_without_a_consumption_is_missing_but_not_waited_for() -> None:
    table = Table(rosters_of("m1", "m2"))

    step = table.fold([a_frame(meters=("m1", "m2"), consumption=[5, None])])

    (closed,) = step.closed_minutes.values()
    assert closed.missing == ("m2",)


def test_what_was_refused_first_ranks_where_it_came_and_not_where_it_comes_again() -> None:
    table = Table()
    table.fold([a_frame(place=4, meters=("m1",), consumption=[7])])

    again = a_frame(place=9, meters=("m1", "m2"), consumption=[1, 2])._replace(first_place=2)
    table.fold([again])
    table.fold([], clock=LONG_AFTER)

    assert table.newest[LILAS, MONDAY, "m1"]["consumption"] == 7
    assert table.newest[LILAS, MONDAY, "m2"]["consumption"] == 2
    ((_, _, version),) = table.told
    assert version == 10


def test_an_edit_stands_above_any_sequence_until_a_later_edit() -> None:
    table = Table()
    edit = Edit(by="A. Reader", reason="read by hand")
    edited = a_frame(place=1, sequence=EDIT_SEQUENCE, meters=("m1",), consumption=[8])

    table.fold([a_frame(place=0, sequence=5, meters=("m1",), consumption=[7])])
    step = table.fold([edited._replace(edit=edit)])
    table.fold([a_frame(place=2, sequence=2**62, meters=("m1",), consumption=[9])])
    table.fold([], clock=LONG_AFTER)

    assert [(frame.place, frame.edit) for frame in step.edits] == [(1, edit)]
    assert table.newest[LILAS, MONDAY, "m1"]["consumption"] == 8

    table.fold([edited._replace(place=3, cells=np.array([[4]]), digest=None, edit=edit)])

    assert table.newest[LILAS, MONDAY, "m1"]["consumption"] == 4
