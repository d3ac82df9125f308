"""The days that may come again: each as it was, moved to now, and as likely as it is like today."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.batteries_futures import DAYS, futures_of
from streams.domain.forecast import PERIODS_A_DAY, ForecastPolicy, Watts, blend
from tests.builders import NOON

POLICY = ForecastPolicy()


def days_of(levels: list[float]) -> Watts:
    """Return days with a level of W each, the oldest first, until NOON."""
    return np.repeat(np.array(levels), PERIODS_A_DAY)[None]


def test_the_next_hours_may_be_as_on_each_of_the_last_days() -> None:
    levels = [700.0, 600.0, 500.0, 400.0, 300.0, 200.0, 100.0, 0.0]

    futures = futures_of(days_of(levels), start=NOON, periods=60, policy=POLICY)

    # The anchor has faded after hours; then each day is itself, the latest first.
    assert futures.nets[0, :, 59] == pytest.approx(levels[:0:-1], abs=1)


def test_each_begins_where_the_household_is_now() -> None:
    day = 500 + 300 * np.sin(np.arange(PERIODS_A_DAY) / 10)
    history = np.tile(day, 8)[None]
    history[0, -2:] += 250

    futures = futures_of(history, start=NOON, periods=40, policy=POLICY)

    moved = futures.nets[0] - day[:40]
    assert np.allclose(moved[:, 0], 250 * np.exp(-1 / POLICY.anchor_periods))
    assert np.allclose(moved[:, 39], 0, atol=0.1)


def test_a_day_that_was_as_the_last_hours_are_is_the_likeliest() -> None:
    history = days_of([900.0] * 8)
    history[0, -8:] = 100
    history[0, -8 - 3 * PERIODS_A_DAY : -3 * PERIODS_A_DAY] = 120

    futures = futures_of(history, start=NOON, periods=4, policy=POLICY)

    assert int(np.argmax(futures.chances[0])) == 2  # three days ago


def test_what_a_day_lacks_is_as_the_blend_says() -> None:
    history = days_of([300.0, 500.0])

    futures = futures_of(history, start=NOON, periods=8, policy=POLICY)

    expected = blend(history, period_start=NOON, horizon_periods=8, policy=POLICY)[0]
    assert np.allclose(futures.nets[0, DAYS - 1], expected)


@pytest.mark.parametrize(("share", "is_expected"), [(0.7, False), (0.8, True)])
def test_nothing_is_expected_before_most_of_a_day_is_known(
    share: float, *, is_expected: bool
) -> None:
    known = round(PERIODS_A_DAY * share)

    futures = futures_of(days_of([-2_000.0])[:, -known:], start=NOON, periods=150, policy=POLICY)

    assert np.isfinite(futures.nets).all() == is_expected
    assert np.isnan(futures.nets).all() != is_expected


def test_nothing_is_expected_of_whom_nothing_is_known() -> None:
    futures = futures_of(days_of([np.nan] * 8), start=NOON, periods=8, policy=POLICY)

    assert np.isnan(futures.nets).all()


@given(
    st.lists(st.one_of(st.just(np.nan), st.floats(-5_000, 5_000)), min_size=1, max_size=9),
    st.integers(1, 150),
)
def test_whatever_is_known_chances_sum_to_1_and_every_period_is_expected(
    levels: list[float], periods: int
) -> None:
    history = days_of(levels)

    futures = futures_of(history, start=NOON, periods=periods, policy=POLICY)

    assert futures.chances.sum() == pytest.approx(1)
    assert futures.nets.shape == (1, DAYS, periods)
    assert np.isfinite(futures.nets).all() == np.isfinite(levels[-DAYS:]).any()
