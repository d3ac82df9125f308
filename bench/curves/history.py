"""What the two halves of the way to ClickHouse take, one after the other: who is the bottleneck."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from pydantic import HttpUrl

from bench.contestants import OUT
from bench.curves.curve import Point
from bench.dataset import plan, register_fleet
from bench.processes import cpu_s_of
from deploy.embedded.processes import free_port
from deploy.embedded.system import EmbeddedSystem, Worker
from load_generator.faults import FaultRates
from load_generator.sender import run
from streams.settings import Settings
from streams.topics import METER_FRAMES

_POLL_S: Final = 0.05
_LIMIT_S: Final = 300.0
_WARM_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Cost:
    """What a worker took for a share of its work."""

    share: float
    wall_s: float
    cpu_s: float
    clickhouse_cpu_s: float


async def by_backlog(full: bool) -> AsyncIterator[Point]:  # noqa: FBT001 - see Curve.points
    """Yield what metering, then history, each alone, takes for the same readings from a backlog."""
    folder = OUT / "history"
    shutil.rmtree(folder, ignore_errors=True)
    settings = Settings(
        broker=f"127.0.0.1:{free_port()}",
        clickhouse_url=HttpUrl(f"http://127.0.0.1:{free_port()}"),
    )
    wanted = plan(
        9_000_000 if full else 1_500_000,
        communities=1_000,
        households_a_frame=50,
        faults=FaultRates(),
    )
    try:
        with EmbeddedSystem(settings, folder, wipe=True, kafka_nodes=1) as system:
            for worker in list(system.workers):
                _end(system, worker)
            await register_fleet(wanted, broker=system.settings.broker)
            outcome = await run(wanted, broker=system.settings.broker, topic=METER_FRAMES.name)
            readings = outcome.counts.readings_sent
            frames, periods = wanted.communities * wanted.minutes, len(outcome.truth)
            metering = await _cost_of(system, "metering", "smatrix_frames_total", frames)
            _end(system, system.workers[-1])
            rows = frames + periods
            history = await _cost_of(system, "history", "smatrix_history_rows_total", rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for role, cost, its_rows in (("metering", metering, 0), ("history", history, rows)):
        yield Point(
            role,
            {
                "readings/s": readings * cost.share / cost.wall_s,
                "readings per CPU s": readings * cost.share / cost.cpu_s,
                "rows/s": its_rows * cost.share / cost.wall_s,
                "rows per CPU s": its_rows * cost.share / cost.cpu_s,
                "ClickHouse, CPU s per million rows": (
                    cost.clickhouse_cpu_s * 1e6 / (its_rows * cost.share) if its_rows else 0.0
                ),
            },
        )


async def _cost_of(system: EmbeddedSystem, role: str, counter: str, count: int) -> _Cost:
    """Start a worker; return what it took from a tenth of its work until a counter is full."""
    worker = system.start_worker(role)
    begun: tuple[float, float, float, float] | None = None
    clickhouse = next(child for child in system.children if child.name == "ClickHouse")
    async with asyncio.timeout(_LIMIT_S):
        while True:
            system.require_alive()
            done = worker.metrics().get(counter, 0.0)
            now = (
                time.monotonic(),
                cpu_s_of(worker.child.process.pid),
                cpu_s_of(clickhouse.process.pid),
            )
            if begun is None and done >= _WARM_SHARE * count:
                begun = (done, *now)
            if begun is not None and done >= count:
                first, wall_s, cpu_s, clickhouse_cpu_s = begun
                return _Cost(
                    (done - first) / count,
                    now[0] - wall_s,
                    now[1] - cpu_s,
                    now[2] - clickhouse_cpu_s,
                )
            await asyncio.sleep(_POLL_S)


def _end(system: EmbeddedSystem, worker: Worker) -> None:
    worker.child.process.terminate()
    worker.child.process.wait()
    system.workers.remove(worker)
