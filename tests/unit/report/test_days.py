import numpy as np
import pytest
from clickhouse_connect.driver.client import Client

from deploy.report.days import Days
from tests.unit.report.builders import (
    MIDNIGHT,
    NOON_QUARTERS,
    PERIOD_S,
    QUARTER_HOURS,
    STRANGE_COMMUNITY,
    STRANGE_METER,
)
from tests.unit.report.conftest import GAP

pytestmark = pytest.mark.slow

NOON = NOON_QUARTERS[0]


@pytest.fixture
def days(client: Client) -> Days:
    return Days(client, "smatrix")


def test_the_grid_is_the_sum_of_its_households_as_mean_power(days: Days) -> None:
    grid = days.grid()

    assert grid is not None
    assert grid.consumption[NOON] == pytest.approx(1_200)
    assert grid.imported[NOON] == pytest.approx(1_000)
    assert grid.exported[NOON] == pytest.approx(200)
    assert grid.imported[0] == pytest.approx(1_150)


def test_a_quarter_hour_that_never_came_is_a_gap_and_not_nothing(days: Days) -> None:
    grid = days.grid()

    assert grid is not None
    assert grid.edges.tolist() == [MIDNIGHT + n * PERIOD_S for n in range(QUARTER_HOURS + 1)]
    assert np.flatnonzero(np.isnan(grid.consumption)).tolist() == [GAP]


def test_the_telling_community_has_the_largest_peaks(days: Days) -> None:
    found = days.telling_community()

    assert found is not None
    community, flows = found
    assert community == "c1"
    assert np.nanmax(flows.imported) == pytest.approx(1_000)
    assert np.isnan(flows.production).all()


def test_the_telling_household_has_a_battery_and_any_name(days: Days) -> None:
    found = days.telling_household()

    assert found is not None
    meter, flows = found
    assert meter == STRANGE_METER
    assert flows.charge[NOON] == pytest.approx(600)
    assert flows.discharge[0] == pytest.approx(50)


def test_households_by_hour_say_what_they_own(days: Days) -> None:
    hours = days.household_hours()

    assert hours is not None
    assert STRANGE_COMMUNITY < "c1"
    assert hours.has_pv.tolist() == [True, False]
    assert hours.has_battery.tolist() == [True, False]
    assert hours.net[:, 10] == pytest.approx([-200, 1_000])
    assert hours.self_sufficiency[:, [0, 10, 14]].tolist() == [[0, 1, 0.25], [0, 0, 0]]


def test_an_empty_database_has_nothing(client: Client) -> None:
    days = Days(client, "empty")

    assert days.grid() is None
    assert days.telling_community() is None
    assert days.telling_household() is None
    assert days.household_hours() is None
