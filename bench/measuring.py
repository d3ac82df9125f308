"""One run of a peer: how far its commits have come, and what they cost, moment by moment.

Progress is what the peer has committed: the only thing that all of them promise. A rate is taken
between two commits, so that the pause before the last one counts as well. Stock Faust, whose
commits wait behind its table writes, is timed by those instead.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from bench.broker import Broker
from bench.contestants import OUT, Peer, Setting
from bench.dataset import Dataset
from bench.processes import Running, cpu_s_of, run
from streams.topics import METER_FRAMES

POLL_S: Final = 0.05
WARM_SHARE: Final = 0.1
WARM_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """A commit as it was first seen."""

    at_s: float
    frames: int
    cpu_s: float
    broker_cpu_s: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a warm peer did between two commits.

    Attributes:
        name: Of the peer and the pass.
        is_whole: Whether it came to the end of the frames; else its time was up.
        frames: Committed between the two.
        readings: In those frames.
        wall_s: Between the two.
        cpu_s: Of the peer meanwhile, all threads and children.
        broker_cpu_s: Of the broker meanwhile.
        resident_bytes: Memory of the peer at the end.
    """

    name: str
    is_whole: bool
    frames: int
    readings: float
    wall_s: float
    cpu_s: float
    broker_cpu_s: float
    resident_bytes: int

    @property
    def rate(self) -> float:
        """Readings a second."""
        return self.readings / self.wall_s

    @property
    def rate_per_cpu_s(self) -> float:
        """Readings for each processor second of the peer."""
        return self.readings / self.cpu_s


class TooSlowError(Exception):
    """A peer committed nothing, or nothing after its warming, in its time."""


def between(sightings: Sequence[Sighting], frames: int) -> tuple[Sighting, Sighting]:
    """Return the commits that a warm rate is taken between.

    From the first commit with a tenth of the frames, or five seconds after the first commit,
    whichever comes first, up to the last.

    Raises:
        TooSlowError: If there are no two such commits.
    """
    for begin in sightings:
        warm = begin.frames >= WARM_SHARE * frames or begin.at_s >= sightings[0].at_s + WARM_S
        if warm and sightings[-1].frames > begin.frames:
            return begin, sightings[-1]
    raise TooSlowError(f"{len(sightings)} commits seen, no two of them after the warming")


async def measure(
    peer: Peer, broker: Broker, dataset: Dataset, *, limit_s: float
) -> list[Measurement]:
    """Run a peer over all frames, or as long as it may, with nothing left of an earlier run.

    Raises:
        PeerEndedError: If it ends by itself.
        TooSlowError: If too little was committed to tell a rate.
    """
    async with started(peer, broker, dataset) as (setting, running):
        found = []
        for suffix, group in peer.passes.items():
            progress = await progress_of(peer, broker, dataset, setting.group + group)
            sightings = await sightings_of(
                running, broker, progress, frames=dataset.frames, limit_s=limit_s
            )
            name = f"{peer.title}{suffix}"
            found.append(measurement(name, sightings, dataset, running.resident_bytes()))
        return found


def measurement(
    name: str, sightings: Sequence[Sighting], dataset: Dataset, resident_bytes: int
) -> Measurement:
    """Return what was done between the warming and the last commit.

    Raises:
        TooSlowError: If there are no two such commits.
    """
    begin, end = between(sightings, dataset.frames)
    return Measurement(
        name=name,
        is_whole=end.frames == dataset.frames,
        frames=end.frames - begin.frames,
        readings=(end.frames - begin.frames) * dataset.readings / dataset.frames,
        wall_s=end.at_s - begin.at_s,
        cpu_s=end.cpu_s - begin.cpu_s,
        broker_cpu_s=end.broker_cpu_s - begin.broker_cpu_s,
        resident_bytes=resident_bytes,
    )


@asynccontextmanager
async def started(
    peer: Peer, broker: Broker, dataset: Dataset
) -> AsyncIterator[tuple[Setting, Running]]:
    """Start a peer with nothing left of an earlier run; end it and take its traces away."""
    setting = Setting(broker.bootstrap, peer.group, OUT / "state" / peer.name, dataset.frames)
    await _clear(peer, setting, broker)
    for group in peer.passes.values():
        await broker.rewind(setting.group + group, METER_FRAMES.name)
    if peer.output(setting) == setting.households:
        await broker.create(setting.households)
        await broker.create(setting.communities)
    running = run(
        peer.command(setting),
        log=OUT / "log" / f"{peer.name}.log",
        environment=peer.environment(setting),
    )
    try:
        yield setting, running
    finally:
        running.stop()
        await _clear(peer, setting, broker)


async def _clear(peer: Peer, setting: Setting, broker: Broker) -> None:
    shutil.rmtree(setting.state, ignore_errors=True)
    await broker.delete(peer.own_topics(await broker.topics()))


Progress = Callable[[], Awaitable[int]]
"""Tells how many frames are done."""


async def progress_of(peer: Peer, broker: Broker, dataset: Dataset, group: str) -> Progress:
    """Return what tells how far a peer's group has come."""
    partitions = list(await broker.ends(METER_FRAMES.name))

    async def committed() -> int:
        return sum((await broker.committed(group, partitions)).values())

    async def written() -> int:
        topic = f"{group}{peer.changelog}"
        if topic not in await broker.topics():
            return 0
        return sum((await broker.ends(topic)).values()) * dataset.frames // dataset.readings

    return committed if peer.changelog is None else written


async def sightings_of(
    running: Running, broker: Broker, progress: Progress, *, frames: int, limit_s: float
) -> list[Sighting]:
    """Return the progress as it was seen until all frames are done or the time is up."""
    sightings: list[Sighting] = []
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        running.require_alive()
        done = await progress()
        if done > (sightings[-1].frames if sightings else 0):
            sightings.append(
                Sighting(time.monotonic(), done, running.cpu_s(), cpu_s_of(broker.pid))
            )
            if done >= frames:
                break
        await asyncio.sleep(POLL_S)
    return sightings
