"""The pictures of a report in their order, each with one sentence on what to see."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from deploy.report.breakdowns import draw_breakdowns
from deploy.report.days import Days, Flows, HouseholdHours, Watts
from deploy.report.figures import draw_flows, draw_run, power_unit
from deploy.report.heat_map import draw_autarky_map, draw_heat_map, lines_are_means_of
from deploy.report.result import DemoResult, Sample
from deploy.report.style import NARROW, WIDE, Layout, as_svg

_ALL: Final = 0.9995
_WH_A_QUARTER_HOUR_OF_1_W: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture in two widths, of which the page shows one."""

    title: str
    caption: str
    wide: Markup
    narrow: Markup


def draw_all(days: Days, result: DemoResult, samples: Sequence[Sample]) -> Iterator[Picture]:
    """Yield a picture of everything that there is something of."""
    grid = days.grid()
    if grid is not None:
        yield picture(
            "The grid",
            _say_grid(grid),
            "grid",
            lambda figure, layout: draw_flows(figure, layout, grid, with_battery=False),
        )
    community = days.telling_community()
    if community is not None:
        community_id, its_flows = community
        yield picture(
            "One community",
            _say_community(community_id, its_flows),
            "community",
            lambda figure, layout: draw_flows(figure, layout, its_flows, with_battery=False),
        )
    household = days.telling_household()
    if household is not None:
        meter_id, flows = household
        has_battery = bool(np.isfinite(flows.charge).any())
        yield picture(
            "One household",
            _say_household(meter_id, flows, has_battery=has_battery),
            "household",
            lambda figure, layout: draw_flows(figure, layout, flows, with_battery=has_battery),
        )
    hours = days.household_hours()
    if hours is not None:
        yield picture(
            "All households",
            _say_heat_map(hours),
            "households",
            lambda figure, layout: draw_heat_map(figure, layout, hours),
        )
        if hours.has_pv.any() and np.isfinite(hours.self_sufficiency).any():
            yield picture(
                "Who lives on the sun",
                _say_autarky_map(hours, result),
                "autarky",
                lambda figure, layout: draw_autarky_map(figure, layout, hours),
            )
    if result.breakdowns:
        end = result.first_minute + timedelta(minutes=result.minutes)
        yield picture(
            "What broke down, and its ticket",
            _say_breakdowns(result),
            "breakdowns",
            lambda figure, layout: draw_breakdowns(
                figure, layout, result.breakdowns, result.first_minute, end
            ),
        )
    if samples and samples[-1].seconds > samples[0].seconds:
        yield picture(
            "The run",
            _say_run(samples, result),
            "run",
            lambda figure, layout: draw_run(figure, layout, samples, result.readings_per_s),
        )


def picture(title: str, caption: str, name: str, draw: Callable[[Figure, Layout], None]) -> Picture:
    """Return a drawing in both widths; `name` differs from that of the page's other pictures."""
    return Picture(
        title=title,
        caption=caption,
        wide=as_svg(name, WIDE, draw),
        narrow=as_svg(name, NARROW, draw),
    )


def _say_grid(flows: Flows) -> str:
    said = f"Consumption peaks {_peak(flows.consumption, flows)}"
    used, made = _energy_wh(flows.consumption), _energy_wh(flows.production)
    if used and made:
        said += (
            f", the roofs {_peak(flows.production, flows)}; in all they make {made / used:.0%} "
            f"of what is used, and {_energy_wh(flows.exported) / made:.0%} of what they make is "
            "exported"
        )
    return said + "."


def _say_community(community_id: str, flows: Flows) -> str:
    return (
        f"Community {community_id}, the one with the largest swing: import peaks "
        f"{_peak(flows.imported, flows)}, export {_peak(flows.exported, flows)}."
    )


def _say_household(meter_id: str, flows: Flows, *, has_battery: bool) -> str:
    if not has_battery:
        return (
            f"Meter {meter_id}: what it makes and does not use at once goes out as export, what it "
            "lacks comes in as import."
        )
    return (
        f"Meter {meter_id}: its battery stores {_kwh(flows.charge)} that would otherwise be "
        f"exported, and gives {_kwh(flows.discharge)} that would otherwise be imported."
    )


def _say_heat_map(hours: HouseholdHours) -> str:
    mean_of = lines_are_means_of(len(hours.net))
    line = "a household" if mean_of == 1 else f"the mean of {mean_of} similar households"
    return (
        f"Each line is {line}, each column an hour: purple draws from the grid, green feeds into "
        "it, no colour is balance; within a group the day's largest importer is on top."
    )


def _say_autarky_map(hours: HouseholdHours, result: DemoResult) -> str:
    share = hours.self_sufficiency
    met = np.nanmax(share, axis=1, initial=0.0, where=np.isfinite(share))
    return (
        "The same lines, where there are panels: the stronger the colour, the more of an hour's "
        "consumption came from the household's own sun, at once or through its battery. "
        f"{np.count_nonzero(met >= _ALL):,} households had an hour that needed no grid; "
        f"{result.autarky_changes:,} changes between autarkic and dependent were told."
    )


def _say_breakdowns(result: DemoResult) -> str:
    delays = [
        (one.opened_at - one.begins).total_seconds() / 60
        for one in result.breakdowns
        if one.opened_at is not None
    ]
    if not delays:
        return "A community is a terminal that fell silent, a meter one that sent nonsense."
    return (
        "A community is a terminal that fell silent, a meter one that sent nonsense; the ticket "
        f"was opened {min(delays):.0f} to {max(delays):.0f} min after the first minute, by the "
        "clock of the readings, and cleared after three good minutes in a row. In a day played "
        "so fast refusals and minutes, topics of their own, run apart."
    )


def _say_run(samples: Sequence[Sample], result: DemoResult) -> str:
    most = max(sample.lag_records for sample in samples)
    return (
        f"Metering keeps up where done lies on sent: at most {most:,} frames waited for it, and "
        f"{result.end_to_end_s:,.1f} s after the first frame the last period was stored."
    )


def _peak(power: Watts, flows: Flows) -> str:
    if not np.nan_to_num(power).any():
        return "at no time"
    place = int(np.nanargmax(power))
    at = datetime.fromtimestamp(int(flows.edges[place]), UTC)
    watts, unit = power_unit(power)
    return f"{power[place] / watts:.3g} {unit} at {at:%H:%M}"


def _energy_wh(power: Watts) -> float:
    return float(np.nansum(power)) * _WH_A_QUARTER_HOUR_OF_1_W


def _kwh(power: Watts) -> str:
    return f"{_energy_wh(power) / 1000:.1f} kWh"
