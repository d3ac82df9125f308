"""Made-up prices: the same for the same seed, and with the shape that they say they have."""

from datetime import date

import numpy as np

from load_generator.prices import day_ahead_cents

YEAR = date(2025, 1, 1)
QUARTERS = 96


def test_the_same_seed_gives_the_same_prices_and_another_one_others() -> None:
    assert np.array_equal(day_ahead_cents(YEAR, 9, seed=1), day_ahead_cents(YEAR, 9, seed=1))
    assert not np.array_equal(day_ahead_cents(YEAR, 9, seed=1), day_ahead_cents(YEAR, 9, seed=2))


def test_days_of_a_clock_change_have_23_and_25_hours() -> None:
    assert len(day_ahead_cents(date(2025, 3, 30), 1, seed=1)) == 23 * 4
    assert len(day_ahead_cents(date(2025, 10, 26), 1, seed=1)) == 25 * 4


def test_an_hour_has_one_price() -> None:
    hours = day_ahead_cents(YEAR, 30, seed=1).reshape(-1, 4)

    assert (hours == hours[:, :1]).all()


def test_evenings_are_dear_summer_noons_cheap_and_some_hours_below_nothing() -> None:
    winter = day_ahead_cents(YEAR, 59, seed=1).reshape(59, QUARTERS).mean(axis=0)
    summer = day_ahead_cents(date(2025, 6, 1), 61, seed=1)
    day = summer.reshape(61, QUARTERS).mean(axis=0)

    assert day[19 * 4] > day[13 * 4] + 5_000
    assert winter[19 * 4] > winter[3 * 4] + 3_000
    assert (summer < 0).any()
