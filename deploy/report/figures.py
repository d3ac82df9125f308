"""The pictures of a run, each drawn from arrays alone; times are UTC, power is the mean of a step.

No name that came over Kafka is drawn: matplotlib is not asked what it makes of strange ones.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from deploy.report.days import Flows, Watts
from deploy.report.result import Sample
from deploy.report.style import COLORS, Layout
from deploy.report.time_axis import label_times

PANEL_HEIGHT_IN: Final = 2.0
DASHES: Final = (0, (4, 3))
_UNITS: Final = ((1e6, "MW"), (1e3, "kW"), (1.0, "W"))


def power_unit(*powers: Watts) -> tuple[float, str]:
    """Return the unit that makes the largest of these powers a readable number, and its W."""
    largest = max((float(np.nanmax(np.abs(power), initial=0.0)) for power in powers), default=0.0)
    return next(((watts, name) for watts, name in _UNITS if largest >= watts), _UNITS[-1])


def draw_flows(figure: Figure, layout: Layout, flows: Flows, *, with_battery: bool) -> None:
    """Draw what is used and made, below it what crosses the connection, and the battery."""
    panels = 3 if with_battery else 2
    figure.set_size_inches(layout.width_in, PANEL_HEIGHT_IN * panels + 0.4)
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    shown = [flows.consumption, flows.production, flows.imported, flows.exported]
    watts, unit = power_unit(*shown)
    edges = flows.edges

    use, exchange = axes[:2]
    fill(use, edges, flows.production / watts, "production", "Production")
    outline(use, edges, flows.consumption / watts, "consumption", "Consumption")
    use.set_ylim(bottom=0)
    head(use, unit)

    fill(exchange, edges, flows.imported / watts, "import", "Import")
    fill(exchange, edges, -flows.exported / watts, "export", "Export")
    head(exchange, unit)
    mirror(exchange)
    if with_battery:
        battery = axes[2]
        fill(battery, edges, flows.charge / watts, "battery", "Battery charges")
        fill(battery, edges, -flows.discharge / watts, "battery", "discharges", strength=0.25)
        head(battery, unit)
        mirror(battery)
    label_times(axes[-1], edges, layout)
    figure.align_ylabels()


def draw_run(figure: Figure, layout: Layout, samples: Sequence[Sample], per_s: float) -> None:
    """Draw readings a second, the frames that wait, and how far each stage has come.

    Args:
        figure: to draw on.
        layout: its width.
        samples: in the order of time; the last is later than the first.
        per_s: readings a second from end to end.
    """
    figure.set_size_inches(layout.width_in, PANEL_HEIGHT_IN * 3 + 0.4)
    rate, lag, progress = figure.subplots(3, 1, sharex=True)
    ink, muted = COLORS["ink"], COLORS["muted"]
    seconds = np.array([sample.seconds for sample in samples])

    sent = np.array([sample.readings_sent for sample in samples], np.float64)
    done = np.array([sample.readings_done for sample in samples], np.float64)
    for counted, color, label in ((sent, muted, "Sent"), (done, ink, "Done")):
        rate.stairs(_rate(seconds, counted), seconds, baseline=None, color=color, label=label)
    rate.axhline(per_s, color=muted, linewidth=1, linestyle=DASHES, label="Mean, end to end")
    rate.set_ylim(bottom=0)
    head(rate, "readings/s")

    waiting = np.array([sample.lag_records for sample in samples], np.float64)
    lag.fill_between(seconds, waiting, color=muted, alpha=0.25, linewidth=0)
    lag.plot(seconds, waiting, color=ink, linewidth=1.4, label="Waiting for metering")
    lag.set_ylim(bottom=0, top=None if waiting.any() else 1)
    head(lag, "frames")

    closed = np.array([sample.minutes_closed for sample in samples], np.float64)
    stored = np.array([sample.periods_stored for sample in samples], np.float64)
    progress.plot(seconds, _percent(sent), color=muted, linewidth=1.2, label="Sent")
    progress.plot(seconds, _percent(closed), color=ink, linewidth=1.6, label="Minutes closed")
    progress.plot(
        seconds, _percent(stored), color=ink, linewidth=1.2, linestyle=DASHES, label="Stored"
    )
    progress.set_ylim(0, 105)
    head(progress, "% of all")
    progress.set_yticks([0, 25, 50, 75, 100])
    for axes in (rate, lag):
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(_thousands))
    progress.set_xlim(seconds[0], seconds[-1])
    progress.set_xlabel("seconds since the first frame")
    figure.align_ylabels()


def fill(  # noqa: PLR0913 - one call for each quantity, told in a line
    axes: Axes,
    edges: NDArray[np.int64],
    values: Watts,
    quantity: str,
    label: str,
    *,
    strength: float = 0.55,
) -> None:
    """Draw a quantity as an area; `values` is one shorter than `edges`."""
    color = COLORS[quantity]
    axes.stairs(values, edges, fill=True, color=color, alpha=strength, linewidth=0, label=label)
    axes.stairs(values, edges, baseline=None, color=color, linewidth=1)


def outline(axes: Axes, edges: NDArray[np.int64], values: Watts, quantity: str, label: str) -> None:
    """Draw a quantity as a line; `values` is one shorter than `edges`."""
    axes.stairs(values, edges, baseline=None, color=COLORS[quantity], linewidth=1.8, label=label)


def head(axes: Axes, unit: str) -> None:
    """Name the panel's quantities above it, and the unit of its scale."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=3)
    axes.set_ylabel(unit)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.yaxis.set_major_formatter(FuncFormatter(_magnitude))


def mirror(axes: Axes) -> None:
    """Draw the line that parts what flows in from what flows out."""
    axes.axhline(0, color=COLORS["muted"], linewidth=0.8)
    axes.spines["bottom"].set_visible(False)


def _rate(seconds: NDArray[np.float64], counted: NDArray[np.float64]) -> NDArray[np.float64]:
    took = np.diff(seconds)
    rates = np.full(len(took), np.nan)
    np.divide(np.diff(counted), took, out=rates, where=took > 0)
    return rates


def _percent(counted: NDArray[np.float64]) -> NDArray[np.float64]:
    percent: NDArray[np.float64] = 100 * counted / max(counted[-1], 1)
    return percent


def _magnitude(value: float, _: int | None) -> str:
    """Write what flows out, and is drawn downwards, without calling it negative."""
    return f"{abs(value):g}"


def _thousands(value: float, _: int | None) -> str:
    return f"{value:,.0f}"
