"""A small seeded report: what was measured, with room."""

from pathlib import Path

import orjson
import pytest

from deploy.vee.page import Report, as_dict, precision, recall, write
from deploy.vee.reporting import report_of
from load_generator.meter_faults import METER_FAULT_RATES
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from streams.domain.vee import Rule, Thresholds

pytestmark = pytest.mark.slow


def a_report(faults: str, *, days: int) -> Report:
    return report_of(
        read_profiles([SHIPPED_PROFILE]),
        METER_FAULT_RATES[faults],
        households=50,
        communities=2,
        days=days,
        seed=3,
        thresholds=Thresholds(),
    )


@pytest.fixture(scope="module")
def report() -> Report:
    return a_report("some", days=21)


def test_where_nothing_is_wrong_no_reading_fails() -> None:
    counts = a_report("none", days=10).confusion

    assert sum(count.failed for count in counts.readings.values()) == 0
    assert sum(count.false for count in counts.rules.values()) <= 2


def test_rules_that_fail_a_reading_are_right(report: Report) -> None:
    for rule in (
        Rule.NEGATIVE_ENERGY,
        Rule.OVER_CAP,
        Rule.NO_BATTERY,
        Rule.REGISTER_MISMATCH,
        Rule.SWAPPED_UNIT,
        Rule.WRONG_COMMUNITY,
    ):
        assert (precision(report.confusion.rules[rule]) or 1) >= 0.97


def test_what_registers_tell_is_found(report: Report) -> None:
    rules = report.confusion.rules

    assert (recall(rules[Rule.REGISTER_MISMATCH]) or 0) >= 0.85
    assert (recall(rules[Rule.REGISTER_GLITCH]) or 0) >= 0.85
    assert (recall(rules[Rule.NEGATIVE_ENERGY]) or 0) == 1


def test_estimates_beat_nothing_and_the_last_value(report: Report) -> None:
    sums = report.errors.sums
    for bucket in ("to 12 h", "to 3 days"):
        ours = sums["as without registers", bucket].share
        assert ours is not None
        assert ours < (sums["last value", bucket].share or 0)
        assert ours < (sums["zero", bucket].share or 0)


def test_whole_gaps_are_nearer_the_truth_where_registers_tell_their_sum(report: Report) -> None:
    sums = report.errors.sums

    scaled = sums["scaled to registers", "to 12 h"].share_of_gaps
    assert scaled is not None
    assert scaled < (sums["as without registers", "to 12 h"].share_of_gaps or 0)


def test_the_report_is_written_as_json_table_and_picture(report: Report, tmp_path: Path) -> None:
    write(report, tmp_path)

    assert orjson.loads((tmp_path / "result.json").read_bytes())["households"] == 50
    assert "| `over_cap` | fail |" in (tmp_path / "table.md").read_text()
    assert (tmp_path / "errors.png").stat().st_size > 10_000


def test_the_same_seed_gives_the_same_report(report: Report) -> None:
    again = as_dict(a_report("some", days=21))
    first = as_dict(report)

    for result in (first, again):
        result.pop("nanoseconds_a_reading")
    assert first == again
