"""The comparison as figures, a table and a picture."""

import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import matplotlib.pyplot as plt
import orjson
from typing_extensions import override

from bench.contestants import Peer
from bench.dataset import Dataset
from bench.journal import Line
from bench.measuring import Measurement
from streams import clock

MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Spread:
    """Of some runs."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    @override
    def __str__(self) -> str:
        """Return it as the table shows it: median (lowest to highest), thousands."""
        return f"{self.median / 1000:,.0f} ({self.lowest / 1000:,.0f}-{self.highest / 1000:,.0f})"


@dataclass(frozen=True, slots=True)
class Row:
    """A peer, or a pass of it, over all rounds.

    Attributes:
        name: Of the peer and the pass.
        does: How it does the job.
        runs: In how many rounds it was measured.
        is_whole: Whether every run came to the end of the frames.
        rate: Readings a second.
        rate_per_cpu_s: Readings for each processor second of the worker.
        broker_cpu_us: Processor microseconds of the broker for a thousand readings, the median.
        resident_mib: Memory of the worker at the end, the median.
    """

    name: str
    does: str
    runs: int
    is_whole: bool
    rate: Spread
    rate_per_cpu_s: Spread
    broker_cpu_us: float
    resident_mib: float


def rows(lines: Sequence[Line], peers: Sequence[Peer]) -> list[Row]:
    """Return a row for each peer and pass, in the order of the peers."""
    found = []
    for peer in peers:
        mine = [line.measurement for line in lines if line.peer == peer.name]
        names = dict.fromkeys(run.name for run in mine)
        found += [_row(peer, [run for run in mine if run.name == name]) for name in names]
    return found


def _row(peer: Peer, runs: Sequence[Measurement]) -> Row:
    def median(of: Callable[[Measurement], float]) -> float:
        return statistics.median(map(of, runs))

    return Row(
        name=runs[0].name,
        does=peer.does,
        runs=len(runs),
        is_whole=all(run.is_whole for run in runs),
        rate=Spread.of([run.rate for run in runs]),
        rate_per_cpu_s=Spread.of([run.rate_per_cpu_s for run in runs]),
        broker_cpu_us=median(lambda run: run.broker_cpu_s * MILLION / (run.readings / 1000)),
        resident_mib=median(lambda run: run.resident_bytes / 2**20),
    )


def machine() -> str:
    """Return what this machine is, in a few words."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    model = models[0] if models else platform.machine()
    return (
        f"{len(models)} cores of {model}, Linux {platform.release()}, {platform.python_version()}"
    )


def table(found: Sequence[Row]) -> str:
    """Return the rows as Markdown; ratios are those of medians to the first row's."""
    ours = found[0]
    lines = [
        (
            "| peer | readings/s, thousands | per CPU second of the worker, thousands | of ours, "
            "wall | of ours, CPU | broker, CPU µs per 1,000 readings | memory, MiB | rounds |"
        ),
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {row.name}{'' if row.is_whole else ' *'} | {row.rate} | {row.rate_per_cpu_s} "
            f"| {row.rate.median / ours.rate.median:.2f} "
            f"| {row.rate_per_cpu_s.median / ours.rate_per_cpu_s.median:.2f} "
            f"| {row.broker_cpu_us:,.0f} | {row.resident_mib:,.0f} | {row.runs} |"
            for row in found
        ),
    ]
    if not all(row.is_whole for row in found):
        lines += [
            "",
            "\\* Too slow for all frames: the rate of those that it committed in its time.",
        ]
    return "\n".join(lines) + "\n"


def write_comparison(
    out: Path, lines: Sequence[Line], dataset: Dataset, peers: Sequence[Peer]
) -> None:
    """Write `result.json`, `table.md` and `bench.png` and `.svg` into a folder."""
    found = rows(lines, peers)
    if not found:
        return
    moment = clock.utc_now()
    head = (
        f"{moment:%Y-%m-%d %H:%M} UTC, {machine()}; {dataset.readings:,} readings in "
        f"{dataset.frames:,} frames, 4 partitions. Median (lowest to highest)."
    )
    (out / "table.md").write_text(f"{head}\n\n{table(found)}")
    result = {
        "at": moment.isoformat(),
        "machine": machine(),
        "readings": dataset.readings,
        "frames": dataset.frames,
        "peers": [asdict(row) for row in found],
        "runs": [asdict(line) for line in lines],
    }
    (out / "result.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    _draw(out, found)


def _draw(out: Path, found: Sequence[Row]) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(11, 0.5 * len(found) + 1.6), sharey=True)
    names = [row.name for row in found]
    for ax, title, spreads in (
        (axes[0], "million readings a second", [row.rate for row in found]),
        (
            axes[1],
            "million readings per CPU second of the worker",
            [row.rate_per_cpu_s for row in found],
        ),
    ):
        medians = [spread.median / MILLION for spread in spreads]
        low = [(spread.median - spread.lowest) / MILLION for spread in spreads]
        high = [(spread.highest - spread.median) / MILLION for spread in spreads]
        colours = ["#c44e52" if place == 0 else "#8c9bb5" for place in range(len(found))]
        ax.barh(names, medians, xerr=[low, high], color=colours, ecolor="#333333", capsize=3)
        ax.set_xlabel(title)
        for place, value in enumerate(medians):
            ax.text(0, place, f" {value:.2f}", va="center", fontsize=8)
    axes[0].invert_yaxis()
    figure.tight_layout()
    for kind in ("png", "svg"):
        figure.savefig(out / f"bench.{kind}", dpi=150)
    plt.close(figure)
