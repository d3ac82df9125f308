"""Days of batteries by every rule: nobody beats foresight, and planning beats the sun alone."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.batteries.page import as_table, write
from deploy.batteries.playing import Known
from deploy.batteries.reporting import (
    AUTO,
    FORESIGHT,
    IF_KNOWN,
    OURS,
    RULES,
    THRESHOLD,
    UNLIMITED,
    Report,
    report_of,
)
from deploy.batteries.year import everybody
from load_generator.fleet import Fleet
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from streams.domain.batteries_deciding import BatteryPolicy

pytestmark = pytest.mark.slow

POLICY = BatteryPolicy()


@pytest.fixture(scope="module")
def report() -> Report:
    fleet = Fleet.build(
        communities=1, households=14, seed=5, profiles=read_profiles([SHIPPED_PROFILE])
    )
    return report_of(
        fleet,
        POLICY,
        first=date(2016, 7, 12),
        days=4,
        seed=1,
        ablation=True,
        on_progress=lambda _: None,
    )


def test_foresight_is_the_cheapest_and_planning_cheaper_than_the_sun_alone(
    report: Report,
) -> None:
    costs = {name: rule.cost for name, rule in report.rules.items()}

    assert min(costs.values()) == costs[FORESIGHT]
    assert costs[OURS] < costs[AUTO] < costs[THRESHOLD]


def test_who_knows_sun_and_loads_does_better_and_not_better_than_foresight(report: Report) -> None:
    costs = {name: rule.cost for name, rule in report.rules.items()}

    assert costs[FORESIGHT] < costs[IF_KNOWN[Known.BOTH]] < costs[OURS]


def test_where_everybody_has_a_battery_shares_keep_the_peak_that_plans_alone_would_raise() -> None:
    fleet = everybody(
        Fleet.build(communities=1, households=10, seed=5, profiles=read_profiles([SHIPPED_PROFILE]))
    )

    report = report_of(
        fleet, POLICY, first=date(2016, 5, 20), days=4, seed=1, on_progress=lambda _: None
    )

    assert report.batteries == report.households
    assert report.rules[UNLIMITED].over_own_peak_w > 0
    assert report.rules[OURS].over_own_peak_w <= 0


def test_levels_stay_between_reserve_and_capacity_and_nothing_goes_both_ways(
    report: Report,
) -> None:
    for name in RULES:
        played = report.played[name]
        for household, capacity_wh in enumerate(report.year.capacity_wh.tolist()):
            battery = POLICY.battery(capacity_wh)
            assert played.level[household].min() >= battery.reserve
            assert played.level[household].max() <= battery.capacity
        assert not ((played.charge > 0) & (played.discharge > 0)).any()


def test_savings_of_households_sum_to_the_rule_s(report: Report) -> None:
    for name, rule in report.rules.items():
        assert abs(sum(report.saving_by_household[name]) - rule.saving) <= Decimal("0.05")


def test_writes_its_files(report: Report, tmp_path: Path) -> None:
    write(report, tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {
        "result.json",
        "table.md",
        "grid.png",
        "battery.png",
    }
    assert all(name in as_table(report) for name in RULES)
