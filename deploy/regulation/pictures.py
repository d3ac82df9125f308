"""The community with the most overload on its worst day: its load under each rule, its switches."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from deploy.regulation.measuring import Truth
from deploy.regulation.playing import MINUTES_A_DAY, Played, Setting, Watts
from deploy.report.style import COLORS

_COLOURS: Final = (COLORS["import"], COLORS["production"], COLORS["consumption"])
_LABELS: Final = ("no control", "one community a minute", "ours")
_KW: Final = 1000


@dataclass(frozen=True)
class Shown:
    """A day of a community, minute by minute.

    Attributes:
        load_w: By rule.
        is_off: By rule, (minutes, heaters).
        day: As `2025-01-20`, UTC.
    """

    community: int
    day: str
    limit_w: int
    load_w: tuple[Watts, ...]
    is_off: tuple[NDArray[np.bool_], ...]

    @classmethod
    def of(cls, setting: Setting, played: list[Played], truth: Truth) -> Self:
        """Return the day and community with the most overload without control."""
        over = played[0].load_w[truth.first :] > truth.limits_w
        by_day = over.reshape(-1, MINUTES_A_DAY, over.shape[1]).sum(axis=1)
        day, community = np.unravel_index(int(by_day.argmax()), by_day.shape)
        first = truth.first + int(day) * MINUTES_A_DAY
        span, mine = slice(first, first + MINUTES_A_DAY), truth.community == community
        start = np.datetime64(setting.start.replace(tzinfo=None), "m") + first
        return cls(
            int(community),
            str(start.astype("datetime64[D]")),
            int(truth.limits_w[community]),
            tuple(one.load_w[span, community] for one in played),
            tuple(one.is_off[span][:, mine] for one in played),
        )


def draw(shown: Shown, path: Path) -> None:
    """Draw it into a file."""
    figure = Figure(figsize=(9.6, 9.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    loads, *rasters = figure.subplots(3, 1, height_ratios=(3, 2, 2), sharex=True)
    hours = np.arange(MINUTES_A_DAY) / 60
    for load, colour, label in zip(shown.load_w, _COLOURS, _LABELS, strict=True):
        loads.plot(hours, load / _KW, color=colour, linewidth=0.9, label=label)
    loads.axhline(shown.limit_w / _KW, color=COLORS["ink"], linewidth=1, linestyle="--")
    loads.annotate("limit", (0.2, shown.limit_w / _KW), va="bottom", color=COLORS["ink"])
    loads.set_ylabel("kW")
    loads.set_title(f"Community {shown.community + 1} on {shown.day}", loc="left")
    loads.legend(frameon=False, ncols=3, loc="lower right")
    for axes, is_off, label in zip(rasters, shown.is_off[1:], _LABELS[1:], strict=True):
        axes.imshow(
            is_off.T,
            aspect="auto",
            interpolation="nearest",
            cmap="Greys",
            vmin=0,
            vmax=1,
            extent=(0, 24, is_off.shape[1], 0),
        )
        axes.set_ylabel("water heater")
        axes.set_title(f"Switched off: {label}", loc="left")
    rasters[-1].set_xlabel("hour, UTC")
    rasters[-1].set_xlim(0, 24)
    rasters[-1].set_xticks(range(0, 25, 3))
    figure.savefig(path)
