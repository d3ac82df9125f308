"""How our cost grows: all curves, a table for each and one picture."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import matplotlib.pyplot as plt
import orjson
import typer

from bench.contestants import OUT
from bench.curves import filling, freshness, history, recovery, soak, throughput
from bench.curves.curve import Curve, Point
from bench.measuring import TooSlowError
from bench.processes import PeerEndedError
from bench.report import machine
from streams import clock

CURVES: Final = (
    Curve("frames", "households a frame", "readings per CPU s", throughput.by_frame_size),
    Curve("communities", "communities", "readings per CPU s", throughput.by_communities),
    Curve("late", "share of late frames", "readings per CPU s", throughput.by_late_share),
    Curve("workers", "workers", "readings/s", throughput.by_workers),
    Curve("hours", "days of history", "readings per CPU s", filling.by_hours),
    Curve("recovery", "recovery", "from the changelog, s", recovery.by_records),
    Curve("history", "metering and history", "readings/s", history.by_backlog),
    Curve("soak", "a soak at full speed", "memory, MiB", soak.at_full_speed),
    Curve("freshness", "freshness in ClickHouse", None, freshness.at_steady_load),
)

Found = dict[str, Any]


def grow(curves: Sequence[Curve], *, full: bool, resume: bool) -> bool:
    """Measure curves; write `growth.json`, `growth.md` and a picture after each.

    Returns:
        Whether every curve could be measured.
    """
    path = OUT / "growth.json"
    OUT.mkdir(parents=True, exist_ok=True)
    found: Found = orjson.loads(path.read_bytes()) if resume and path.exists() else {}
    failures = 0
    for curve in curves:
        if curve.name in found:
            continue
        try:
            points = asyncio.run(_points(curve, full=full))
        except (PeerEndedError, TooSlowError, TimeoutError) as error:
            typer.echo(f"{curve.name}: {error}")
            failures += 1
            continue
        found[curve.name] = {
            "at": clock.utc_now().isoformat(timespec="minutes"),
            "machine": machine(),
            "full": full,
            "points": [asdict(point) for point in points],
        }
        path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        (OUT / "growth.md").write_text("\n".join(_section(found, each) for each in CURVES))
        _draw(OUT, found)
    return not failures


async def _points(curve: Curve, *, full: bool) -> list[Point]:
    points = []
    async for point in curve.points(full):
        figures = ", ".join(f"{name} {_shown(value)}" for name, value in point.figures.items())
        typer.echo(f"{curve.name}: {point.at}: {figures}")
        points.append(point)
    return points


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - digits


def _section(found: Found, curve: Curve) -> str:
    if curve.name not in found:
        return ""
    one = found[curve.name]
    names = list(one["points"][0]["figures"]) if one["points"] else []
    rows = [
        f"| {point['at']} | " + " | ".join(_shown(point["figures"][name]) for name in names) + " |"
        for point in one["points"]
    ]
    extent = "full" if one["full"] else "quick"
    return "\n".join(
        [
            f"### By {curve.title}",
            "",
            f"{one['at']}, {one['machine']}, {extent}.",
            "",
            f"| | {' | '.join(names)} |",
            "|" + "---|" * (len(names) + 1),
            *rows,
            "",
        ]
    )


def _draw(out: Path, found: Found) -> None:
    shown = [curve for curve in CURVES if curve.name in found and curve.drawn is not None]
    if not shown:
        return
    figure, axes = plt.subplots(len(shown), 1, figsize=(10, 2.4 * len(shown)), squeeze=False)
    for ax, curve in zip(axes[:, 0], shown, strict=True):
        points = found[curve.name]["points"]
        ax.plot(
            [point["at"] for point in points],
            [point["figures"][curve.drawn] for point in points],
            marker="o",
            color="#c44e52",
        )
        ax.set_ylim(bottom=0)
        ax.set_title(f"{curve.drawn}, by {curve.title}", fontsize=9)
        ax.tick_params(labelsize=7)
    figure.tight_layout()
    for kind in ("png", "svg"):
        figure.savefig(out / f"growth.{kind}", dpi=150)
    plt.close(figure)
