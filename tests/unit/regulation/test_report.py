"""Days of a grid under no control, the simplest rule and ours: what each comes to."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.regulation.playing import CONNECTION_PERCENT, Setting
from deploy.regulation.reporting import Report, as_table, report_of, write
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from load_generator.world.terminals import TerminalRates
from streams.policies import regulation_policy
from streams.settings import Settings

pytestmark = pytest.mark.slow

POLICY = regulation_policy(Settings())
SETTING = Setting(
    communities=1,
    households=250,
    days=3,
    seed=1,
    start=datetime(2025, 1, 13, tzinfo=UTC),
    profiles=read_profiles([SHIPPED_PROFILE]),
    heater_share=0.9,
    rates=TerminalRates(),
)


def reported(setting: Setting) -> Report:
    return report_of(
        setting, POLICY, connection_percent=CONNECTION_PERCENT, on_progress=lambda _, __: None
    )


@pytest.fixture(scope="module")
def report() -> Report:
    return reported(SETTING)


def test_almost_all_overload_that_could_be_avoided_is_and_nobody_flaps_or_lacks_the_minimum(
    report: Report,
) -> None:
    uncontrolled, _, ours = report.figures

    assert uncontrolled.overloaded > 10
    assert ours.avoided is not None
    assert ours.avoided >= 0.95
    assert ours.switchings > 0
    assert (ours.flaps, ours.below_minimum) == (0, 0)
    assert ours.fairness is not None
    assert min(ours.fairness) > 0.9


def test_the_simplest_rule_switches_far_more_and_avoids_far_less(report: Report) -> None:
    _, simple, ours = report.figures

    assert simple.switchings > 10 * ours.switchings
    assert simple.flaps > 0
    assert simple.avoided is not None
    assert ours.avoided is not None
    assert simple.avoided < ours.avoided


def test_terminals_that_lose_refuse_and_delay_make_nobody_flap() -> None:
    rates = TerminalRates(delayed=0.1, lost=0.05, refused=0.05)

    _, _, ours = reported(replace(SETTING, rates=rates)).figures

    assert ours.switchings > 0
    assert (ours.flaps, ours.below_minimum) == (0, 0)
    assert ours.avoided is not None
    assert ours.avoided >= 0.9


def test_a_setting_has_one_report_which_is_written(report: Report, tmp_path: Path) -> None:
    write(report, tmp_path)

    assert reported(SETTING).figures == report.figures
    assert (tmp_path / "table.md").read_text() == as_table(report)
    rules = json.loads((tmp_path / "result.json").read_text())["rules"]
    assert rules["ours"]["switchings"] == report.figures[2].switchings
    assert (tmp_path / "regulation.png").read_bytes().startswith(b"\x89PNG")
