"""A curve: how one of our costs grows with one thing."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from bench.broker import Broker
from bench.contestants import OURS, OUT, Peer
from bench.dataset import Dataset
from bench.measuring import Measurement, measurement, progress_of, sightings_of, started

KAFKA: Final = OUT / "kafka"
_LIMIT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Point:
    """What was found at one place of a curve: figures by their name with the unit."""

    at: str
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve and what measures it.

    Attributes:
        name: For the command line.
        title: What grows.
        drawn: The figure that the picture shows; None leaves it out.
        points: Measures; given whether all shall be done, or a quick look be had.
    """

    name: str
    title: str
    drawn: str | None
    points: Callable[[bool], AsyncIterator[Point]]


@dataclass(frozen=True, slots=True)
class Run:
    """Our metering over a data set, and what it left behind.

    Attributes:
        state_bytes: Files of the workers' local state.
        changelog_bytes: Of the changelogs, on the broker.
    """

    measured: Measurement
    state_bytes: int
    changelog_bytes: int


async def run_ours(broker: Broker, dataset: Dataset, peer: Peer = OURS) -> Run:
    """Run our metering over all frames.

    Raises:
        PeerEndedError: If it ends by itself.
        TooSlowError: If too little was committed to tell a rate.
    """
    async with started(peer, broker, dataset) as (setting, running):
        progress = await progress_of(peer, broker, dataset, setting.group)
        sightings = await sightings_of(
            running, broker, progress, frames=dataset.frames, limit_s=_LIMIT_S
        )
        return Run(
            measurement(peer.title, sightings, dataset, running.resident_bytes()),
            sum(path.stat().st_size for path in setting.state.rglob("*") if path.is_file()),
            sum(path.stat().st_size for path in KAFKA.glob("node-1/data/*-changelog-*/*.log")),
        )


def rates(run: Run) -> dict[str, float]:
    """Return the figures that every throughput curve has."""
    return {
        "readings/s": run.measured.rate,
        "readings per CPU s": run.measured.rate_per_cpu_s,
        "broker CPU µs per 1,000 readings": (
            run.measured.broker_cpu_s * 1e9 / run.measured.readings
        ),
    }
