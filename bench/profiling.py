"""Where the time goes: py-spy looks at a working worker, and each sample is put to a stage."""

import asyncio
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import typer

from bench.broker import running_broker
from bench.contestants import OURS, OUT, PEERS_PYTHON
from bench.dataset import fill, plan
from bench.measuring import measurement, progress_of, sightings_of, started
from bench.report import machine
from load_generator.faults import FaultRates
from streams import clock

HOUSEHOLDS_A_FRAME: Final = 50
_COMMUNITIES: Final = 1_000
_START_S: Final = 4.0
_LOOK_S: Final = 6
_LOOKS_A_SECOND: Final = 400
_LIMIT_S: Final = 120.0

# A sample belongs to the first stage that one of its functions names, "function (file" as py-spy
# writes them.
STAGES: Final = (
    ("decode: the compiled scan", r"_scan \(streams/codecs/frames"),
    ("decode: packed cells and sums", r"digests \(streams/domain/digests"),
    ("decode: frames of what it found", r"decode \(streams/codecs/frames"),
    ("windows: fold, close, settle", r"fold \(streams/domain/windows"),
    ("records of the minutes table", r"encode \(tables/minutes|key \(tables/minutes"),
    ("records of the communities table", r"encode \(tables/communities"),
    ("community minutes: sums and text", r"community_minutes \(streams/codecs/results"),
    ("the roster: whose readings count", r"streams/domain/(admission|rosters)"),
    ("household quarter-hours: sums and text", r"household_intervals \(streams/codecs/results"),
    ("local store", r"write \(streams/delivery/pipeline"),
    ("producing: batches, requests, transactions", r"streams/delivery/|aiokafka/producer"),
    ("client: records of a fetch", r"aiokafka/consumer"),
    ("client: reading from the socket", r"_read \(aiokafka/conn|data_received \("),
    ("client: the rest", r"aiokafka/|kafka/"),
    ("Faust: agents, queues, threads", r"faust/|mode/"),
)
_REST: Final = "the rest: event loop, metrics"


def by_stage(stacks: Iterable[str]) -> Counter[str]:
    """Return how many samples fell to each stage.

    Args:
        stacks: As py-spy's raw format has them: functions from the outermost on, parted by
            semicolons, then a blank and how often it was seen.
    """
    found: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        # Innermost first: the agent's own frame is around everything that it calls.
        functions = list(reversed(stack.split(";")))
        found[_stage_of(functions)] += int(count)
    return found


def _stage_of(functions: list[str]) -> str:
    for stage, marks in STAGES:
        if any(re.search(marks, function) for function in functions):
            return stage
    return _REST


def profile(readings: int) -> None:
    """Look at a worker at full speed; write `profile.md`: microseconds by stage."""
    text = asyncio.run(_profile(readings))
    (OUT / "profile.md").write_text(text)
    typer.echo(text)


async def _profile(readings: int) -> str:
    samples = OUT / "profile.txt"
    wanted = plan(
        readings,
        communities=_COMMUNITIES,
        households_a_frame=HOUSEHOLDS_A_FRAME,
        faults=FaultRates(),
    )
    async with running_broker(OUT / "kafka") as broker:
        dataset = await fill(broker, wanted)
        async with started(OURS, broker, dataset) as (setting, running):
            progress = await progress_of(OURS, broker, dataset, setting.group)
            await asyncio.sleep(_START_S)
            look = _look(running.process.pid, samples)
            sightings = await sightings_of(
                running, broker, progress, frames=dataset.frames, limit_s=_LIMIT_S
            )
            look.wait()
    measured = measurement(OURS.title, sightings, dataset, 0)
    return table(
        by_stage(samples.read_text().splitlines()),
        frame_us=measured.cpu_s * 1e6 / measured.frames,
        head=f"{clock.utc_now():%Y-%m-%d %H:%M} UTC, {machine()}; {dataset.readings:,} readings.",
    )


def _look(pid: int, samples: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [
            str(PEERS_PYTHON.with_name("py-spy")),
            "record",
            *("--pid", str(pid), "--duration", str(_LOOK_S), "--rate", str(_LOOKS_A_SECOND)),
            *("--format", "raw", "--output", str(samples), "--nonblocking"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def table(found: Counter[str], *, frame_us: float, head: str) -> str:
    """Return the share of each stage, and what that is for a frame and for a reading."""
    whole = found.total()
    rows = [
        f"| {stage} | {count / whole:.1%} | {frame_us * count / whole:.1f} | "
        f"{frame_us * count / whole / HOUSEHOLDS_A_FRAME * 1000:.0f} |"
        for stage, count in found.most_common()
    ]
    return "\n".join(
        [
            head,
            "",
            "| stage | share | µs a frame | ns a reading |",
            "|---|---|---|---|",
            *rows,
            f"| all | 100 % | {frame_us:.1f} | {frame_us / HOUSEHOLDS_A_FRAME * 1000:.0f} |",
            "",
        ]
    )
