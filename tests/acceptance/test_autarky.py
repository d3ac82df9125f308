"""A day of sun and clouds through the running system: the changes are those of the truth."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from deploy.embedded.system import EmbeddedSystem
from load_generator.truth import read_truth
from streams.domain.autarky import Flows
from tests.acceptance.running import (
    addresses,
    curl,
    eventually,
    kill,
    load,
    sent_by,
    smatrix,
    worker_of,
)
from tests.unit.domain.plain_autarky import PlainAutarky, Told

pytestmark = pytest.mark.slow

SUMMER_DAY: Final = datetime(2025, 6, 21, tzinfo=UTC)
DAY_AFTER: Final = datetime(2025, 6, 28, tzinfo=UTC)


def flips_of_the_truth(file: Path) -> set[tuple[str, ...]]:
    """Return what the plain model says of the periods that the simulator knows."""
    told: dict[str, dict[int, dict[str, Flows]]] = defaultdict(lambda: defaultdict(dict))
    for row in read_truth(file).to_pylist():
        told[row["community_id"]][int(row["period_start"].timestamp())][row["meter_id"]] = Flows(
            row["consumption_mwh"],
            row["production_mwh"],
            row["battery_charge_mwh"],
            row["battery_discharge_mwh"],
            row["measured_minutes"],
        )
    return {
        (community, *(str(part) for part in flip))
        for community, periods in told.items()
        for flip in _flips(periods)
    }


def _flips(periods: Told) -> list[tuple[object, ...]]:
    return list(PlainAutarky().play(periods).flips)


def flips_in_clickhouse(system: EmbeddedSystem, day: datetime) -> set[tuple[str, ...]]:
    first = int(day.timestamp())
    rows = curl(
        system.settings,
        "SELECT community_id, ifNull(meter_id, ''), toUnixTimestamp(period_start), from_state, "  # noqa: S608 - our own
        "to_state, toInt64(consumption_wh * 1000), toInt64(solar_used_wh * 1000), "
        "toInt64(shared_wh * 1000) FROM smatrix.autarky_changes "
        f"WHERE period_start >= {first} AND period_start < {first + 86_400}",
    )
    return {tuple(row) for row in rows}


def play(
    system: EmbeddedSystem,
    truth: Path,
    day: datetime,
    *,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Play a day of faults, and return when ClickHouse has its periods."""
    sending = load(
        system,
        truth,
        communities=6,
        households=60,
        minutes=1_440,
        faults="some",
        seed=3,
        speed="max",
        start=day.strftime("%Y-%m-%dT%H:%M:%S"),
    )
    meanwhile()
    sent_by(sending)
    ended = smatrix(
        "check",
        f"--truth={truth}",
        "--wait=180",
        environment=addresses(system.settings),
        within_s=240,
    )
    assert ended.status == 0, ended.out + ended.err


def require_the_truth_s_changes(system: EmbeddedSystem, truth: Path, day: datetime) -> None:
    expected = flips_of_the_truth(truth)

    assert any(meter for _, meter, *_ in expected)
    eventually(
        "the changes are those of the plain model",
        lambda: flips_in_clickhouse(system, day) == expected,
        within_s=120,
        poll_s=0.5,
    )


def test_the_changes_in_clickhouse_are_those_of_the_truth(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.parquet"

    play(system, truth, SUMMER_DAY)

    require_the_truth_s_changes(system, truth, SUMMER_DAY)


def test_they_are_so_as_well_when_the_worker_is_killed_in_the_middle(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.parquet"

    def kill_alerts() -> None:
        worker = worker_of(system, "alerts")
        before = worker.metrics().get("smatrix_autarky_periods_total", 0)
        eventually(
            "the worker is at work",
            lambda: worker.metrics().get("smatrix_autarky_periods_total", 0) > before,
        )
        kill(system, worker)
        system.await_ready([system.start_worker("alerts")])

    play(system, truth, DAY_AFTER, meanwhile=kill_alerts)

    require_the_truth_s_changes(system, truth, DAY_AFTER)
