"""The blend of seasonal baselines: what it knows, from how little, and what it can't know."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.units import PERIOD_S
from streams.domain.forecast import (
    PERIODS_A_DAY,
    ForecastError,
    ForecastPolicy,
    Watts,
    blend,
    same_time,
)
from streams.domain.forecast_times import utc_offsets_s

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = int(datetime(2016, 1, 18, tzinfo=BERLIN).timestamp())
POLICY = ForecastPolicy()
SEASONS_ALONE = ForecastPolicy(last_weight=0)

loads = st.one_of(st.floats(-1e7, 1e7), st.just(float("nan")))
histories = st.lists(loads, min_size=1, max_size=200).map(np.array)


def forecast(
    history: Watts, policy: ForecastPolicy = POLICY, start: int = MONDAY, horizon: int = 96
) -> Watts:
    return blend(history, period_start=start, horizon_periods=horizon, policy=policy)


def days_of(*levels: float) -> Watts:
    """Return days that are flat, each at its own level."""
    return np.repeat(np.array(levels, float), PERIODS_A_DAY)


def by_local_hour(first: int, count: int) -> Watts:
    """Return a load that depends on the local hour alone: 100 W an hour."""
    moments = first + PERIOD_S * np.arange(count, dtype=np.int64)
    local = moments + utc_offsets_s(moments, "Europe/Berlin")
    return (local % 86_400 // 3_600 * 100).astype(float)


def test_one_known_value_is_the_forecast() -> None:
    assert forecast(np.array([np.nan, 700.0, np.nan])) == pytest.approx(np.full(96, 700.0))


def test_nothing_known_gives_nothing() -> None:
    assert np.isnan(forecast(np.full(500, np.nan))).all()
    assert np.isnan(forecast(np.array([]))).all()


def test_a_day_that_repeats_is_forecast_exactly() -> None:
    day = np.sin(np.linspace(0, 2 * np.pi, PERIODS_A_DAY, endpoint=False)) * 1_000

    assert forecast(np.tile(day, 14), SEASONS_ALONE) == pytest.approx(day)


def test_days_of_yesterday_and_last_week_are_weighed() -> None:
    history = days_of(100, 0, 0, 0, 0, 0, 200)
    even = ForecastPolicy(last_weight=0, yesterday_weight=1, last_week_weight=1)

    assert forecast(history, even)[-1] == pytest.approx(150, abs=0.01)


def test_the_last_measured_value_holds_at_first_and_fades() -> None:
    history = days_of(*[1_000.0] * 7)
    history[-1] = 2_000

    ahead = forecast(history, SEASONS_ALONE)

    assert ahead[0] == pytest.approx(1_000 + 1_000 * np.exp(-1 / 4))
    assert ahead[3] == pytest.approx(1_000 + 1_000 * np.exp(-1))
    # Tomorrow at that time, the last value is itself the same time yesterday.
    assert ahead[50] == pytest.approx(1_000, abs=1)


def test_a_gap_in_yesterday_is_filled_by_the_day_before() -> None:
    history = days_of(300, 300, 300)
    history[-PERIODS_A_DAY : -PERIODS_A_DAY // 2] = np.nan

    assert forecast(history) == pytest.approx(np.full(96, 300.0))


def test_more_than_a_day_ahead_the_last_known_day_stands_in() -> None:
    day = by_local_hour(MONDAY, PERIODS_A_DAY)

    assert forecast(day, SEASONS_ALONE, horizon=192)[96:] == pytest.approx(day, abs=1)


@pytest.mark.parametrize(
    "change", [datetime(2016, 3, 27, tzinfo=BERLIN), datetime(2016, 10, 30, tzinfo=BERLIN)]
)
def test_habits_keep_to_the_local_clock_over_a_clock_change(change: datetime) -> None:
    start = int(change.timestamp())
    before = by_local_hour(start - 8 * 86_400, 8 * PERIODS_A_DAY)
    noon = 12 * 4

    ahead = forecast(before, SEASONS_ALONE, start, horizon=PERIODS_A_DAY)

    # From noon on all clocks agree again; the hour that there is twice or never has no yesterday.
    assert ahead[noon:] == pytest.approx(by_local_hour(start, PERIODS_A_DAY)[noon:], abs=1)


def test_the_same_time_last_week_skips_the_days_between() -> None:
    history = days_of(1, 2, 3, 4, 5, 6, 7, 8)

    week_ago = same_time(
        history, np.array([MONDAY]), period_start=MONDAY, every_days=7, policy=POLICY
    )

    assert week_ago == pytest.approx([2])


@given(histories, st.floats(0.001, 1_000), st.integers(0, 96))
def test_scaling_the_history_scales_the_forecast(
    history: Watts, factor: float, horizon: int
) -> None:
    once = forecast(history, horizon=horizon)

    assert forecast(history * factor, horizon=horizon) == pytest.approx(
        once * factor, rel=1e-9, abs=1e-3, nan_ok=True
    )


@given(histories)
def test_something_known_is_always_enough(history: Watts) -> None:
    known = np.isfinite(history).any()

    assert np.isfinite(forecast(history)).all() == known


@given(st.lists(histories.filter(lambda h: len(h) > 3), min_size=1, max_size=4))
def test_many_rows_are_forecast_as_each_alone(rows: list[Watts]) -> None:
    shortest = min(len(row) for row in rows)
    together = np.array([row[-shortest:] for row in rows])

    expected = [forecast(row) for row in together]

    assert forecast(together) == pytest.approx(np.array(expected), nan_ok=True)


@given(histories, st.integers(1, 96))
def test_a_shorter_question_has_the_same_answer(history: Watts, horizon: int) -> None:
    assert forecast(history, horizon=horizon) == pytest.approx(
        forecast(history)[:horizon], nan_ok=True
    )


def test_what_no_forecast_can_answer_is_refused() -> None:
    with pytest.raises(ForecastError, match="not the start of a quarter-hour"):
        forecast(np.array([1.0]), start=MONDAY + 60)
    with pytest.raises(ForecastError, match="horizon_periods -1"):
        forecast(np.array([1.0]), horizon=-1)
    with pytest.raises(ForecastError, match="weights"):
        ForecastPolicy(last_weight=0, yesterday_weight=0, last_week_weight=0)
    with pytest.raises(ForecastError, match="anchor_periods"):
        ForecastPolicy(anchor_periods=0)
    with pytest.raises(ForecastError, match="most_days_back"):
        ForecastPolicy(most_days_back=0)
