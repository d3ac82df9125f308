"""The same grid under three rules, measured and written down."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from deploy.regulation.measuring import Figures, measure, truth_of
from deploy.regulation.pictures import Shown, draw
from deploy.regulation.playing import MINUTES_A_DAY, Played, Setting, grid_of, play
from deploy.regulation.rules import Nothing, OneCommunityAMinute, Ours, Rule
from streams.domain.regulation import PERCENT, RegulationPolicy

NAMES: Final = ("no control", "one community a minute", "ours")

OnProgress = Callable[[str, int], None]


@dataclass(frozen=True)
class Report:
    """What each rule came to, in the order of `NAMES`."""

    setting: Setting
    connection_percent: int
    heaters: int
    avoidable: int
    figures: tuple[Figures, ...]
    shown: Shown


def report_of(
    setting: Setting,
    policy: RegulationPolicy,
    *,
    connection_percent: int,
    on_progress: OnProgress,
) -> Report:
    """Play a setting under each rule.

    A community's connection bears `connection_percent` of the most that it draws without its
    switched heaters, the first day left out: in that day every tank begins as after an hour of use.
    """
    world = setting.world()
    fleet, first = world.fleet, MINUTES_A_DAY

    def said(name: str) -> Callable[[int], None]:
        return lambda day: on_progress(name, day)

    uncontrolled = play(world, Nothing(), setting, on_progress=said(NAMES[0]))
    others = (uncontrolled.load_w - uncontrolled.heaters_w)[first:]
    limits = (others.max(axis=0) * connection_percent / PERCENT).astype(np.int64)
    grid = grid_of(fleet, limits.tolist())
    may_shed = np.array(
        [
            fleet.meter_ids[household]
            in grid[fleet.community_ids[int(fleet.community[household])]].able(policy.guaranteed_w)
            for household in fleet.heater.tolist()
        ]
    )
    truth = truth_of(
        uncontrolled,
        limits_w=limits,
        community=fleet.community[fleet.heater],
        may_shed=may_shed,
        heater_w=fleet.heater_w,
        target_percent=policy.shed_to_percent,
        first=first,
    )
    rules: tuple[Rule, ...] = (OneCommunityAMinute(grid), Ours(grid, policy))
    played: list[Played] = [uncontrolled]
    for name, rule in zip(NAMES[1:], rules, strict=True):
        played.append(play(setting.world(), rule, setting, on_progress=said(name)))
    figures = tuple(measure(one, truth) for one in played)
    return Report(
        setting,
        connection_percent,
        len(fleet.heater),
        int(truth.avoidable.sum()),
        figures,
        Shown.of(setting, played, truth),
    )


def write(report: Report, folder: Path) -> None:
    """Write `result.json`, `table.md` and `regulation.png` into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_bytes(orjson.dumps(as_dict(report), option=orjson.OPT_INDENT_2))
    (folder / "table.md").write_text(as_table(report), encoding="utf-8")
    draw(report.shown, folder / "regulation.png")


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report as plain values."""
    setting = report.setting
    return {
        "households": setting.households,
        "communities": setting.communities,
        "heaters": report.heaters,
        "days": setting.days,
        "seed": setting.seed,
        "start": setting.start.isoformat(),
        "connection_percent": report.connection_percent,
        "avoidable_minutes": report.avoidable,
        "rules": {
            name: dataclasses.asdict(figures)
            for name, figures in zip(NAMES, report.figures, strict=True)
        },
    }


def as_table(report: Report) -> str:
    """Return a report's table in Markdown, a column for each rule."""
    setting = report.setting
    _, simple, _ = report.figures
    rows = [
        ("community minutes overloaded", *(f"{one.overloaded:,}" for one in report.figures)),
        ("worst load, of the limit", *(f"{one.worst:.1%}" for one in report.figures)),
        (
            f"of {report.avoidable:,} avoidable ones avoided",
            *(_percent(one.avoided) for one in report.figures),
        ),
        ("episodes above the limit", *(f"{one.episodes:,}" for one in report.figures)),
        (
            "minutes until relieved: median, 95th, longest",
            *(_minutes(one.reaction_min) for one in report.figures),
        ),
        (
            "switchings by household and day",
            *(f"{one.switchings:.2f}" for one in report.figures),
        ),
        (
            "switchings, of the simple rule's",
            *(
                f"{one.switchings / simple.switchings:.2%}" if simple.switchings else "-"
                for one in report.figures
            ),
        ),
        ("flaps: on, off, on within an hour", *(f"{one.flaps:,}" for one in report.figures)),
        ("put off, kWh", *(f"{one.shed_kwh:,.0f}" for one in report.figures)),
        ("hot water that was not there, kWh", *(f"{one.cold_kwh:,.1f}" for one in report.figures)),
        (
            "fairness (Jain), lowest community and mean",
            *(_fairness(one.fairness) for one in report.figures),
        ),
        (
            "households below the guaranteed minimum",
            *(f"{one.below_minimum:,}" for one in report.figures),
        ),
    ]
    lines = [("", *NAMES), ("---",) * (len(NAMES) + 1), *rows]
    return (
        f"{setting.households} households in {setting.communities} communities, {report.heaters} "
        f"with a switched water heater; {setting.days} days from {setting.start:%Y-%m-%d}, the "
        f"first left out; seed {setting.seed}; connections bear {report.connection_percent} % of "
        f"the most that is drawn without those heaters.\n\n"
        + "".join(f"| {' | '.join(line)} |\n" for line in lines)
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _minutes(reaction: tuple[float, float, float] | None) -> str:
    return "-" if reaction is None else ", ".join(f"{minutes:.0f}" for minutes in reaction)


def _fairness(fairness: tuple[float, float] | None) -> str:
    return "-" if fairness is None else ", ".join(f"{index:.3f}" for index in fairness)
