import numpy as np

from streams.domain.channels import MISSING
from streams.domain.like_days import PERIODS_A_DAY, DayKind, LikeDays

MONDAY = 739_404


def a_day(energy: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.full((PERIODS_A_DAY, 1), energy, np.int64)


def test_the_three_nearest_days_of_a_kind_are_remembered() -> None:
    days = LikeDays.empty(1)
    for number in range(4):
        days.remember(MONDAY + number, DayKind.WORKDAY, a_day(1_000 * (number + 1)))

    assert sorted(days.of(MONDAY + 4, DayKind.WORKDAY, 0)[:, 0].tolist()) == [2_000, 3_000, 4_000]
    assert days.mean(MONDAY + 4, DayKind.WORKDAY, 0).tolist() == [3_000]


def test_a_day_is_not_like_itself() -> None:
    days = LikeDays.empty(1)
    days.remember(MONDAY, DayKind.WORKDAY, a_day(1_000))

    assert days.of(MONDAY, DayKind.WORKDAY, 5)[:, 0].tolist() == [MISSING] * 3


def test_a_day_that_is_told_again_takes_its_own_place() -> None:
    days = LikeDays.empty(1)
    for energy in (1_000, 5_000):
        days.remember(MONDAY, DayKind.WORKDAY, a_day(energy))

    assert sorted(days.of(MONDAY + 1, DayKind.WORKDAY, 0)[:, 0].tolist()) == [-1, -1, 5_000]


def test_what_was_not_measured_throughout_is_not_known() -> None:
    days = LikeDays.empty(1)
    days.remember(MONDAY, DayKind.WORKDAY, a_day(MISSING))

    assert np.isnan(days.mean(MONDAY + 1, DayKind.WORKDAY, 0)).all()


def test_a_saturday_is_like_no_monday() -> None:
    days = LikeDays.empty(1)
    days.remember(MONDAY, DayKind.WORKDAY, a_day(1_000))

    assert np.isnan(days.mean(MONDAY + 5, DayKind.SATURDAY, 0)).all()
    assert (days.all_of(MONDAY + 5, 0) != MISSING).sum() == 1


def test_a_meters_days_take_1728_bytes() -> None:
    assert LikeDays.empty(7).bytes_a_meter == 1_728
