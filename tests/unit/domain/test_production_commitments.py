"""What batteries are told in all: summed by period, of each directive the highest version."""

from schemas.batteries import BatteryDirective, BatteryMode, BatteryReason
from schemas.production import BatteryCommitment
from streams.domain.production_commitments import Commitments, Committed, GridCommitments

NOON = 1_767_268_800


def a_directive(
    name: str, mode: BatteryMode, power_w: int = 0, *, version: int = 1, start: int = NOON
) -> BatteryDirective:
    return BatteryDirective(
        directive_id=f"{name}@{start}",
        community_id="c1",
        meter_id=name,
        version=version,
        valid_from=start,
        valid_until=start + 900,
        mode=mode,
        power_w=power_w,
        reason=BatteryReason.CHEAP,
    )


def told(commitments: Commitments, *directives: BatteryDirective) -> dict[int, tuple[int, int]]:
    changes = commitments.take(directives)
    return {
        one.period_start: (one.given_w, one.batteries)
        for one in commitments.told(changes, partition=0, version=1)
    }


def test_what_is_given_counts_and_what_is_taken_counts_against_it() -> None:
    assert told(
        Commitments(),
        a_directive("m1", BatteryMode.DISCHARGE, 3_000),
        a_directive("m2", BatteryMode.CHARGE, 1_000),
        a_directive("m3", BatteryMode.AUTO),
    ) == {NOON: (2_000, 3)}


def test_a_further_version_replaces_and_the_same_again_says_nothing() -> None:
    commitments = Commitments()
    first = a_directive("m1", BatteryMode.DISCHARGE, 3_000)
    told(commitments, first)

    assert told(commitments, first) == {}
    assert told(commitments, a_directive("m1", BatteryMode.HOLD, version=2)) == {NOON: (0, 1)}
    assert told(commitments, first) == {}


def test_what_is_over_is_forgotten_after_an_hour() -> None:
    commitments = Commitments([(f"m1@{NOON}", Committed(1, NOON, 500))])

    changes = commitments.take([a_directive("m1", BatteryMode.HOLD, start=NOON + 4_500)])

    assert changes[f"m1@{NOON}"] is None


def test_the_grid_adds_up_partitions_and_holds_on_until_the_next_period_is_told() -> None:
    grid = GridCommitments()
    sums = [
        BatteryCommitment(partition=n, period_start=NOON, version=1, given_w=w, batteries=1)
        for n, w in enumerate((300, -100))
    ]

    grid.take(sums, oldest=NOON)

    assert grid.given_w(NOON + 60) == 200
    assert grid.given_w(NOON + 900) == 200
    assert grid.given_w(NOON + 1_800) == 0
    assert grid.take(sums, oldest=NOON) == {}


def test_the_grid_forgets_what_no_minute_can_need_any_more_and_nothing_that_is_read_ahead() -> None:
    grid = GridCommitments()
    day = [
        BatteryCommitment(partition=0, period_start=start, version=1, given_w=500, batteries=1)
        for start in range(NOON, NOON + 86_400, 900)
    ]

    ahead = grid.take(day, oldest=NOON)
    later = grid.take([], oldest=NOON + 3_600)

    assert set(ahead.values()) == set(day)
    assert grid.given_w(NOON + 3_600 - 60) == 500
    assert later == {(NOON, 0): None, (NOON + 900, 0): None}
