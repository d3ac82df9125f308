"""What a report on batteries says: as JSON for machines, as a table for a page, as pictures."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deploy.batteries.reporting import AUTO, OURS, RULES, UNLIMITED, WITHOUT, Report, loads_of
from deploy.batteries.year import Mwh
from deploy.report.style import COLORS
from load_generator.profiles import PROFILE_ZONE
from streams.domain.batteries import MWH_OF_A_WATT
from streams.domain.prices import PERIODS_A_DAY

SHOWN_DAYS: Final = 3
_MWH_A_KWH: Final = 1_000_000
_W_A_KW: Final = 1_000


def write(report: Report, folder: Path) -> None:
    """Write the report's files into a folder, which is made: JSON, a table, two pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    result = orjson.dumps(as_dict(report), option=orjson.OPT_INDENT_2, default=str)
    (folder / "result.json").write_bytes(result)
    (folder / "table.md").write_text(as_table(report))
    for name, figure in (("grid", _grid(report)), ("battery", _battery(report))):
        FigureCanvasAgg(figure)
        figure.savefig(folder / f"{name}.png", dpi=120)


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report as plain values; money is text, exact to the cent."""
    left_out = {"year", "played", "rules", "saving_by_household"}
    head = {
        field.name: getattr(report, field.name)
        for field in dataclasses.fields(report)
        if field.name not in left_out
    }
    return {
        **head,
        "first": report.first.isoformat(),
        "rules": {name: dataclasses.asdict(rule) for name, rule in report.rules.items()},
        "saving_eur_by_household": report.saving_by_household,
    }


def as_table(report: Report) -> str:
    """Return a report's table in Markdown."""
    head = (
        "rule",
        "cost, EUR",
        "saved, EUR",
        "saved a household and year, EUR",
        "regret",
        "of what AUTO leaves",
        "cycles a year",
        "peak in, kW",
        "peak out, kW",
        "over a community's own peak, kW",
    )
    rows = [
        (
            name,
            rule.cost,
            rule.saving,
            f"{float(rule.saving) / report.batteries * 365 / report.days:.0f}",
            _share(rule.regret),
            _share(rule.regret_of_auto),
            f"{rule.cycles:.0f}",
            f"{rule.peak_in_w / _W_A_KW:.1f}",
            f"{rule.peak_out_w / _W_A_KW:.1f}",
            f"{rule.over_own_peak_w / _W_A_KW:.1f}",
        )
        for name, rule in report.rules.items()
    ]
    return (
        f"{report.days} days from {report.first}, {report.batteries} batteries among "
        f"{report.households} households in {report.communities} communities, seed {report.seed}; "
        f"made-up prices of {report.lowest_price} to {report.highest_price} EUR/MWh, mean "
        f"{report.mean_price}.\n\n{_table(head, rows)}"
    )


def _grid(report: Report) -> Figure:
    """Draw what all communities draw around where plans without limits would add most."""
    loads = {name: loads_of(report.year, report.played[name]).sum(axis=0) for name in RULES}
    added = loads[UNLIMITED] - loads[WITHOUT]
    place = int(np.argmax(added))
    span = _span(place, len(added))
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    times = _times(report, span)
    for name, color, width in (
        (WITHOUT, COLORS["muted"], 1.2),
        (AUTO, COLORS["consumption"], 1.2),
        (UNLIMITED, COLORS["battery"], 1.2),
        (OURS, COLORS["export"], 2.0),
    ):
        upper.plot(
            times, loads[name][span] / MWH_OF_A_WATT / _W_A_KW, color=color, label=name, lw=width
        )
    upper.axhline(
        loads[WITHOUT].max() / MWH_OF_A_WATT / _W_A_KW,
        color=COLORS["muted"],
        lw=0.8,
        ls="--",
    )
    upper.set_ylabel("all communities draw, kW")
    upper.set_title("Dashed: the highest quarter-hour of all days without batteries", fontsize=9)
    upper.legend(frameon=False, fontsize=8, loc="upper left")
    _prices(lower, report, times, span)
    return figure


def _battery(report: Report) -> Figure:
    """Draw the level of one battery, and the prices, around where it charged most from the grid."""
    played = report.played[OURS]
    nets = report.year.nets[:, report.year.first :]
    bought = np.maximum(played.charge - np.maximum(-nets, 0), 0)
    household, place = np.unravel_index(int(np.argmax(bought)), bought.shape)
    span = _span(int(place), nets.shape[1])
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    times = _times(report, span)
    for name, color in ((AUTO, COLORS["consumption"]), (OURS, COLORS["export"])):
        level = report.played[name].level[household, span] / _MWH_A_KWH
        upper.plot(times, level, color=color, label=name)
    upper.set_ylim(0, report.year.capacity_wh[household] / 1000)
    upper.set_ylabel("level of one battery, kWh")
    upper.legend(frameon=False, fontsize=8, loc="upper left")
    _prices(lower, report, times, span)
    return figure


def _prices(axes: Axes, report: Report, times: list[datetime], span: slice) -> None:
    prices: Mwh = report.year.prices[report.year.first :][span]
    axes.plot(np.asarray(times), prices / 100, color=COLORS["production"], drawstyle="steps-post")
    axes.set_ylabel("EUR/MWh")
    axes.axhline(0, color=COLORS["rule"], lw=0.8)


def _span(place: int, periods: int) -> slice:
    first = max(place - SHOWN_DAYS * PERIODS_A_DAY // 2, 0)
    return slice(first, min(first + SHOWN_DAYS * PERIODS_A_DAY, periods))


def _times(report: Report, span: slice) -> list[datetime]:
    numbers: npt.NDArray[np.int64] = np.arange(span.start, span.stop)
    begins = datetime.fromtimestamp(report.year.at(report.year.first), UTC).astimezone(PROFILE_ZONE)
    # Local times without a zone: so the axis says what people's clocks say.
    return [
        begins.replace(tzinfo=None) + timedelta(minutes=15 * number) for number in numbers.tolist()
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
