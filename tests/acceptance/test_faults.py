"""A day of faults through the running system, whose processes are killed: exact to the mWh.

Each test plays a day of its own, later than those before, on one running system.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

import pytest
import urllib3

from deploy.embedded.broker import answers
from deploy.embedded.processes import Child
from deploy.embedded.system import EmbeddedSystem, Worker
from tests.acceptance.running import (
    addresses,
    curl,
    eventually,
    free_settings,
    kill,
    load,
    sent_by,
    smatrix,
    worker_of,
)

pytestmark = pytest.mark.slow

FIRST_DAY: Final = datetime(2025, 3, 1, tzinfo=UTC)
FIGURES: Final = {"metering": "smatrix_frames_total", "history": "smatrix_history_rows_total"}
# The client's own word for what every join and leave of a worker brings.
IS_OF_A_REBALANCE: Final = re.compile(r"WARNING aiokafka.* rebalanc")
_days = count()


@dataclass
class Day:
    """A day of faults on its way through a system.

    Its minutes are whole quarter-hours: what would end the last one is sent with them.
    """

    system: EmbeddedSystem
    folder: Path
    speed: str
    communities: int = 20
    households: int = 400
    minutes: int = 1_440
    start: datetime = field(default_factory=lambda: FIRST_DAY + timedelta(days=next(_days)))

    def __post_init__(self) -> None:
        """Start to send it."""
        assert self.minutes % 15 == 0, "the last quarter-hour would never close"
        self.truth = self.folder / "truth.parquet"
        self.load = load(
            self.system,
            self.truth,
            communities=self.communities,
            households=self.households,
            minutes=self.minutes,
            faults="many",
            seed=self.start.day,
            speed=self.speed,
            start=self.start.strftime("%Y-%m-%dT%H:%M:%S"),
        )

    def require_frames_flow(self) -> None:
        """Check that it is still being sent: what happens now happens in its middle."""
        assert self.load.poll() is None, "the load ended too early for this test"

    def require_exact(self) -> None:
        """Check that ClickHouse comes to hold the truth: each energy, minute and rejection."""
        sent = sent_by(self.load)
        ended = smatrix(
            "check",
            f"--truth={self.truth}",
            "--wait=180",
            environment=addresses(self.system.settings),
            within_s=240,
        )
        assert ended.status == 0, ended.out + ended.err
        assert "difference 0 mWh" in ended.out
        eventually(
            "a row for each reading that was refused",
            lambda: (
                self._ask("sum(length(meter_id))", "rejected_readings", "minute")
                == [[str(sent["rejected_readings"])]]
            ),
            within_s=120,
        )
        energies = "sum(consumption_wh), sum(production_wh), sum(import_wh), sum(export_wh)"
        eventually(
            "minutes that agree with the quarter-hours",
            lambda: (
                self._ask(energies, "community_minutes", "minute")
                == self._ask(energies, "household_quarter_hours", "period_start")
            ),
            within_s=120,
        )

    def _ask(self, what: str, table: str, when: str) -> list[list[str]]:
        first = int(self.start.timestamp())
        return curl(
            self.system.settings,
            f"SELECT {what} FROM smatrix.{table} "  # noqa: S608 - our own
            f"WHERE {when} >= {first} AND {when} < {first + self.minutes * 60}",
        )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    folder = tmp_path_factory.mktemp("faults")
    with EmbeddedSystem(free_settings(), folder, roles=tuple(FIGURES)) as system:
        yield system


@pytest.fixture
def system(running: EmbeddedSystem) -> EmbeddedSystem:
    """The system with one worker of each role, however the test before has left it."""
    for role in ("metering", "history"):
        mine = [worker for worker in running.workers if worker.role == role]
        if [w.worker_id for w in mine] != ["1"] or not mine[0].is_ready():
            for worker in mine:
                kill(running, worker)
            running.start_worker(role)
    if not _clickhouse_answers(running):
        running.start_clickhouse()
    running.await_ready(running.workers)
    return running


@pytest.fixture
def play(system: EmbeddedSystem, tmp_path: Path) -> Iterator[Callable[..., Day]]:
    """Start a day through the system; what is not sent when the test ends is not sent."""
    started: list[Day] = []

    def start(*, speed: str, minutes: int = 1_440) -> Day:
        started.append(Day(system, tmp_path, speed=speed, minutes=minutes))
        return started[-1]

    yield start
    for day in started:
        day.load.kill()
        day.load.communicate()


def await_work(worker: Worker, *, at_least: int = 1) -> None:
    """Wait until a worker has done something since its start."""
    eventually(
        f"{worker.child.name} works",
        lambda: worker.metrics().get(FIGURES[worker.role], 0) >= at_least,
        within_s=240,
        poll_s=0.02,
    )


def test_a_day_of_faults_is_exact(play: Callable[..., Day]) -> None:
    day = play(speed="max")

    day.require_exact()


@pytest.mark.parametrize(("state", "speed"), [("kept", "1800"), ("deleted", "max")])
def test_a_metering_worker_killed_again_and_again_loses_and_doubles_nothing(
    system: EmbeddedSystem, play: Callable[..., Day], state: str, speed: str
) -> None:
    worker = worker_of(system, "metering")
    frames_before = int(worker.metrics()["smatrix_frames_total"])
    day = play(speed=speed)

    await_work(worker, at_least=frames_before + 1_000)
    for _ in range(3):
        kill(system, worker)
        if state == "deleted":
            shutil.rmtree(system.folder / "state" / "metering")
        worker = system.start_worker("metering")
        await_work(worker, at_least=100)

    day.require_exact()


def test_a_history_worker_killed_again_and_again_loses_and_doubles_nothing(
    system: EmbeddedSystem, play: Callable[..., Day]
) -> None:
    worker = worker_of(system, "history")
    rows_before = int(worker.metrics().get("smatrix_history_rows_total", 0))
    day = play(speed="900", minutes=720)

    await_work(worker, at_least=rows_before + 1_000)
    for _ in range(3):
        day.require_frames_flow()
        kill(system, worker)
        worker = system.start_worker("history")
        await_work(worker)

    day.require_exact()


@pytest.mark.parametrize(("how", "outage_s"), [("SIGTERM", 20), ("SIGKILL", 5)])
def test_history_waits_for_clickhouse_says_so_once_and_goes_on_by_itself(
    system: EmbeddedSystem, play: Callable[..., Day], how: str, outage_s: int
) -> None:
    history, clickhouse = worker_of(system, "history"), _clickhouse(system)
    said_before = history.child.log.read_text()
    waited_before = history.metrics().get("smatrix_history_waiting_seconds_total", 0.0)
    day = play(speed="600", minutes=405)
    eventually(
        "rows of the day", lambda: int(day._ask("count()", "community_minutes", "minute")[0][0]) > 9
    )

    (clickhouse.process.kill if how == "SIGKILL" else clickhouse.process.terminate)()
    clickhouse.process.wait()
    stopped = time.monotonic()
    system.children.remove(clickhouse)
    eventually("history waits", lambda: not history.is_ready(), within_s=120)
    day.require_frames_flow()
    health = urllib3.request("GET", f"{history.metrics_url}/health", retries=False)
    waiting = history.metrics()["smatrix_history_waiting"]
    time.sleep(max(0.0, stopped + outage_s - time.monotonic()))
    system.start_clickhouse()

    day.require_exact()
    url = str(system.settings.clickhouse_url)
    assert health.status == 503
    assert health.json() == {"live": True, "ready": False, "waiting_for": f"ClickHouse at {url}"}
    assert waiting >= 1
    waited = history.metrics()["smatrix_history_waiting_seconds_total"] - waited_before
    assert waited > outage_s * 0.7
    said = history.child.log.read_text().removeprefix(said_before).splitlines()
    assert len([line for line in said if url in line and "waits" in line]) == 1, said
    assert len(said) == 2, said
    assert "again" in said[1]
    assert history.child.process.poll() is None
    assert history.is_ready()


@pytest.mark.parametrize("role", ["metering", "history"])
def test_two_workers_share_the_work_and_one_takes_over_from_the_other(
    system: EmbeddedSystem, play: Callable[..., Day], role: str
) -> None:
    first = worker_of(system, role)
    day = play(speed="900", minutes=600)
    second = system.start_worker(role, "2")
    await_work(second, at_least=100)

    day.require_frames_flow()
    kill(system, first)

    day.require_exact()


def test_a_worker_forgets_the_figures_of_partitions_that_it_gave_away(
    system: EmbeddedSystem,
) -> None:
    first = worker_of(system, "metering")
    eventually("it has all partitions", lambda: _partitions(first) == 4)

    second = system.start_worker("metering", "2")

    eventually("the second has some of them", lambda: _partitions(second) > 0)
    eventually(
        "each partition is told by one worker",
        lambda: _partitions(first) + _partitions(second) == 4,
        within_s=120,
    )


@pytest.mark.parametrize("role", ["metering", "history"])
def test_a_worker_drains_when_it_is_told_to_end(
    system: EmbeddedSystem, play: Callable[..., Day], role: str
) -> None:
    worker = worker_of(system, role)
    said_before = worker.child.log.read_text()
    day = play(speed="1200", minutes=480)
    await_work(worker, at_least=int(worker.metrics().get(FIGURES[role], 0)) + 100)

    day.require_frames_flow()
    worker.child.process.terminate()
    status = worker.child.process.wait(timeout=60)
    system.workers.remove(worker)
    system.start_worker(role)

    assert status == 0
    said = worker.child.log.read_text().removeprefix(said_before)
    assert not [line for line in said.splitlines() if not IS_OF_A_REBALANCE.search(line)], said
    day.require_exact()


@pytest.mark.parametrize("role", ["metering", "history"])
def test_a_worker_is_not_ready_before_it_has_its_partitions(
    system: EmbeddedSystem, role: str
) -> None:
    kill(system, worker_of(system, role))
    worker = system.start_worker(role)

    eventually("it is ready", worker.is_ready, poll_s=0.05)
    obstacles = []
    for _ in range(40):
        obstacles.append(worker.obstacle())
        time.sleep(0.1)

    assert set(obstacles) == {None}


def _partitions(worker: Worker) -> int:
    """Return how many partitions a metering worker has had a batch of, as long as it has them."""
    return sum(name.startswith("smatrix_open_minutes{") for name in worker.metrics())


def _clickhouse(system: EmbeddedSystem) -> Child:
    return next(child for child in system.children if child.name == "ClickHouse")


def _clickhouse_answers(system: EmbeddedSystem) -> bool:
    return answers(f"127.0.0.1:{system.settings.clickhouse_url.port}")
