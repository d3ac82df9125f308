"""A seeded month of some communities through the rules of malfunction, and what came of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import orjson

from deploy.malfunction.counting import Count, Counts
from deploy.malfunction.playing import play
from deploy.vee.judging import judge
from deploy.vee.month import months
from load_generator.meter_faults import MeterFaultRates
from load_generator.profiles import Profiles
from streams.domain.malfunction import MalfunctionPolicy
from streams.domain.vee import Thresholds

_MINUTE_S: Final = 60
_TWENTIETHS: Final = 20


@dataclass
class Report:
    """What was found in the months of a report."""

    households: int
    communities: int
    days: int
    seed: int
    counts: Counts = field(default_factory=Counts)


def report_of(  # noqa: PLR0913 - a month is said by as many
    profiles: Profiles,
    rates: MeterFaultRates,
    *,
    households: int,
    communities: int,
    days: int,
    seed: int,
    policy: MalfunctionPolicy,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Return the report of a month; equal arguments give an equal one.

    `on_progress` hears how many communities are done.
    """
    report, thresholds = Report(households, communities, days, seed), Thresholds()
    for number, month in enumerate(
        months(
            profiles,
            households=households,
            communities=communities,
            days=days,
            seed=seed,
            rates=rates,
            thresholds=thresholds,
        )
    ):
        judged = judge(month, thresholds=thresholds)
        report.counts.add(month, play(month, judged, policy=policy), policy=policy)
        on_progress(number + 1)
    return report


def delays_of(count: Count) -> tuple[float, float] | None:
    """Return the median delay and the 95th of 100, minutes; None when nothing was found."""
    if not count.delays_s:
        return None
    delays = [delay / _MINUTE_S for delay in count.delays_s]
    late = delays[0] if len(delays) == 1 else quantiles(delays, n=_TWENTIETHS)[-1]
    return median(delays), min(late, max(delays))


def write(report: Report, folder: Path) -> None:
    """Write `result.json` and `table.md` into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_bytes(orjson.dumps(as_dict(report), option=orjson.OPT_INDENT_2))
    (folder / "table.md").write_text(as_table(report))


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report as plain values."""
    return {
        "households": report.households,
        "communities": report.communities,
        "days": report.days,
        "seed": report.seed,
        "kinds": {
            kind.value: {
                "found": count.found,
                "other": count.other,
                "missed": count.missed,
                "tickets": count.tickets,
                "false": count.false,
                "delay_min": delays_of(count),
            }
            for kind, count in report.counts.kinds.items()
        },
    }


def as_table(report: Report) -> str:
    """Return a report's table in Markdown."""
    head = (
        "kind",
        "faults",
        "found",
        "as another kind",
        "missed",
        "tickets",
        "false",
        "delay, min: median",
        "95th",
    )
    rows = [(kind.value, *_cells(count)) for kind, count in report.counts.kinds.items()]
    return (
        f"{report.households} households in {report.communities} communities, {report.days} days, "
        f"seed {report.seed}.\n\n{_table(head, rows)}"
    )


def _cells(count: Count) -> Sequence[object]:
    delays = delays_of(count)
    said = ("-", "-") if delays is None else tuple(f"{delay:.1f}" for delay in delays)
    return (
        count.found + count.other + count.missed,
        count.found,
        count.other,
        count.missed,
        count.tickets,
        count.false,
        *said,
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
