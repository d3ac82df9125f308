"""What the grid asks of a community: which version counts when, and that it is shed."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.regulation import SwitchReason
from streams.domain.regulation_deficits import Deficit, asked_at, with_order
from tests.builders import MINUTE_S
from tests.unit.domain.regulating import BELOW, OVER, Played, a_deficit


def test_the_grid_s_deficit_is_shed_and_what_is_shed_counts_for_it() -> None:
    played = Played()

    first = played.minute(1, BELOW, a_deficit(6_000, until=30))
    second = played.minute(2, BELOW - 6_000)

    assert len(first.directives) == 3
    assert {one.reason for one in first.directives} == {SwitchReason.GRID_DEFICIT}
    assert not second.directives
    assert second.told[0].shed_w == 6_000


def test_of_two_limits_the_stricter_one_counts() -> None:
    step = Played().minute(1, OVER, a_deficit(20_000, until=30))

    assert len(step.directives) == 10  # for the deficit, not the 7 of the connection


def test_after_the_deficit_everything_comes_back() -> None:
    played = Played()
    played.minute(1, 60_000, a_deficit(6_000, until=30))
    for number in range(2, 29):
        played.minute(number, 60_000)
    assert len(played.off(29)) == 3

    for number in range(29, 50):
        played.minute(number, 60_000)

    assert played.off(50) == set()


def test_what_begins_after_the_minute_that_is_decided_on_does_not_end_what_was_asked_before() -> (
    None
):
    """A community that waits for a meter decides two minutes after the grid."""
    played = Played()
    shed = set()

    for number in range(1, 20):
        asked = a_deficit(6_000, since=number + 2, until=number + 6, version=number)
        played.minute(number, BELOW - 2_000 * len(played.off(number)), asked)
        shed.add(len(played.off(number + 1)))

    assert played.off(20)
    assert shed == {0, 3}


def test_an_order_that_begins_later_and_asks_nothing_ends_what_was_asked_when_it_begins() -> None:
    played = Played()
    asked = [
        played.minute(number, 60_000, *also).told[0].deficit_w
        for number, also in (
            (1, [a_deficit(6_000, until=30), a_deficit(0, since=4, until=8, version=2)]),
            (2, []),
            (3, []),
            (4, []),
            (10, []),
        )
    ]

    assert asked == [6_000, 6_000, 0, 0, 0]


orders = st.builds(
    lambda name, version, start, length, shed_w: Deficit(
        name, version, start * MINUTE_S, (start + length) * MINUTE_S, shed_w, None
    ),
    st.sampled_from(["d1", "d2"]),
    st.integers(1, 9),
    st.integers(0, 30),
    st.integers(1, 30),
    st.integers(0, 3),
)


@given(st.lists(orders, max_size=12, unique_by=lambda one: (one.order_id, one.version)), st.data())
def test_what_is_kept_says_the_same_as_all_that_was_ever_ordered(
    told: list[Deficit], data: st.DataObject
) -> None:
    kept: tuple[Deficit, ...] = ()
    decided = 0

    for number, order in enumerate(told, start=1):
        kept = with_order(kept, order, decided=decided)
        decided += data.draw(st.integers(0, 3)) * MINUTE_S

        for at in range(decided, 61 * MINUTE_S, MINUTE_S):
            assert sorted(asked_at(kept, at), key=hash) == sorted(
                _newest_begun(told[:number], at), key=hash
            )


@given(orders, st.lists(orders, max_size=6))
def test_an_order_that_is_told_again_says_nothing_new(
    order: Deficit, others: list[Deficit]
) -> None:
    kept: tuple[Deficit, ...] = ()
    for each in (*others, order):
        kept = with_order(kept, each, decided=0)

    assert with_order(kept, order, decided=0) is kept


def _newest_begun(told: list[Deficit], at: int) -> list[Deficit]:
    newest: dict[str, Deficit] = {}
    for order in sorted(told, key=lambda one: one.version):
        if order.valid_from <= at:
            newest[order.order_id] = order
    return [order for order in newest.values() if at < order.valid_until]
