import pytest

from deploy.report.time_axis import round_times

MIDNIGHT = 1_767_225_600
HOUR_S = 3_600


@pytest.mark.parametrize(
    ("hours", "at_most", "step_s"),
    [(0.5, 9, 300), (1, 5, 900), (24, 9, 3 * HOUR_S), (24, 5, 6 * HOUR_S), (72, 9, 12 * HOUR_S)],
)
def test_times_stand_in_the_smallest_round_step_that_has_room(
    hours: float, at_most: int, step_s: int
) -> None:
    end = MIDNIGHT + int(hours * HOUR_S)

    assert round_times(MIDNIGHT, end, at_most=at_most) == list(range(MIDNIGHT, end + 1, step_s))


def test_a_run_from_an_odd_minute_is_told_at_round_times_within_it() -> None:
    begin = MIDNIGHT + 17 * 60

    times = round_times(begin, begin + HOUR_S, at_most=5)

    assert times == [MIDNIGHT + minutes * 60 for minutes in (30, 45, 60, 75)]


def test_even_ten_years_have_two_times() -> None:
    begin, end = MIDNIGHT, MIDNIGHT + 10 * 365 * 24 * HOUR_S

    assert round_times(begin, end, at_most=5) == [begin, end]
