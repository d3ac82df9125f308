"""A day of sun through a running system, and the autarky that must come of it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from deploy.autarky_check import ExpectedAutarky
from deploy.cli.check import connect
from deploy.embedded.system import EmbeddedSystem
from load_generator.faults import FAULT_RATES
from load_generator.plan import Plan
from load_generator.truth import read_truth
from tests.acceptance.running import (
    addresses,
    eventually,
    kill,
    load,
    sent_by,
    smatrix,
    worker_of,
)

FAULTS: Final = "some"


def plan_of(day: datetime) -> Plan:
    """Return what `play` plays of a day."""
    return Plan(
        communities=6,
        households=60,
        seed=3,
        start=day,
        minutes=1_440,
        faults=FAULT_RATES[FAULTS],
    )


def play(
    system: EmbeddedSystem,
    truth: Path,
    day: datetime,
    *,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Play a day of faults, and return when ClickHouse has its periods."""
    plan = plan_of(day)
    sending = load(
        system,
        truth,
        communities=plan.communities,
        households=plan.households,
        minutes=plan.minutes,
        faults=FAULTS,
        seed=plan.seed,
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


def require_the_truth_s_autarky(system: EmbeddedSystem, truth: Path) -> None:
    """Wait until ClickHouse has the figures and the changes that the truth comes to."""
    expected = ExpectedAutarky.of(read_truth(truth))
    assert {"", "a meter"} == {meter and "a meter" for _, meter, _ in expected.changes}
    client, database = connect(system.settings), system.settings.clickhouse_database
    found: list[str] = []

    def is_so() -> bool:
        found[:] = expected.differences(client, database)
        return not found

    try:
        eventually("autarky is that of the truth", is_so, within_s=120, poll_s=0.5)
    except AssertionError as error:
        raise AssertionError(f"{len(found)}: {found[:3]}") from error
    finally:
        client.close()


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
