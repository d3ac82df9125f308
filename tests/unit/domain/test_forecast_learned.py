"""The learned forecaster: what holds of it whatever its weights are."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.units import PERIOD_S
from streams.domain.forecast import PERIODS_A_DAY, ForecastError, Watts, blend
from streams.domain.forecast_features import MOST_PERIODS, Place
from streams.domain.forecast_learned import LearnedPolicy, Weights, forecast
from streams.domain.holidays import german_holidays
from streams.forecast_model import read_model

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = int(datetime(2016, 2, 1, tzinfo=BERLIN).timestamp())
SHIPPED = read_model().weights
POLICY = LearnedPolicy(weights=SHIPPED["grid"], place=Place(holidays=german_holidays(2016)))

# Each example asks for a day or more; what holds for twenty holds.
few = settings(max_examples=20)
seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(PERIODS_A_DAY, 10 * PERIODS_A_DAY)


def ask(
    history: Watts, start: int = MONDAY, horizon: int = 96, policy: LearnedPolicy = POLICY
) -> Watts:
    return forecast(history, period_start=start, horizon_periods=horizon, policy=policy)


def a_history(seed: int, periods: int = 9 * PERIODS_A_DAY, rows: tuple[int, ...] = ()) -> Watts:
    """Return days that are somewhat alike, and some of their values missing."""
    rng = np.random.default_rng(seed)
    day = 1_000 * np.sin(np.arange(periods) * 2 * np.pi / PERIODS_A_DAY)
    load = 2_000 + day + rng.normal(0, 300, (*rows, periods))
    load[rng.random(load.shape) < 0.05] = np.nan
    return np.asarray(load)


@pytest.mark.parametrize("level", ["grid", "community", "household"])
def test_a_load_that_never_changes_is_forecast_exactly(level: str) -> None:
    policy = LearnedPolicy(weights=SHIPPED[level])

    assert ask(np.full(1_500, 640.0), policy=policy) == pytest.approx(np.full(96, 640.0))


def test_days_that_repeat_are_forecast_nearly() -> None:
    day = 1_000 + 500 * np.sin(np.linspace(0, 2 * np.pi, PERIODS_A_DAY, endpoint=False))

    assert ask(np.tile(day, 14)) == pytest.approx(day, abs=100)


@few
@given(seeds, st.floats(0.01, 1_000), st.floats(-1e5, 1e5))
def test_scaling_and_shifting_the_history_does_so_to_the_forecast(
    seed: int, factor: float, shift: float
) -> None:
    history = a_history(seed)

    assert ask(history * factor + shift) == pytest.approx(
        ask(history) * factor + shift, rel=1e-6, abs=1e-3
    )


@few
@given(seeds, lengths, st.integers(0, 200))
def test_any_history_of_a_day_or_more_gives_a_forecast_near_what_was_seen(
    seed: int, periods: int, missing_at_end: int
) -> None:
    history = a_history(seed, periods)
    if 0 < missing_at_end < periods - 1:
        history[-missing_at_end:] = np.nan

    ahead = ask(history)

    span = np.nanmax(history) - np.nanmin(history)
    assert (ahead >= np.nanmin(history) - span).all()
    assert (ahead <= np.nanmax(history) + span).all()


@few
@given(seeds, st.integers(0, PERIODS_A_DAY - 1))
def test_less_than_a_day_is_left_to_the_blend(seed: int, periods: int) -> None:
    history = a_history(seed, periods)

    floor = blend(history, period_start=MONDAY, horizon_periods=96, policy=POLICY.floor)

    assert ask(history) == pytest.approx(floor, nan_ok=True)


def test_nothing_known_gives_nothing() -> None:
    assert np.isnan(ask(np.full(2_000, np.nan))).all()
    assert np.isnan(ask(np.array([]))).all()
    assert ask(a_history(1), horizon=0).shape == (0,)


@few
@given(seeds)
def test_what_is_older_than_its_memory_makes_no_difference(seed: int) -> None:
    history = a_history(seed, MOST_PERIODS + 500)
    other = history.copy()
    other[:500] = 1e6

    # The blend looks back for longer, and answers nothing here.
    assert ask(history) == pytest.approx(ask(other))


@few
@given(seeds)
def test_many_rows_are_forecast_as_each_alone(seed: int) -> None:
    rows = a_history(seed, rows=(2, 2))
    rows[0, 0, -5:] = np.nan

    together = ask(rows)

    assert together.shape == (2, 2, 96)
    for place in np.ndindex(2, 2):
        assert together[place] == pytest.approx(ask(rows[place]))


@few
@given(seeds, st.integers(1, 95))
def test_a_shorter_question_has_the_same_answer(seed: int, horizon: int) -> None:
    history = a_history(seed)

    assert ask(history, horizon=horizon) == pytest.approx(ask(history)[:horizon])


def test_beyond_a_day_the_last_day_known_stands_in() -> None:
    day = 1_000 + 500 * np.sin(np.linspace(0, 2 * np.pi, PERIODS_A_DAY, endpoint=False))

    assert ask(np.tile(day, 14), horizon=192)[96:] == pytest.approx(day, abs=100)


@pytest.mark.parametrize("day", [datetime(2016, 3, 27), datetime(2016, 10, 30)])  # noqa: DTZ001
def test_habits_keep_to_the_local_clock_over_a_clock_change(day: datetime) -> None:
    start = int(day.replace(tzinfo=BERLIN).timestamp())
    moments = start + PERIOD_S * np.arange(-14 * PERIODS_A_DAY, PERIODS_A_DAY)
    hours = np.array([datetime.fromtimestamp(int(at), BERLIN).hour for at in moments])
    load = np.where((hours >= 18) & (hours < 22), 3_000.0, 1_000.0)

    ahead = ask(load[: 14 * PERIODS_A_DAY], start)

    evening = load[14 * PERIODS_A_DAY :] == 3_000
    assert (ahead[evening] > 2_000).mean() > 0.8
    assert (ahead[~evening] < 2_000).mean() > 0.95


def test_weights_between_two_horizons_lie_between_theirs() -> None:
    weights = Weights(np.array([1, 5]), np.array([[0.0, 0.0], [1.0, 1.0]]))

    assert weights.at(np.array([1, 2, 5, 96]))[:, 0] == pytest.approx([0, 0.25, 1, 1])


def test_weights_for_other_features_are_refused() -> None:
    foreign = LearnedPolicy(weights=Weights(np.array([1, 96]), np.zeros((2, 4))))

    with pytest.raises(ForecastError, match="weights of 4 features"):
        ask(a_history(1), policy=foreign)


def test_the_holidays_of_a_year_move_with_easter() -> None:
    assert date(2016, 3, 25) in german_holidays(2016)
    assert date(2026, 4, 6) in german_holidays(2026)
    assert len(german_holidays(2027)) == 11
