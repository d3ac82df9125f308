"""A comparison of nights as JSON, as a table, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deploy.ev_charging.nights import FIRST_PERIOD, PERIODS, Night
from deploy.ev_charging.strategies import Outcome
from deploy.report.style import COLORS

_COLOURS: Final = (
    COLORS["import"],
    COLORS["battery"],
    COLORS["production"],
    COLORS["consumption"],
)
_HEADINGS: Final = (
    "| | peak, kW | cost | unmet, kWh | of that avoidable | communities starved "
    "| overloaded quarter-hours | gap | CPU, s |"
)
_HOURS: Final = np.arange(PERIODS) / 4 + FIRST_PERIOD / 4


def write(
    night: Night, outcomes: Sequence[Outcome], folder: Path, *, options: dict[str, float]
) -> None:
    """Write `result.json`, `table.md` and `night.png` into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    result = {"options": options, "outcomes": [_as_dict(outcome) for outcome in outcomes]}
    (folder / "result.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    (folder / "table.md").write_text(as_table(outcomes))
    figure = _picture(night, outcomes)
    FigureCanvasAgg(figure)
    figure.savefig(folder / "night.png")


def as_table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a table for people."""
    lines = [
        _HEADINGS,
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.name} | {one.peak_kw:,.0f} | {one.cost:.3f} | {one.unmet_kwh:,.1f} "
        f"| {one.avoidable_kwh:,.1f} | {one.starved} | {one.overloads:,} "
        f"| {'' if one.gap is None else f'{one.gap:.3%}'} "
        f"| {'' if one.seconds is None else f'{one.seconds:.2f}'} |"
        for one in outcomes
    ]
    return "\n".join(lines) + "\n"


def _as_dict(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "peak_kw": outcome.peak_kw,
        "cost": outcome.cost,
        "unmet_kwh": outcome.unmet_kwh,
        "avoidable_kwh": outcome.avoidable_kwh,
        "starved_communities": outcome.starved,
        "overloaded_quarter_hours": outcome.overloads,
        "gap": outcome.gap,
        "cpu_seconds": outcome.seconds,
        "load_kw": outcome.load_kw.round(1).tolist(),
    }


def _picture(night: Night, outcomes: Sequence[Outcome]) -> Figure:
    figure = Figure(figsize=(9.6, 4.2), layout="constrained", dpi=130)
    axes = figure.subplots()
    base_mw = night.base / 250e6
    axes.fill_between(_HOURS, base_mw, color=COLORS["rule"], label="without vehicles", step="post")
    for outcome, colour in zip(outcomes, _COLOURS, strict=True):
        axes.step(_HOURS, outcome.load_kw / 1000, where="post", color=colour, label=outcome.name)
    axes.set_xticks(range(14, 37, 2), [f"{hour % 24}:00" for hour in range(14, 37, 2)])
    axes.set_xlim(_HOURS[0], _HOURS[-1])
    axes.set_ylim(0)
    axes.set_ylabel("MW")
    axes.set_title("The grid's load in the night, by how vehicles are charged", loc="left")
    axes.legend(loc="upper center", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
