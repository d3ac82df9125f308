"""The grid's balance: when a minute is told, what it holds, and what comes late."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.energy_balance import GridMinute, GridPartial
from streams.domain.energy_balance import BalancePolicy, Last, PartitionBalance, Step, Sums
from streams.domain.energy_balance_grid import MERGE_S, GridBalance, GridStep

NOON = 1_767_268_800
NEXT = NOON + 60
PATIENCE_S = 30
POLICY = BalancePolicy(patience_s=PATIENCE_S, retention_s=3_600)


def sums(  # noqa: PLR0913 - a minute has many figures
    community: str,
    minute: int = NOON,
    *,
    version: int = 1,
    consumption: int = 100,
    exported: int = 0,
    reported: int = 1,
    missing: int = 0,
) -> Sums:
    imported = consumption if not exported else 0
    return Sums(community, minute, version, reported, missing, consumption, 0, imported, exported)


class Partition:
    """A partition's balance, and how far it has read."""

    def __init__(self) -> None:
        self.balance = PartitionBalance(POLICY)
        self.place = 0

    def takes(self, *told: Sums, clock: float = 0) -> Step:
        self.place += len(told)
        return self.balance.fold(told, partition=3, read_up_to=self.place, clock=clock)


def test_a_minute_is_told_at_once_when_all_who_are_expected_have_reported() -> None:
    partition = Partition()
    partition.takes(sums("a"), sums("b"))

    first = partition.takes(sums("a", NEXT, consumption=10))
    then = partition.takes(sums("b", NEXT, consumption=5))

    assert first.partials == []
    (partial,) = then.partials
    assert (partial.minute, partial.communities, partial.expected_communities) == (NEXT, 2, 2)
    assert (partial.consumption_mwh, partial.forecast_consumption_mwh) == (15, 0)


def test_it_waits_for_a_silent_community_no_longer_than_the_patience() -> None:
    partition = Partition()
    partition.takes(sums("a", consumption=70), sums("b", consumption=30))
    partition.takes(sums("a", NEXT, consumption=60))

    before = partition.takes(clock=NEXT + 60 + PATIENCE_S - 1)
    after = partition.takes(clock=NEXT + 60 + PATIENCE_S)

    assert before.partials == []
    (partial,) = after.partials
    assert (partial.communities, partial.expected_communities) == (1, 2)
    assert partial.consumption_mwh == 60
    # What it had last stands in for it, and is marked.
    assert (partial.forecast_consumption_mwh, partial.forecast_net_mwh) == (30, 30)


def test_who_comes_late_makes_a_new_version() -> None:
    partition = Partition()
    partition.takes(sums("a"), sums("b"))
    (first,) = partition.takes(sums("a", NEXT), clock=NEXT + 60 + PATIENCE_S).partials

    (second,) = partition.takes(sums("b", NEXT, consumption=7)).partials

    assert second.version > first.version
    assert (second.consumption_mwh, second.forecast_consumption_mwh) == (107, 0)


def test_many_who_come_late_one_by_one_are_told_together() -> None:
    partition = Partition()
    names = [f"c{number}" for number in range(50)]
    partition.takes(*map(sums, names))
    late = NEXT + 60 + PATIENCE_S
    partition.takes(sums("c0", NEXT), clock=late)

    steps = [partition.takes(sums(name, NEXT), clock=late + 1) for name in names[1:40]]
    minute_later = partition.takes(clock=late + 60)

    assert all(step.partials == [] for step in steps)
    assert [partial.communities for partial in minute_later.partials] == [40]


def test_meters_that_are_missing_have_what_the_others_of_their_community_have() -> None:
    partition = Partition()

    (partial,) = partition.takes(sums("a", consumption=90, reported=9, missing=1)).partials

    assert (partial.meters_reported, partial.meters_missing) == (9, 1)
    assert (partial.consumption_mwh, partial.forecast_consumption_mwh) == (90, 10)


def test_a_community_whose_meters_are_all_silent_has_not_reported() -> None:
    partition = Partition()
    partition.takes(sums("a"), sums("b", consumption=40))
    nothing = sums("b", NEXT, consumption=0, reported=0, missing=5)

    (partial,) = partition.takes(sums("a", NEXT), nothing, clock=NEXT + 90).partials

    assert (partial.communities, partial.forecast_consumption_mwh) == (1, 40)


def test_a_community_that_is_silent_for_a_day_is_not_expected_any_more() -> None:
    partition = Partition()
    partition.takes(sums("gone"), sums("a"))

    (partial,) = partition.takes(sums("a", NOON + 86_460)).partials

    assert (partial.expected_communities, partial.forecast_consumption_mwh) == (1, 0)


def test_what_it_had_is_remembered_when_its_last_minute_is_forgotten() -> None:
    partition = Partition()
    partition.takes(sums("silent", consumption=40), sums("a"))

    step = partition.takes(sums("a", NOON + 3_660))

    assert step.expired == [NOON]
    assert step.silent == {"silent": Last(NOON, 40, 40)}


def test_a_minute_older_than_can_be_told_anew_is_counted_and_left() -> None:
    partition = Partition()
    partition.takes(sums("a", NOON + 7_200))

    step = partition.takes(sums("a", NOON))

    assert (step.too_old, step.taken, step.partials) == (1, {}, [])


def test_a_policy_that_forgets_what_it_has_not_told_is_refused() -> None:
    with pytest.raises(ValueError, match="retention_s=100 must be at least 120 s more"):
        BalancePolicy(patience_s=30, retention_s=100)


minutes_said = st.lists(
    st.builds(
        sums,
        st.sampled_from("abc"),
        st.sampled_from([NOON, NEXT]),
        version=st.integers(1, 5),
        consumption=st.integers(0, 1_000),
    ),
    max_size=20,
)


@given(minutes_said, st.data())
def test_taking_anything_twice_and_starting_again_changes_nothing(
    said: list[Sums], data: st.DataObject
) -> None:
    # One version of a minute has one content.
    said = list({(one.community_id, one.minute, one.version): one for one in said}.values())
    cut = data.draw(st.integers(0, len(said)))
    once, again = Partition(), Partition()
    steps = [once.takes(one) for one in said]

    taken = [
        (place, minutes)
        for place, step in enumerate(steps[:cut], 1)
        for minutes in step.taken.values()
    ]
    told = [(p.minute, p.version, step.time) for step in steps[:cut] for p in step.partials]
    again.balance.restore(silent=[], taken=taken, told=told)
    again.place = cut
    again_steps = [again.takes(one) for one in said[cut:]]
    repeated = [again.balance.fold([one], partition=3, read_up_to=0, clock=0) for one in said]

    assert [s.partials for s in again_steps] == [s.partials for s in steps[cut:]]
    assert all(step.taken == {} for step in repeated)


@given(minutes_said)
def test_a_partial_is_the_sum_of_what_was_said_last(said: list[Sums]) -> None:
    partition = Partition()
    last: dict[tuple[str, int], Sums] = {}
    for one in said:
        partition.takes(one)
        known = last.get((one.community_id, one.minute))
        if known is None or known.version < one.version:
            last[one.community_id, one.minute] = one

    partition.takes(clock=NEXT + 60 + PATIENCE_S)
    marker = partition.takes(*(sums(name, NEXT, version=9) for name in "abc"), clock=NEXT + 600)

    assert [partial.consumption_mwh for partial in marker.partials if partial.minute == NEXT] == [
        300
    ]


def a_partial(
    partition: int, minute: int = NOON, *, version: int = 1, net: int = 100
) -> GridPartial:
    return GridPartial(
        partition=partition,
        minute=minute,
        version=version,
        communities=2,
        expected_communities=2,
        meters_reported=4,
        meters_missing=0,
        consumption_mwh=abs(net),
        production_mwh=0,
        import_mwh=max(net, 0),
        export_mwh=max(-net, 0),
        forecast_consumption_mwh=0,
        forecast_net_mwh=0,
    )


class Merging:
    """The grid's balance, and how far it has read."""

    def __init__(self) -> None:
        self.grid = GridBalance(POLICY)
        self.place = 0

    def takes(self, *partials: GridPartial, now: float = 0) -> Sequence[GridMinute]:
        return self.step(*partials, now=now).minutes

    def step(self, *partials: GridPartial, now: float = 0) -> GridStep:
        self.place += len(partials)
        return self.grid.fold(partials, read_up_to=self.place, now=now)


def test_the_grid_waits_for_each_partition_and_then_adds_them_up() -> None:
    merging = Merging()
    merging.takes(a_partial(0), a_partial(1))

    first = merging.takes(a_partial(0, NEXT, net=-50))
    (minute,) = merging.takes(a_partial(1, NEXT, net=80))

    assert [told.minute for told in first] == [NOON]
    assert (minute.partitions, minute.forecast_partitions) == ([0, 1], [])
    assert (minute.import_mwh, minute.export_mwh) == (80, 50)
    # 30 mWh in a minute.
    assert minute.net_load_w == 2
    assert minute.share_reported == 1


def test_the_very_first_minute_is_told_with_the_second_whatever_the_batches() -> None:
    together, apart = Merging(), Merging()

    at_once = together.takes(a_partial(0), a_partial(1))
    one_by_one = [*apart.takes(a_partial(0)), *apart.takes(a_partial(1))]

    assert at_once == one_by_one == []
    assert (
        together.takes(a_partial(0, NEXT), a_partial(1, NEXT))[0]
        == (apart.takes(a_partial(0, NEXT))[0])
    )


def test_a_partition_that_is_away_is_filled_by_its_last_partial_and_marked() -> None:
    merging = Merging()
    merging.takes(a_partial(0, net=300), a_partial(1, net=100))
    merging.takes(a_partial(0, NEXT, net=300), now=1_000)

    early = merging.takes(now=1_000 + PATIENCE_S + MERGE_S - 1)
    (minute,) = merging.takes(now=1_000 + PATIENCE_S + MERGE_S)

    assert early == []
    assert minute.forecast_partitions == [1]
    assert (minute.import_mwh, minute.forecast_net_mwh) == (300, 100)
    assert minute.share_reported == 0.75


def test_a_late_partial_makes_a_new_version_of_the_minute() -> None:
    merging = Merging()
    merging.takes(a_partial(0), a_partial(1))
    merging.takes(a_partial(0, NEXT), now=0)
    (filled,) = merging.takes(now=100)

    (whole,) = merging.takes(a_partial(1, NEXT, net=1), now=101)

    assert whole.version > filled.version
    assert (whole.forecast_partitions, whole.import_mwh) == ([], 101)


def test_hours_of_one_partition_that_are_read_before_those_of_another_are_told_whole() -> None:
    merging = Merging()
    hours = range(NOON, NOON + 12 * 3_600, 60)

    merging.takes(*(a_partial(0, minute, net=100) for minute in hours))
    again = merging.takes(*(a_partial(1, minute, net=50) for minute in hours))

    assert [(one.minute, one.import_mwh) for one in again] == [(minute, 150) for minute in hours]


def test_a_partition_that_is_silent_for_hours_is_filled_after_a_restart_too() -> None:
    before, after = Merging(), Merging()
    parts = [a_partial(0, net=300), a_partial(1, net=100)]
    parts += [a_partial(0, NOON + 60 * place, net=300) for place in range(1, 200)]
    for place, partial in enumerate(parts):
        before.takes(partial, now=60 * place)
    kept = [(1, one) for one in parts if one.minute >= before.grid.newest - 86_400]

    after.grid.restore(parts=kept, told=[], now=60 * 200)
    after.place = len(parts)
    minute = after.takes(a_partial(0, NOON + 200 * 60, net=300), now=60 * 201)[-1]
    filled = after.takes(now=60 * 202)[-1]

    assert minute.forecast_partitions == filled.forecast_partitions == [1]
    assert filled.forecast_net_mwh == 100


def test_what_a_partition_has_is_kept_for_as_long_as_it_is_expected() -> None:
    merging = Merging()
    merging.takes(a_partial(0), a_partial(1))

    expired = [
        start
        for place in range(1, 86_400 // 60 + 2)
        for start, _ in merging.step(a_partial(0, NOON + 60 * place), now=60 * place).expired
    ]

    assert expired == [NOON]


def test_a_partition_that_has_told_nothing_for_a_day_is_not_waited_for() -> None:
    merging = Merging()
    merging.takes(a_partial(0), a_partial(1))

    *_, minute = merging.takes(a_partial(0, NOON + 86_460))

    assert minute.minute == NOON + 86_460
    assert minute.forecast_partitions == []
