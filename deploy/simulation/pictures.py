"""The pictures of a scenario, each drawn from arrays of the truth; times are UTC."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from deploy.report.days import Watts
from deploy.report.figures import (
    DASHES,
    PANEL_HEIGHT_IN,
    fill,
    head,
    mirror,
    outline,
    power_unit,
)
from deploy.report.style import COLORS, Layout
from deploy.report.time_axis import label_times

Edges = NDArray[np.int64]

MOST_LINES: Final = 400
_SOURCES: Final = {
    "hydro": "#0072b2",
    "wind": "#56b4e9",
    "solar": "#e69f00",
    "biomass": "#009e73",
    "coal": "#5b6770",
    "gas": "#b0579b",
}


def draw_loads(  # noqa: PLR0913 - a picture is said by as many
    figure: Figure,
    layout: Layout,
    edges: Edges,
    *,
    steered: Watts,
    free: Watts | None,
    limit_w: float | None,
) -> None:
    """Draw a load as it was, the one without control, and the limit."""
    figure.set_size_inches(layout.width_in, PANEL_HEIGHT_IN * 1.6)
    axes = figure.subplots()
    watts, unit = power_unit(steered, *([] if free is None else [free]))
    fill(axes, edges, steered / watts, "consumption", "Load", strength=0.3)
    if free is not None:
        axes.stairs(
            free / watts, edges, baseline=None, color=COLORS["import"], linewidth=1.2,
            label="without control",
        )  # fmt: skip
    if limit_w is not None:
        axes.axhline(
            limit_w / watts, color=COLORS["ink"], linewidth=1, linestyle=DASHES, label="Limit"
        )
    head(axes, unit)
    label_times(axes, edges, layout)


def draw_balance(figure: Figure, layout: Layout, edges: Edges, flows: Mapping[str, Watts]) -> None:
    """Draw what is used and made, and below it what crosses the connections."""
    figure.set_size_inches(layout.width_in, PANEL_HEIGHT_IN * 2 + 0.4)
    use, exchange = figure.subplots(2, 1, sharex=True)
    watts, unit = power_unit(*flows.values())
    fill(use, edges, flows["production"] / watts, "production", "Production")
    outline(use, edges, flows["consumption"] / watts, "consumption", "Consumption")
    use.set_ylim(bottom=0)
    head(use, unit)
    fill(exchange, edges, flows["imported"] / watts, "import", "Import")
    fill(exchange, edges, -flows["exported"] / watts, "export", "Export")
    head(exchange, unit)
    mirror(exchange)
    label_times(exchange, edges, layout)
    figure.align_ylabels()


def draw_plants(  # noqa: PLR0913 - a picture is said by as many
    figure: Figure,
    layout: Layout,
    edges: Edges,
    *,
    production_w: Watts,
    ordered_w: Watts,
    sources: Sequence[str],
    ids: Sequence[str],
    load_w: Watts,
) -> None:
    """Draw what plants give, on top of each other, the load that they serve, and each one's order.

    Plants' arrays are (minutes, plants); an order below 0 is none.
    """
    columns = production_w.shape[1]
    figure.set_size_inches(layout.width_in, PANEL_HEIGHT_IN * 1.8 + 0.75 * columns)
    ratios = [PANEL_HEIGHT_IN * 1.8, *[0.75] * columns]
    stacked, *single = figure.subplots(columns + 1, 1, sharex=True, height_ratios=ratios)
    watts, unit = power_unit(load_w, production_w.sum(axis=1))
    below = np.zeros(len(production_w))
    for plant in range(columns):
        above = below + production_w[:, plant] / watts
        stacked.stairs(
            above, edges, baseline=below, fill=True, alpha=0.65, linewidth=0,
            color=_SOURCES.get(sources[plant], COLORS["muted"]), label=ids[plant],
        )  # fmt: skip
        below = above
    stacked.stairs(
        load_w / watts, edges, baseline=None, color=COLORS["ink"], linewidth=1.6, label="Load"
    )
    head(stacked, unit)
    for plant, axes in enumerate(single):
        _draw_orders(axes, edges, production_w[:, plant] / watts, ordered_w[:, plant] / watts)
        axes.set_ylabel(ids[plant], rotation=0, ha="right", va="center")
    label_times(single[-1], edges, layout)


def _draw_orders(axes: Axes, edges: Edges, given: Watts, ordered: Watts) -> None:
    axes.stairs(given, edges, fill=True, color=COLORS["production"], alpha=0.4, linewidth=0)
    asked = np.where(ordered < 0, np.nan, ordered)
    axes.stairs(asked, edges, baseline=None, color=COLORS["ink"], linewidth=1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=2))
    axes.set_ylim(bottom=0)


def draw_raster(
    figure: Figure, layout: Layout, edges: Edges, off: NDArray[np.bool_], groups: NDArray[np.int64]
) -> None:
    """Draw who was switched off when: (minutes, households), a line a household.

    `groups` is each household's community; a rule parts one from the next.
    """
    figure.set_size_inches(layout.width_in, 4.6)
    axes = figure.subplots()
    lines = off.T[:MOST_LINES]
    picture = np.zeros((*lines.shape, 4))
    picture[..., :3] = to_rgb(COLORS["battery"])
    picture[..., 3] = lines
    axes.imshow(
        picture, aspect="auto", interpolation="none",
        extent=(float(edges[0]), float(edges[-1]), len(lines), 0),
    )  # fmt: skip
    for place in (np.flatnonzero(np.diff(groups[: len(lines)])) + 1).tolist():
        axes.axhline(place, color=COLORS["rule"], linewidth=0.8)
    axes.grid(visible=False)
    axes.set_yticks([])
    axes.set_ylabel("households")
    label_times(axes, edges, layout)


def draw_gantt(
    figure: Figure, layout: Layout, edges: Edges, charged_w: Watts, is_in: NDArray[np.bool_]
) -> None:
    """Draw vehicles, a line each: grey while plugged in, in colour as strong as it charges."""
    figure.set_size_inches(layout.width_in, 4.6)
    axes = figure.subplots()
    here = np.flatnonzero(is_in.any(axis=0))
    order = here[np.argsort(is_in[:, here].argmax(axis=0), kind="stable")][:MOST_LINES]
    power, plugged = charged_w[:, order].T, is_in[:, order].T
    full = max(float(power.max(initial=0.0)), 1.0)
    picture = np.zeros((*power.shape, 4))
    charging = power > 0
    picture[..., :3] = np.where(
        charging[..., np.newaxis], to_rgb(COLORS["consumption"]), to_rgb(COLORS["muted"])
    )
    picture[..., 3] = np.where(charging, 0.35 + 0.65 * np.sqrt(power / full), 0.18 * plugged)
    axes.imshow(
        picture, aspect="auto", interpolation="none",
        extent=(float(edges[0]), float(edges[-1]), max(len(power), 1), 0),
    )  # fmt: skip
    axes.grid(visible=False)
    axes.set_yticks([])
    axes.set_ylabel("vehicles")
    label_times(axes, edges, layout)


def draw_batteries(  # noqa: PLR0913 - a picture is said by as many
    figure: Figure,
    layout: Layout,
    edges: Edges,
    *,
    level_percent: NDArray[np.float64],
    free_percent: NDArray[np.float64],
    charge_w: Watts,
    discharge_w: Watts,
    price_eur_per_mwh: NDArray[np.float64],
) -> None:
    """Draw prices, the fleet's level with and without control, and what it takes and gives."""
    figure.set_size_inches(layout.width_in, PANEL_HEIGHT_IN * 3 + 0.4)
    price, level, power = figure.subplots(3, 1, sharex=True)
    price.stairs(
        price_eur_per_mwh, edges, baseline=None, color=COLORS["ink"], linewidth=1.6, label="Price"
    )
    head(price, "EUR/MWh")
    outline(level, edges, level_percent, "battery", "Level")
    level.stairs(
        free_percent, edges, baseline=None, color=COLORS["muted"], linewidth=1.2,
        label="without control",
    )  # fmt: skip
    level.set_ylim(0, 100)
    head(level, "% of capacity")
    watts, unit = power_unit(charge_w, discharge_w)
    fill(power, edges, charge_w / watts, "battery", "Charges")
    fill(power, edges, -discharge_w / watts, "battery", "discharges", strength=0.25)
    head(power, unit)
    mirror(power)
    label_times(power, edges, layout)
    figure.align_ylabels()
