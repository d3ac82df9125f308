"""Speed while the table fills, and beyond the hour in which the first minutes expire."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from bench.broker import running_broker
from bench.contestants import OURS, Setting
from bench.curves.curve import KAFKA, Point
from bench.dataset import fill, plan
from bench.measuring import progress_of, sightings_of, started
from load_generator.faults import FaultRates

_LIMIT_S: Final = 900.0
_SLICES: Final = 12


async def by_hours(full: bool) -> AsyncIterator[Point]:  # noqa: FBT001 - see Curve.points
    """Yield the speed in each twelfth of a long history; two thirds of it are retained."""
    communities, hours = (60, 72) if full else (20, 36)

    def environment(setting: Setting) -> dict[str, str]:
        return {
            **OURS.environment(setting),
            "SMATRIX_WINDOW_RETENTION": f"PT{hours * 2 // 3}H",
        }

    peer = replace(OURS, environment=environment)
    async with running_broker(KAFKA) as broker:
        wanted = plan(
            communities * 50 * 60 * hours,
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
    for number in range(_SLICES):
        inside = [
            sighting
            for sighting in seen
            if number <= _SLICES * sighting.frames / dataset.frames <= number + 1
        ]
        if len(inside) > 1:
            begin, end = inside[0], inside[-1]
            readings = (end.frames - begin.frames) * dataset.readings / dataset.frames
            yield Point(
                f"hours {hours * number // _SLICES} to {hours * (number + 1) // _SLICES}",
                {
                    "readings/s": readings / (end.at_s - begin.at_s),
                    "readings per CPU s": readings / (end.cpu_s - begin.cpu_s),
                },
            )
