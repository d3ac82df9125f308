"""Speed and memory by the size of frames, the number of communities, late frames and workers."""

from collections.abc import AsyncIterator
from typing import Final

from bench.broker import running_broker
from bench.contestants import ours
from bench.curves.curve import KAFKA, Point, rates, run_ours
from bench.dataset import fill, plan
from load_generator.faults import FaultRates

HOUSEHOLDS: Final = 20_000
HOUSEHOLDS_A_FRAME: Final = 50
_NONE: Final = FaultRates()
_MIB: Final = 2**20


async def by_frame_size(full: bool) -> AsyncIterator[Point]:  # noqa: FBT001 - see Curve.points
    """Yield the same households in ever fewer and larger frames."""
    readings = 6_000_000 if full else 1_200_000
    async with running_broker(KAFKA) as broker:
        for size in (1, 10, 50, 200, 1_000):
            wanted = plan(
                readings,
                communities=HOUSEHOLDS // size,
                households_a_frame=size,
                faults=_NONE,
            )
            run = await run_ours(broker, await fill(broker, wanted))
            yield Point(f"{size:,}", rates(run))


async def by_communities(full: bool) -> AsyncIterator[Point]:  # noqa: FBT001
    """Yield ever more communities of 50 households on one worker, each for whole quarter-hours."""
    async with running_broker(KAFKA) as broker:
        for communities in (100, 1_000, 5_000, 20_000) if full else (100, 1_000, 4_000):
            households = communities * HOUSEHOLDS_A_FRAME
            wanted = plan(
                max(3_000_000 if full else 1_500_000, 15 * households),
                communities=communities,
                households_a_frame=HOUSEHOLDS_A_FRAME,
                faults=_NONE,
            )
            dataset = await fill(broker, wanted)
            run = await run_ours(broker, dataset)
            yield Point(
                f"{communities:,} ({households:,} households, {wanted.minutes} min)",
                {
                    **rates(run),
                    "memory, MiB": run.measured.resident_bytes / _MIB,
                    "memory, bytes a household": run.measured.resident_bytes / households,
                    "disk, bytes a reading": run.state_bytes / dataset.readings,
                    "changelog, bytes a reading": run.changelog_bytes / dataset.readings,
                },
            )


async def by_late_share(full: bool) -> AsyncIterator[Point]:  # noqa: FBT001
    """Yield ever more frames that come 3 to 90 min late and reopen what has closed."""
    async with running_broker(KAFKA) as broker:
        for percent in (0, 1, 5, 10, 20):
            wanted = plan(
                6_000_000 if full else 1_500_000,
                communities=200,
                households_a_frame=HOUSEHOLDS_A_FRAME,
                faults=FaultRates(late=percent / 100),
            )
            run = await run_ours(broker, await fill(broker, wanted))
            yield Point(f"{percent} %", rates(run))


async def by_workers(full: bool) -> AsyncIterator[Point]:  # noqa: FBT001
    """Yield one worker and two, each with half of the partitions."""
    async with running_broker(KAFKA) as broker:
        wanted = plan(
            10_000_000 if full else 3_000_000,
            communities=1_000,
            households_a_frame=HOUSEHOLDS_A_FRAME,
            faults=_NONE,
        )
        dataset = await fill(broker, wanted)
        for workers in (1, 2):
            run = await run_ours(broker, dataset, ours(workers=workers))
            yield Point(f"{workers} worker{'s' * (workers > 1)}", rates(run))
