"""What a forecast report says: as JSON for machines, as tables for a page, as pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import orjson
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deploy.forecast.loads import Level
from deploy.forecast.scoring import MINUTES_A_PERIOD, Errors, Method, Scores
from deploy.report.style import COLORS
from schemas.units import PERIOD_S
from streams.domain.forecast import PERIODS_A_DAY, Watts

HORIZONS: Final = {
    "next quarter-hour": slice(0, 1),
    "1 h ahead": slice(3, 4),
    "4 h ahead": slice(15, 16),
    "24 h ahead": slice(PERIODS_A_DAY - 1, PERIODS_A_DAY),
    "all of the next 24 h": slice(0, PERIODS_A_DAY),
}
NEXT_MINUTE: Final = "next minute"
REFERENCES: Final = (Method.YESTERDAY, Method.LAST_WEEK, Method.PERSISTENCE)
_KW: Final = 1_000
_OF_LEVEL: Final = dict(
    zip(
        Level,
        (COLORS["consumption"], COLORS["import"], COLORS["export"], COLORS["battery"]),
        strict=True,
    )
)
_OF_METHOD: Final = {
    Method.LEARNED: COLORS["consumption"],
    Method.BLEND: COLORS["export"],
    Method.YESTERDAY: COLORS["production"],
}


@dataclass(frozen=True)
class ShownDay:
    """One day's forecasts of the grid, made as it began.

    Attributes:
        first: Epoch seconds of its first quarter-hour.
        truth: (96) W.
        answers: (96) W by method.
    """

    first: int
    truth: Watts
    answers: dict[Method, Watts]


@dataclass(frozen=True)
class Report:
    """All that a report is made of."""

    profiles: str
    seed: int
    days: tuple[date, ...]
    days_trained_on: int
    scores: Scores
    shown: ShownDay | None
    timezone: str


def write(report: Report, folder: Path) -> None:
    """Write `result.json`, `table.md`, `skill.png` and `day.png` into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_bytes(orjson.dumps(as_dict(report), option=orjson.OPT_INDENT_2))
    (folder / "table.md").write_text(as_tables(report))
    _save(_skill_picture(report.scores), folder / "skill.png")
    if report.shown is not None:
        _save(_day_picture(report.shown, ZoneInfo(report.timezone)), folder / "day.png")


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report as plain values; errors in W, None where nothing can be said."""
    scores = report.scores
    return {
        "profiles": report.profiles,
        "seed": report.seed,
        "first_day": report.days[0].isoformat(),
        "last_day": report.days[-1].isoformat(),
        "days": len(report.days),
        "days_trained_on": report.days_trained_on,
        "origins": scores.origins,
        "quarter_hours_between_origins": scores.stride,
        "stretches": scores.stretches,
        "levels": {
            level.value: {
                "series": len(errors.naive_sum),
                "hindsight_skill": errors.hindsight_skill(),
                "horizons": {
                    NEXT_MINUTE: _next_minute(errors),
                    **{name: _figures(errors, horizons) for name, horizons in HORIZONS.items()},
                },
                "skill_by_quarter_hour_ahead": {
                    reference.value: [
                        errors.skill(Method.LEARNED, reference, slice(ahead, ahead + 1))
                        for ahead in range(PERIODS_A_DAY)
                    ]
                    for reference in REFERENCES
                },
            }
            for level, errors in scores.levels.items()
        },
    }


def as_tables(report: Report) -> str:
    """Return a report's tables in Markdown."""
    scores = report.scores
    trained = (
        f"the weights were learned on {report.days_trained_on} of these days"
        if report.days_trained_on
        else "the weights were learned on none of these days"
    )
    rows: list[Sequence[object]] = []
    for level, errors in scores.levels.items():
        everything = {
            NEXT_MINUTE: _next_minute(errors),
            **{name: _figures(errors, horizons) for name, horizons in HORIZONS.items()},
        }
        rows.extend(
            (
                level.value,
                name,
                _kw(figures["mae_w"]["learned"]),
                _kw(figures["mae_w"]["same time yesterday"]),
                _number(figures["mase"]),
                *(_number(figures["skill"][reference.value]) for reference in REFERENCES),
                _number(figures["blend_skill"]),
            )
            for name, figures in everything.items()
        )
    table = _table(
        (
            "level",
            "horizon",
            "MAE, kW",
            "MAE of yesterday, kW",
            "MASE",
            "skill against yesterday",
            "against last week",
            "against persistence",
            "the blend's against yesterday",
        ),
        rows,
    )
    hindsight = ", ".join(
        f"{level.value} {_number(errors.hindsight_skill())}"
        for level, errors in scores.levels.items()
    )
    return (
        f"{len(report.days)} days from {report.days[0]} to {report.days[-1]} in "
        f"{scores.stretches} stretches, seed {report.seed}, {scores.origins} origins every "
        f"{scores.stride} quarter-hours; {trained}.\n\n{table}\n"
        "Skill is 1 - MAE / MAE of the reference, over the forecasts that the reference could make "
        "too. The file knows no minutes: the row of the next minute is persistence within the "
        "quarter-hour, which is exact there by construction, and the forecast of the next "
        "quarter-hour in every fifteenth minute.\n\n"
        "For comparison, the skill against yesterday of a mean that nobody could know: of the same "
        f"time on the three days before and the three days after. {hindsight}.\n"
    )


def _figures(errors: Errors, horizons: slice) -> dict[str, Any]:
    return {
        "mae_w": {method.value: errors.mean_w(method, horizons) for method in Method},
        "mase": errors.mase(Method.LEARNED, horizons),
        "skill": {
            reference.value: errors.skill(Method.LEARNED, reference, horizons)
            for reference in REFERENCES
        },
        "blend_skill": errors.skill(Method.BLEND, Method.YESTERDAY, horizons),
    }


def _next_minute(errors: Errors) -> dict[str, Any]:
    """Return the figures of the next minute, were power even within each quarter-hour.

    A forecast is off in the one minute of 15 in which a new quarter-hour begins.
    """
    first = slice(0, 1)
    soon = (Method.LEARNED, Method.BLEND, Method.PERSISTENCE)
    figures = _figures(errors, first)
    figures["mae_w"] = {
        method.value: None
        if (mean := errors.mean_w(method, first)) is None
        else mean / MINUTES_A_PERIOD
        if method in soon
        else mean
        for method in Method
    }
    shares = {
        reference.value: 1.0 if reference in soon else 1 / MINUTES_A_PERIOD
        for reference in REFERENCES
    }
    figures["skill"] = {
        name: None if skill is None else 1 - (1 - skill) * shares[name]
        for name, skill in figures["skill"].items()
    }
    if figures["mase"] is not None:
        figures["mase"] /= MINUTES_A_PERIOD
    if figures["blend_skill"] is not None:
        figures["blend_skill"] = 1 - (1 - figures["blend_skill"]) / MINUTES_A_PERIOD
    return figures


def _kw(watts: float | None) -> str:
    return "-" if watts is None else f"{watts / _KW:,.3g}" if watts < _KW else f"{watts / _KW:,.1f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=120)


def _skill_picture(scores: Scores) -> Figure:
    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.subplots(len(REFERENCES) - 1, 1, sharex=True)
    hours = np.arange(1, PERIODS_A_DAY + 1) / 4
    for place, reference in zip(axes, REFERENCES[:2], strict=True):
        for level, errors in scores.levels.items():
            skill = [
                errors.skill(Method.LEARNED, reference, slice(ahead, ahead + 1))
                for ahead in range(PERIODS_A_DAY)
            ]
            known = [np.nan if value is None else value for value in skill]
            place.plot(hours, known, color=_OF_LEVEL[level], label=level.value, linewidth=1.6)
        place.axhline(0, color=COLORS["muted"], linewidth=0.8)
        place.set_ylabel(f"skill against {reference.value}")
        _plain(place)
    axes[0].legend(frameon=False, ncols=4)
    axes[-1].set_xlabel("hours ahead")
    axes[-1].set_xticks(range(0, 25, 3))
    return figure


def _day_picture(shown: ShownDay, zone: ZoneInfo) -> Figure:
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    hours = np.arange(PERIODS_A_DAY) * PERIOD_S / 3600
    axes.plot(hours, shown.truth / _KW, color=COLORS["ink"], linewidth=2.0, label="measured")
    for method, color in _OF_METHOD.items():
        axes.plot(
            hours,
            shown.answers[method] / _KW,
            color=color,
            linewidth=1.8 if method is Method.LEARNED else 1.0,
            label=method.value,
        )
    day = datetime.fromtimestamp(shown.first, UTC).astimezone(zone)
    axes.set_title(f"The grid's net load on {day:%A, %d %B %Y}, forecast as the day began")
    axes.set_ylabel("kW")
    axes.set_xlabel("hours since midnight")
    axes.set_xticks(range(0, 25, 3))
    axes.legend(frameon=False, ncols=4)
    _plain(axes)
    return figure


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="y", color=COLORS["rule"], linewidth=0.6)
