"""What broke down in the simulation, and the life of its ticket below it, by event time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from deploy.report.result import Breakdown
from deploy.report.style import COLORS, Layout
from deploy.report.time_axis import label_times

_LINE_IN: Final = 0.34
_BAR: Final = 0.42


def draw_breakdowns(
    figure: Figure, layout: Layout, breakdowns: Sequence[Breakdown], first: datetime, end: datetime
) -> None:
    """Draw a line for each: a bar while it was wrong, below it the ticket until it was cleared.

    A ticket that was never cleared goes on to the right edge.
    """
    figure.set_size_inches(layout.width_in, _LINE_IN * len(breakdowns) + 1.1)
    axes = figure.subplots()
    edges = np.array([int(first.timestamp()), int(end.timestamp())], np.int64)
    for place, one in enumerate(breakdowns):
        begins, ends = one.begins.timestamp(), one.ends.timestamp()
        axes.barh(
            place - _BAR / 2, ends - begins, _BAR, left=begins, color=COLORS["battery"], linewidth=0
        )
        if one.opened_at is None:
            continue
        opened = one.opened_at.timestamp()
        cleared = float(edges[1]) if one.cleared_at is None else one.cleared_at.timestamp()
        axes.barh(
            place + _BAR / 2, cleared - opened, _BAR, left=opened, color=COLORS["ink"], linewidth=0
        )
    axes.set_yticks(
        range(len(breakdowns)), [one.meter_id or one.community_id for one in breakdowns]
    )
    axes.set_ylim(len(breakdowns) - 0.5, -0.5)
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x")
    for color, label in (("battery", "Out of order"), ("ink", "Ticket open")):
        axes.barh(0, 0, color=COLORS[color], label=label)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=2)
    label_times(axes, edges, layout)
