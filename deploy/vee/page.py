"""What a report says: as JSON for machines, as tables for a page, as a picture."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deploy.report.style import COLORS
from deploy.vee.confusion import RIGHT, Confusion, RuleCount
from deploy.vee.errors import LENGTHS, METHODS, SCALED, UNSCALED, ZERO, Errors
from streams.domain.vee import VERDICTS, Rule


@dataclass
class Report:
    """All that was found in the months of a report, and what it cost."""

    households: int
    communities: int
    days: int
    seed: int
    readings: int = 0
    confusion: Confusion = field(default_factory=Confusion)
    errors: Errors = field(default_factory=Errors)
    nanoseconds: dict[str, float] = field(default_factory=dict)
    bytes_a_meter: dict[str, int] = field(default_factory=dict)


def write(report: Report, folder: Path) -> None:
    """Write `result.json`, `table.md` and `errors.png` into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_bytes(orjson.dumps(as_dict(report), option=orjson.OPT_INDENT_2))
    (folder / "table.md").write_text(as_tables(report))
    figure = _picture(report.errors)
    FigureCanvasAgg(figure)
    figure.savefig(folder / "errors.png")


def precision(count: RuleCount) -> float | None:
    """Return the share of alarms with a fault behind them; None without alarms."""
    return (count.alarms - count.false) / count.alarms if count.alarms else None


def recall(count: RuleCount) -> float | None:
    """Return the share of its faults that a rule found; None when there were none."""
    faults = count.found + count.missed
    return count.found / faults if faults else None


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report as plain values."""
    confusion, errors = report.confusion, report.errors
    return {
        "households": report.households,
        "communities": report.communities,
        "days": report.days,
        "seed": report.seed,
        "readings": report.readings,
        "rules": {
            rule.value: {
                "verdict": VERDICTS[rule].value,
                "precision": precision(count),
                "recall": recall(count),
                "found": count.found,
                "missed": count.missed,
                "alarms": count.alarms,
                "false": count.false,
                "faults_by_kind": dict(count.by_kind),
            }
            for rule, count in confusion.rules.items()
        },
        "kinds": [
            {"kind": kind, "registers": has, **dataclasses.asdict(count)}
            for (kind, has), count in sorted(confusion.kinds.items())
        ],
        "readings_by_kind": [
            {"kind": kind, "registers": has, **dataclasses.asdict(count)}
            for (kind, has), count in sorted(confusion.readings.items())
        ],
        "gaps": errors.gaps,
        "qualities": errors.qualities,
        "errors": [
            {
                "method": method,
                "gaps": bucket,
                "mean_wh": total.mean_wh,
                "share": total.share,
                "share_of_gaps": total.share_of_gaps,
                "quarters": total.quarters,
                "unknown": total.unknown,
            }
            for (method, bucket), total in errors.sums.items()
        ],
        "nanoseconds_a_reading": report.nanoseconds,
        "bytes_a_meter": report.bytes_a_meter,
    }


def as_tables(report: Report) -> str:
    """Return a report's tables in Markdown."""
    confusion, errors = report.confusion, report.errors
    by_rule = _table(
        ("rule", "verdict", "found", "missed", "recall", "alarms", "false", "precision"),
        (
            (
                f"`{rule.value}`",
                VERDICTS[rule].value,
                count.found,
                count.missed,
                _share(recall(count)),
                count.alarms,
                count.false,
                _share(precision(count)),
            )
            for rule, count in confusion.rules.items()
        ),
    )
    kinds = sorted({kind for kind, _ in confusion.kinds})
    matrix = _table(
        ("rule", *kinds),
        (
            (f"`{rule.value}`", *(confusion.rules[rule].by_kind[kind] or "" for kind in kinds))
            for rule in Rule
            if confusion.rules[rule].by_kind
        ),
    )
    by_kind = _table(
        ("fault", "registers", "faults", "failed", "warned", "missed", "min to alarm, median"),
        (
            (
                kind,
                "yes" if has else "no",
                count.faults,
                count.failed,
                count.warned,
                count.missed,
                median(count.waits) if count.waits else "",
            )
            for (kind, has), count in sorted(confusion.kinds.items())
        ),
    )
    by_reading = _table(
        ("readings", "registers", "failed", "warned", "passed", "off in what did not fail, kWh"),
        (
            (
                kind if kind == RIGHT else f"wrong: {kind}",
                "yes" if has else "no",
                count.failed,
                count.warned,
                count.passed,
                f"{count.passed_mwh / 1e6:.1f}",
            )
            for (kind, has), count in sorted(confusion.readings.items())
        ),
    )
    by_method = _table(
        ("way", *(f"{name} ({errors.gaps[name]} gaps)" for name in LENGTHS)),
        ((method, *(_error_cell(errors, method, name) for name in LENGTHS)) for method in METHODS),
    )
    cost = _table(
        ("step", "ns a reading"),
        ((name, f"{value:.1f}") for name, value in report.nanoseconds.items()),
    )
    state = _table(("state", "bytes a meter"), report.bytes_a_meter.items())
    return (
        f"{report.households} households in {report.communities} communities, {report.days} days, "
        f"seed {report.seed}: {report.readings:,} readings.\n\n"
        f"By rule\n\n{by_rule}\nFaults that each rule spoke up at\n\n{matrix}\n"
        f"By fault, all rules together\n\n{by_kind}\nBy reading\n\n{by_reading}\n"
        "Estimates of outages: mean absolute error of a quarter-hour in Wh; as a share of the "
        "energy; the same of whole gaps; quarter-hours that nothing could be said of\n\n"
        f"{by_method}\n{cost}\n{state}"
    )


def _error_cell(errors: Errors, method: str, bucket: str) -> str:
    total = errors.sums.get((method, bucket))
    if total is None or total.mean_wh is None:
        return "-"
    unknown = f", {total.unknown} not" if total.unknown else ""
    shares = f"{_share(total.share)}, {_share(total.share_of_gaps)}"
    return f"{total.mean_wh:.1f} ({shares}{unknown})"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


def _picture(errors: Errors) -> Figure:
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    colors = dict(zip(METHODS, [*COLORS.values()][: len(METHODS)], strict=False))
    for place, method in enumerate(METHODS):
        heights = [
            total.share or 0 if (total := errors.sums.get((method, name))) else 0
            for name in LENGTHS
        ]
        at = [number + (place - len(METHODS) / 2) * 0.1 for number in range(len(LENGTHS))]
        is_ours = method in {SCALED, UNSCALED}
        axes.bar(
            at,
            [100 * height for height in heights],
            0.09,
            label=method,
            color=colors.get(method),
            alpha=1 if is_ours or method == ZERO else 0.6,
        )
    axes.set_xticks(range(len(LENGTHS)), [f"gaps {name}" for name in LENGTHS])
    axes.set_ylabel("absolute error of quarter-hours, % of the energy")
    axes.legend(ncols=2, frameon=False, fontsize=8)
    return figure
