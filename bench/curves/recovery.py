"""How long a worker takes to work again: with its state, and from the changelog alone."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import urllib3

from bench.broker import running_broker
from bench.contestants import OURS, Setting
from bench.curves.curve import KAFKA, Point
from bench.dataset import fill, plan
from bench.measuring import progress_of, sightings_of, started
from bench.processes import Running, run
from deploy.embedded.processes import free_port
from load_generator.faults import FaultRates

_LIMIT_S: Final = 600.0
_HTTP: Final = urllib3.PoolManager(timeout=2.0, retries=False)


async def by_records(full: bool) -> AsyncIterator[Point]:  # noqa: FBT001 - see Curve.points
    """Yield the time from start to ready by the records of the changelogs."""
    port = free_port()

    def environment(setting: Setting) -> dict[str, str]:
        return {**OURS.environment(setting), "SMATRIX_METRICS_PORT": str(port)}

    peer = replace(OURS, environment=environment)
    async with running_broker(KAFKA) as broker:
        for readings in (1_000_000, 5_000_000, 20_000_000) if full else (500_000, 2_000_000):
            wanted = plan(readings, communities=1_000, households_a_frame=50, faults=FaultRates())
            dataset = await fill(broker, wanted)
            async with started(peer, broker, dataset) as (setting, running):
                progress = await progress_of(peer, broker, dataset, setting.group)
                await sightings_of(
                    running, broker, progress, frames=dataset.frames, limit_s=_LIMIT_S
                )
                running.stop()
                names = [name for name in await broker.topics() if name.endswith("-changelog")]
                records = sum([sum((await broker.ends(name)).values()) for name in names])
                kept_s = await _until_ready(setting, environment(setting), port)
                shutil.rmtree(setting.state)
                rebuilt_s = await _until_ready(setting, environment(setting), port)
            yield Point(
                f"{records:,} records",
                {
                    "with its state, s": kept_s,
                    "from the changelog, s": rebuilt_s,
                    "s per million records": (rebuilt_s - kept_s) * 1e6 / records,
                },
            )


async def _until_ready(setting: Setting, environment: dict[str, str], port: int) -> float:
    """Start a worker, and return how long it took until it worked; it is ended then."""
    begin = time.monotonic()
    worker = run(
        OURS.command(setting),
        log=setting.state.with_suffix(".log"),
        environment=environment,
    )
    try:
        async with asyncio.timeout(_LIMIT_S):
            while not _is_ready(worker, port):
                await asyncio.sleep(0.02)
        return time.monotonic() - begin
    finally:
        worker.stop()


def _is_ready(worker: Running, port: int) -> bool:
    worker.require_alive()
    try:
        return _HTTP.request("GET", f"http://127.0.0.1:{port}/health").status == 200  # noqa: PLR2004
    except urllib3.exceptions.HTTPError:
        return False
