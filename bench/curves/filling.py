"""Speed while the table fills, and beyond the hour in which the first minutes expire."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import numpy as np

from bench.broker import running_broker
from bench.contestants import OURS, Setting
from bench.curves.curve import KAFKA, Point
from bench.dataset import fill, plan
from bench.measuring import progress_of, sightings_of, started
from load_generator.faults import FaultRates

_LIMIT_S: Final = 900.0


async def by_hours(full: bool) -> AsyncIterator[Point]:  # noqa: FBT001 - see Curve.points
    """Yield the speed in each day of a long history; two thirds of it are retained.

    Days, because frames of the night are shorter.
    """
    communities, days = (40, 6) if full else (12, 3)

    def environment(setting: Setting) -> dict[str, str]:
        return {
            **OURS.environment(setting),
            "SMATRIX_WINDOW_RETENTION": f"PT{days * 24 * 2 // 3}H",
        }

    peer = replace(OURS, environment=environment)
    async with running_broker(KAFKA) as broker:
        wanted = plan(
            communities * 50 * 60 * 24 * days,
            communities=communities,
            households_a_frame=50,
            faults=FaultRates(),
        )
        dataset = await fill(broker, wanted)
        async with started(peer, broker, dataset) as (setting, running):
            progress = await progress_of(peer, broker, dataset, setting.group)
            seen = await sightings_of(
                running, broker, progress, frames=dataset.frames, limit_s=_LIMIT_S
            )
    # A commit holds thousands of frames: what lies between two is taken as even.
    frames = np.array([sighting.frames for sighting in seen])
    edges = np.linspace(frames[0], dataset.frames, days + 1)
    at_s = np.interp(edges, frames, [sighting.at_s for sighting in seen])
    cpu_s = np.interp(edges, frames, [sighting.cpu_s for sighting in seen])
    readings = np.diff(edges) * dataset.readings / dataset.frames
    for number, (wall, cpu) in enumerate(
        zip((readings / np.diff(at_s)).tolist(), (readings / np.diff(cpu_s)).tolist(), strict=True)
    ):
        yield Point(
            f"day {number + 1}",
            {"readings/s": wall, "readings per CPU s": cpu},
        )
