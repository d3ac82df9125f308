"""What a charger was to give in a time, by its orders."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.units import PERIOD_S
from streams.domain.ev_charging import Kept, Order, ordered_mwh
from tests.unit.ev_charging.playing import EVENING, a_session

FULL_QUARTER_MWH = 11_000 * 250
moments = st.integers(EVENING - 60, EVENING + PERIOD_S + 60)


def told(planned_mwh: int, *, continuous: bool, start: int = EVENING) -> Kept:
    session = a_session(charger_w=11_000, minimum_w=1_400, continuous=continuous)
    return Kept(session, EVENING, orders={EVENING: Order(1, start, planned_mwh)})


def test_a_charger_that_is_on_or_off_gives_first_what_is_less_than_its_quarter_hour() -> None:
    kept = told(FULL_QUARTER_MWH // 3, continuous=False)

    assert ordered_mwh(kept, EVENING, EVENING + 300) == FULL_QUARTER_MWH // 3
    assert ordered_mwh(kept, EVENING + 300, EVENING + PERIOD_S) == 0


def test_a_charger_that_can_be_set_gives_evenly() -> None:
    kept = told(FULL_QUARTER_MWH // 3, continuous=True)

    third = ordered_mwh(kept, EVENING, EVENING + 300)

    assert abs(third - FULL_QUARTER_MWH // 9) <= 300 * 1000 // 3600


@given(
    planned=st.integers(0, FULL_QUARTER_MWH),
    continuous=st.booleans(),
    late_s=st.integers(0, PERIOD_S - 60),
    times=st.tuples(moments, moments, moments).map(sorted),
)
def test_an_order_is_given_once_whatever_the_times_that_are_looked_at(
    *, planned: int, continuous: bool, late_s: int, times: list[int]
) -> None:
    kept = told(
        planned * (PERIOD_S - late_s) // PERIOD_S, continuous=continuous, start=EVENING + late_s
    )
    first, middle, last = times

    parts = ordered_mwh(kept, first, middle), ordered_mwh(kept, middle, last)

    assert min(parts) >= 0
    assert sum(parts) == ordered_mwh(kept, first, last)
    assert ordered_mwh(kept, EVENING, EVENING + PERIOD_S) == kept.orders[EVENING].planned_mwh
