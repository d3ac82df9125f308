"""A day of sun and clouds through the running system: autarky is that of the truth."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from deploy.embedded.system import EmbeddedSystem
from tests.acceptance.autarky_truth import (
    kill_alerts_at_work,
    play,
    require_the_truth_s_autarky,
)

pytestmark = pytest.mark.slow

SUMMER_DAY: Final = datetime(2025, 6, 21, tzinfo=UTC)
WEEK_LATER: Final = datetime(2025, 6, 28, tzinfo=UTC)


def test_figures_and_changes_in_clickhouse_are_those_of_the_truth(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.parquet"

    play(system, truth, SUMMER_DAY)

    require_the_truth_s_autarky(system, truth)


def test_they_are_so_as_well_when_the_worker_is_killed_in_the_middle(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.parquet"

    play(system, truth, WEEK_LATER, meanwhile=lambda: kill_alerts_at_work(system))

    require_the_truth_s_autarky(system, truth)
