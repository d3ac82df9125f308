"""The heat maps: every household a line, every hour a column.

One shows what it draws from the grid or feeds into it, one how far its own sun sufficed.
"""

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from deploy.report.days import HouseholdHours, Watts
from deploy.report.figures import power_unit
from deploy.report.style import COLORS, Layout
from deploy.report.time_axis import label_times

MAX_LINES: Final = 500
"""More lines than the picture has pixels would show some households and hide others."""

_LEAST_HEIGHT: Final = 0.08
_KEY_HEIGHT: Final = 0.03
_FULL_COLOR_QUANTILE: Final = 0.98
_DIMMEST: Final = 0.6
"""Exponent of the colour's strength: small powers are seen, too."""


def draw_heat_map(figure: Figure, layout: Layout, hours: HouseholdHours) -> None:
    """Draw all households by what they have installed, then from the most net import to the least.

    Nothing crossing the connection has no colour, in light and in dark; an hour without a reading
    has none either.
    """
    figure.set_size_inches(layout.width_in, 5.6)
    groups = group_households(hours)
    lines = [_thinned(hours.net[members], len(hours.net)) for _, members in groups]
    net = np.concatenate(lines)
    strengths = np.abs(net[np.isfinite(net)])
    full = max(float(np.quantile(strengths, _FULL_COLOR_QUANTILE)) if len(strengths) else 0, 1.0)
    watts, unit = power_unit(np.array([full]))

    key = _draw_lines(figure, layout, hours, groups, [colors_of(drawn / full) for drawn in lines])
    _key(key, full / watts, unit)


def draw_autarky_map(figure: Figure, layout: Layout, hours: HouseholdHours) -> None:
    """Draw those with a sun of their own in the same order, in how much of their need it met.

    Nothing of it has no colour; an hour in which it is not defined has none either.
    """
    figure.set_size_inches(layout.width_in, 4.2)
    groups = [group for group in group_households(hours) if hours.has_pv[group[1]].any()]
    shares = [_thinned(hours.self_sufficiency[members], len(hours.net)) for _, members in groups]
    axes = _draw_lines(figure, layout, hours, groups, [shades_of(share) for share in shares])
    gradient = np.linspace(0, 1, 256)[np.newaxis, :]
    axes.imshow(shades_of(gradient), aspect="auto", interpolation="none", extent=(0, 1, 0, 1))
    _bare(axes)
    axes.set_xticks([0, 1], ["none of its consumption", "all of it from its own sun"])
    none, everything = axes.get_xticklabels()
    none.set_horizontalalignment("left")
    everything.set_horizontalalignment("right")


def _draw_lines(
    figure: Figure,
    layout: Layout,
    hours: HouseholdHours,
    groups: list[tuple[str, NDArray[np.int64]]],
    pictures: list[NDArray[np.float64]],
) -> Axes:
    """Draw each group's lines, RGBA, below the other's; return the axes for the key."""
    lines = sum(len(picture) for picture in pictures)
    heights = [max(len(picture), _LEAST_HEIGHT * lines) for picture in pictures]
    panels = figure.subplots(
        len(groups) + 1,
        1,
        height_ratios=[*heights, _KEY_HEIGHT * sum(heights)],
        squeeze=False,
    )[:, 0]
    for axes, (label, members), picture in zip(panels, groups, pictures, strict=False):
        axes.imshow(
            picture,
            aspect="auto",
            interpolation="none",
            extent=(float(hours.edges[0]), float(hours.edges[-1]), len(picture), 0),
        )
        axes.set_title(f"{len(members):,} {label}", loc="left", fontsize="medium")
        _bare(axes)
    label_times(panels[-2], hours.edges, layout)
    key: Axes = panels[-1]
    return key


def group_households(hours: HouseholdHours) -> list[tuple[str, NDArray[np.int64]]]:
    """Return the groups that have members, and these from the most net import to the least."""
    total = np.nansum(hours.net, axis=1)
    order = np.argsort(-total, kind="stable")
    kinds = (
        ("without photovoltaics", ~hours.has_pv & ~hours.has_battery),
        ("with photovoltaics", hours.has_pv & ~hours.has_battery),
        ("with photovoltaics and battery", hours.has_pv & hours.has_battery),
        ("with battery alone", ~hours.has_pv & hours.has_battery),
    )
    return [(label, order[kind[order]]) for label, kind in kinds if kind.any()]


def colors_of(net: Watts) -> NDArray[np.float64]:
    """Return RGBA for values where 1 is the full colour of import and -1 that of export."""
    imports = np.array(to_rgb(COLORS["import"]))
    exports = np.array(to_rgb(COLORS["export"]))
    known = np.nan_to_num(np.clip(net, -1, 1))
    rgb = np.where(known[..., np.newaxis] > 0, imports, exports)
    return np.concatenate([rgb, (np.abs(known) ** _DIMMEST)[..., np.newaxis]], axis=-1)


def shades_of(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return RGBA for shares in [0, 1], the full colour being 1."""
    known = np.nan_to_num(np.clip(share, 0, 1))
    rgb = np.broadcast_to(np.array(to_rgb(COLORS["production"])), (*known.shape, 3))
    return np.concatenate([rgb, known[..., np.newaxis]], axis=-1)


def lines_are_means_of(households: int) -> int:
    """Return how many neighbouring households share a line of the picture."""
    return -(-households // MAX_LINES)


def _thinned(net: Watts, households: int) -> Watts:
    """Return the mean of each few neighbours, where a line each is too much."""
    starts = np.arange(0, len(net), lines_are_means_of(households))
    known = np.add.reduceat(np.isfinite(net).astype(np.int64), starts, axis=0)
    sums = np.add.reduceat(np.nan_to_num(net), starts, axis=0)
    means: Watts = np.where(known > 0, sums / np.maximum(known, 1), np.nan)
    return means


def _key(axes: Axes, full: float, unit: str) -> None:
    gradient = np.linspace(-1, 1, 256)[np.newaxis, :]
    axes.imshow(
        colors_of(gradient), aspect="auto", interpolation="none", extent=(-full, full, 0, 1)
    )
    _bare(axes)
    ends = (f"exports {full:.3g} {unit} or more", "0", f"imports {full:.3g} {unit} or more")
    axes.set_xticks([-full, 0, full], ends)
    exports, _, imports = axes.get_xticklabels()
    exports.set_horizontalalignment("left")
    imports.set_horizontalalignment("right")


def _bare(axes: Axes) -> None:
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
