"""A day of last year in a minute, with frames late, lost and twice, while workers die.

What breaks down in it has its tickets, and nothing else has one.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from deploy.cli.check import connect
from deploy.embedded.system import EmbeddedSystem, Worker
from deploy.malfunction_check import check_tickets
from tests.acceptance.autarky_truth import plan_of, play
from tests.acceptance.running import eventually, free_settings, kill, worker_of

pytestmark = [pytest.mark.slow, pytest.mark.live]

SUMMER_DAY: Final = datetime(2025, 6, 21, tzinfo=UTC)
QUIET_S: Final = 20
"""Longer than it takes to look at everyone, and to prove what is suspected."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    with EmbeddedSystem(free_settings(), tmp_path_factory.mktemp("replay")) as running:
        yield running


def records_read(worker: Worker) -> float:
    return worker.metrics().get("smatrix_batch_records_sum", 0)


def has_read_more(worker: Worker, before: float) -> bool:
    return records_read(worker) > before


def kill_at_work(system: EmbeddedSystem) -> None:
    """Kill metering and then the worker for alerts in the middle, and start others."""
    for role in ("metering", "alerts"):
        worker = worker_of(system, role)
        before = records_read(worker)
        eventually(f"{role} is at work", partial(has_read_more, worker, before))
        kill(system, worker)
        system.await_ready([system.start_worker(role)])


def test_a_replay_opens_the_tickets_of_its_breakdowns_alone_though_workers_are_killed_in_it(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    plan = plan_of(SUMMER_DAY)
    play(system, tmp_path / "truth.parquet", SUMMER_DAY, meanwhile=lambda: kill_at_work(system))
    # The replay has ended, and nothing comes any more.
    time.sleep(QUIET_S)

    worker = worker_of(system, "alerts")
    figures = worker.metrics()
    watched = [n for n in figures if n.startswith("smatrix_table_keys{") and "malfunction" in n]
    assert sum(figures[name] for name in watched) >= plan.communities
    assert figures["smatrix_malfunction_awaiting_proof"] == 0
    client, database = connect(system.settings), system.settings.clickhouse_database
    found = check_tickets(client, database, plan.suspects())
    assert found.breakdowns
    assert not found.missed
    assert not found.false
