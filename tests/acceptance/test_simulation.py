"""A grid that answers, as a user plays it: a verdict, files to look at, and the same once more."""

import csv
import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.acceptance.running import addresses, free_settings, smatrix

SMALL: Final = ("--communities=2", "--households=60")

pytestmark = pytest.mark.slow


def simulated(scenario: str, out: Path, *words: str) -> dict[str, Any]:
    """Play a scenario on a system of its own, and return its verdict."""
    ended = smatrix(
        *("simulate", scenario, *SMALL, f"--out={out}", *words),
        environment=addresses(free_settings()),
        within_s=500,
    )
    result = json.loads((out / "result.json").read_text())
    assert isinstance(result, dict)
    # The verdict is the command's exit code.
    assert (ended.status == 0) is result["passed"], ended.err
    return result


@pytest.mark.parametrize("scenario", ["household-consumption", "global-consumption"])
def test_what_is_kept_is_what_really_flowed(scenario: str, tmp_path: Path) -> None:
    result = simulated(scenario, tmp_path, "--minutes=60")

    assert result["passed"], result["checks"]
    with (tmp_path / "minutes.csv").open() as lines:
        assert len(list(csv.DictReader(lines))) == 60
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") >= 2
    assert all(check["name"] in page for check in result["checks"])


def test_two_runs_with_one_seed_make_the_same_decisions(tmp_path: Path) -> None:
    words = ("--minutes=60", "--seed=3")

    one = simulated("production", tmp_path / "one", *words)
    again = simulated("production", tmp_path / "again", *words)
    other = simulated("production", tmp_path / "other", "--minutes=60", "--seed=4")

    assert one["directives"] > 0
    assert one["decisions"] == again["decisions"]
    assert one["decisions"] != other["decisions"]
