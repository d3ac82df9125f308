"""A day of sun through a running system, and the changes of autarky that must come of it."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

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


def kill_alerts_at_work(system: EmbeddedSystem) -> None:
    """Kill the worker while it judges, and start another one."""
    worker = worker_of(system, "alerts")
    before = worker.metrics().get("smatrix_autarky_periods_total", 0)
    eventually(
        "the worker is at work",
        lambda: worker.metrics().get("smatrix_autarky_periods_total", 0) > before,
    )
    kill(system, worker)
    system.await_ready([system.start_worker("alerts")])
