"""The report on forecasts: nothing from the future, and files that can't be used."""

import gzip
from datetime import date
from pathlib import Path

import numpy as np
import orjson
import pytest
from typer.testing import CliRunner

from deploy.cli.app import cli
from deploy.forecast.loads import Level, Loads, loads_of
from deploy.forecast.page import as_dict, as_tables
from deploy.forecast.reporting import policies_of, report_of
from deploy.forecast.scoring import Errors, Method, forecasts_at, stride_of
from deploy.forecast.training import least_absolute
from load_generator.profiles import SHIPPED_PROFILE, ProfileError, read_profiles
from streams.domain.forecast import PERIODS_A_DAY, ForecastPolicy
from streams.forecast_model import Model, read_model, write_model

pytestmark = pytest.mark.slow

MODEL = read_model()
AUTUMN = date(2016, 10, 24)


@pytest.fixture(scope="module")
def autumn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of the eight days with the clock change alone."""
    lines = gzip.decompress(SHIPPED_PROFILE.read_bytes()).decode().splitlines()
    path = tmp_path_factory.mktemp("profiles") / "autumn.csv"
    path.write_text("\n".join([lines[0], *(x for x in lines if x.startswith("2016-10"))]) + "\n")
    return path


@pytest.fixture(scope="module")
def loads(autumn: Path) -> Loads:
    return loads_of(read_profiles([autumn]), seed=1)


def test_the_day_with_the_clock_change_has_25_hours(loads: Loads) -> None:
    assert loads.periods == 8 * PERIODS_A_DAY + 4


def test_who_is_early_or_late_leaves_the_first_and_last_hour_out(loads: Loads) -> None:
    for rows in loads.rows.values():
        known = np.asarray(np.isfinite(rows).all(axis=0))
        assert not known[:4].any()
        assert known[4:-4].all()
        assert not known[-4:].any()


def test_communities_add_up_to_the_grid(loads: Loads) -> None:
    total = loads.rows[Level.COMMUNITY].sum(axis=0)

    assert loads.rows[Level.GRID][0] == pytest.approx(total, nan_ok=True)


def test_being_early_or_late_moves_energy_and_makes_none(loads: Loads) -> None:
    in_step, shifted = (np.nanmean(loads.rows[x]) for x in (Level.IN_STEP, Level.GRID))

    assert shifted == pytest.approx(in_step, rel=0.02)


@pytest.mark.parametrize("origin", [30, 200, 555])
def test_changing_the_future_changes_no_forecast(loads: Loads, origin: int) -> None:
    policies, floor = policies_of(MODEL, {2016}), ForecastPolicy()
    turned = {
        level: np.concatenate([rows[:, :origin], -7 * rows[:, origin:] + 1e6], axis=1)
        for level, rows in loads.rows.items()
    }

    before = forecasts_at(loads, origin, policies, floor)
    after = forecasts_at(Loads(loads.first, turned), origin, policies, floor)

    for level in Level:
        for method in Method:
            np.testing.assert_array_equal(before[level][method], after[level][method])


def test_changing_the_past_changes_forecasts(loads: Loads) -> None:
    policies, floor = policies_of(MODEL, {2016}), ForecastPolicy()
    turned = Loads(loads.first, {level: -rows for level, rows in loads.rows.items()})

    before = forecasts_at(loads, 700, policies, floor)[Level.GRID]
    after = forecasts_at(turned, 700, policies, floor)[Level.GRID]

    for method in Method:
        assert np.nanmax(np.abs(before[method] - after[method])) > 1


def test_a_fortnight_alone_has_nothing_before_it(loads: Loads) -> None:
    alone = loads.between(date(2016, 10, 26), 2)

    assert alone.periods == 2 * PERIODS_A_DAY
    assert alone.first == loads.first + 2 * 86_400
    np.testing.assert_array_equal(
        alone.rows[Level.GRID], loads.rows[Level.GRID][:, 2 * PERIODS_A_DAY : 4 * PERIODS_A_DAY]
    )


def test_hindsight_is_the_mean_of_the_days_around() -> None:
    errors = Errors.empty(1)
    days = np.array([0.0, 6, 0, 6, 0, 6, 0])

    errors.add_series(np.repeat(days, PERIODS_A_DAY)[None, :])

    assert errors.naive_count.tolist() == [6 * PERIODS_A_DAY]
    assert errors.naive_sum.tolist() == [6 * 6 * PERIODS_A_DAY]
    # Off by 4.5, 3.6, 4, 3.6, 4.5 and 4 where yesterday is off by 6.
    assert errors.hindsight_skill() == pytest.approx(1 - 24.2 / 36)


def test_skill_and_mase_of_known_errors() -> None:
    errors = Errors.empty(1)
    truth = np.zeros((1, PERIODS_A_DAY))
    off = {Method.LEARNED: 1.0, Method.BLEND: 2.0, Method.YESTERDAY: 4.0, Method.PERSISTENCE: 8.0}
    answers = {method: truth + size for method, size in off.items()}
    answers[Method.LAST_WEEK] = truth + np.nan
    errors.naive_sum += 10.0
    errors.naive_count += 5

    errors.add(answers, truth)

    everything = slice(0, PERIODS_A_DAY)
    assert errors.mean_w(Method.LEARNED, everything) == 1.0
    assert errors.skill(Method.LEARNED, Method.YESTERDAY, everything) == 0.75
    assert errors.skill(Method.LEARNED, Method.LAST_WEEK, everything) is None
    assert errors.mase(Method.LEARNED, everything) == 0.5


@pytest.mark.parametrize("periods", [192, 1_344, 8_064, 35_136])
def test_origins_come_at_every_time_of_day_and_are_not_too_many(periods: int) -> None:
    stride = stride_of(periods)

    assert len({origin * stride % PERIODS_A_DAY for origin in range(PERIODS_A_DAY)}) == 96
    assert periods / stride <= 600


def test_the_command_writes_tables_and_pictures(autumn: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["forecast-report", "--profiles", str(autumn), "--out", str(tmp_path)]
    )

    assert result.exit_code == 0
    assert "| grid | next quarter-hour |" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        "result.json",
        "table.md",
        "skill.png",
        "day.png",
    }
    levels = orjson.loads((tmp_path / "result.json").read_bytes())["levels"]
    ahead = levels["grid"]["horizons"]["next quarter-hour"]
    assert ahead["skill"]["same time yesterday"] > 0.5
    assert ahead["mae_w"]["learned"] < ahead["mae_w"]["blend"]


def test_two_days_are_enough_and_one_is_not(autumn: Path, tmp_path: Path) -> None:
    lines = autumn.read_text().splitlines()
    two, one = tmp_path / "two.csv", tmp_path / "one.csv"
    two.write_text("\n".join(lines[: 1 + 2 * 96]))
    one.write_text("\n".join(lines[: 1 + 96]))

    assert "| grid | 24 h ahead |" in as_tables(report_of(two, MODEL, seed=1))
    with pytest.raises(ProfileError, match="1 day; a forecast needs 2"):
        report_of(one, MODEL, seed=1)


def test_it_says_on_how_many_of_its_days_the_weights_were_learned(autumn: Path) -> None:
    seen = Model(MODEL.weights, (AUTUMN, date(2016, 1, 1)))

    assert as_dict(report_of(autumn, seen, seed=1))["days_trained_on"] == 1


def test_a_fortnight_that_is_not_in_the_file_is_refused(autumn: Path) -> None:
    with pytest.raises(ProfileError, match="no day 2016-05-09"):
        report_of(autumn, MODEL, seed=1, fortnights=[date(2016, 5, 9)])


def test_a_model_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"

    write_model(MODEL, path)

    again = read_model(path)
    assert again.days == MODEL.days
    for level, weights in MODEL.weights.items():
        np.testing.assert_array_equal(again.weights[level].weights, weights.weights)
        np.testing.assert_array_equal(again.weights[level].horizons, weights.horizons)


def test_the_least_absolute_error_is_that_of_most_examples() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(400, 3))
    wanted = values @ np.array([1.0, -2.0, 0.5])
    wanted[:40] += 1_000

    assert least_absolute(values, wanted, penalty=1e-9) == pytest.approx([1, -2, 0.5], abs=0.01)
