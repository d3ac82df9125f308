"""Filling what is missing of a community's minutes when they close.

Pure and without memory: the same readings give the same estimates, so a later true reading
replaces an estimate by filling again. What was measured is never changed.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.domain.apportion import apportion
from streams.domain.channels import MISSING
from streams.domain.gap_shapes import (
    Gap,
    Method,
    Shape,
    first_known,
    gaps,
    interpolation,
    profile,
)
from streams.domain.vee import Energies, Qualities, Quality, Thresholds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """Some minutes of one community, longer than what is missing in them; (minute, meter) mWh.

    `MISSING` where there is no good reading: where none came, or a rule failed it.

    Attributes:
        consumption: A reading without it is missing as a whole.
        production: Of those with panels.
        charge: Of those with a battery.
        discharge: Of those with a battery.
        level: Of those with a battery, at the end of the minute.
        imports: Register's total at the end of the minute, as `registers.follow` returned it.
        exports: The other register's.
        is_reset: Whether a register was reset in the minute.
        has_panels: By meter.
        like_consumption: Mean minute of like days; NaN where there are none.
        like_production: The same of production.
    """

    consumption: Energies
    production: Energies
    charge: Energies
    discharge: Energies
    level: Energies
    imports: Energies
    exports: Energies
    is_reset: npt.NDArray[np.bool_]
    has_panels: npt.NDArray[np.bool_]
    like_consumption: Shape
    like_production: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """A window without what could be estimated; (minute, meter).

    Attributes:
        consumption: mWh, `MISSING` where nothing could be said.
        production: mWh.
        charge: mWh.
        discharge: mWh.
        quality: `Quality` as uint8.
        method: `Method` of the consumption as uint8; NONE where it was measured.
    """

    consumption: Energies
    production: Energies
    charge: Energies
    discharge: Energies
    quality: Qualities
    method: npt.NDArray[np.uint8]


def fill(
    window: Window, *, thresholds: Thresholds, whom: npt.NDArray[np.bool_] | None = None
) -> Filled:
    """Return the window with its gaps estimated; by `whom` those of some meters alone.

    In each stretch between two known readings of the registers, what is estimated fits them to
    the mWh: `consumption - production + charge - discharge` is what import went on by, less what
    export did. The battery's part is what its level says.
    """
    is_missing = window.consumption == MISSING
    quality = np.where(is_missing, Quality.MISSING, Quality.MEASURED).astype(np.uint8)
    quality[window.is_reset & ~is_missing] = Quality.RECOVERED
    filled = Filled(
        window.consumption.copy(),
        window.production.copy(),
        window.charge.copy(),
        window.discharge.copy(),
        quality,
        np.zeros(is_missing.shape, np.uint8),
    )
    found = gaps(is_missing if whom is None else is_missing & whom)
    if not found:
        return filled
    of_loads = profile(window.consumption, thresholds=thresholds)
    of_panels = profile(
        np.where(window.has_panels, window.production, MISSING), thresholds=thresholds
    )
    for gap in found:
        _fill_gap(window, filled, gap, of_loads, of_panels, thresholds)
    return filled


class _Stretch(NamedTuple):
    """Minutes [first, end) of a gap whose energy the registers tell, or don't; mWh.

    `net` is what was imported less what was exported, None when it is not known; `exported` is 0
    where not known.
    """

    first: int
    end: int
    net: int | None
    exported: int


def _fill_gap(  # noqa: PLR0913, PLR0917 - a gap, in what, with what
    window: Window,
    filled: Filled,
    gap: Gap,
    of_loads: Shape,
    of_panels: Shape,
    thresholds: Thresholds,
) -> None:
    meter, rows = gap.meter, slice(gap.first, gap.end)
    method, load = first_known(
        (
            Method.INTERPOLATION,
            interpolation(window.consumption[:, meter], gap, thresholds=thresholds),
        ),
        (Method.LIKE_DAYS, window.like_consumption[rows, meter]),
        (Method.PROFILE, of_loads[rows, meter]),
    )
    sun: Shape | None = np.zeros(gap.minutes)
    if window.has_panels[meter]:
        # One sky is over a community: its neighbours know more of the sun than like days do.
        _, sun = first_known(
            (
                Method.INTERPOLATION,
                interpolation(window.production[:, meter], gap, thresholds=thresholds),
            ),
            (Method.PROFILE, of_panels[rows, meter]),
            (Method.LIKE_DAYS, window.like_production[rows, meter]),
        )
    charged, discharged = _battery(window, gap, thresholds.battery_efficiency)
    for stretch in _stretches(window, gap):
        part = slice(stretch.first - gap.first, stretch.end - gap.first)
        _fill_stretch(
            filled,
            stretch,
            gap,
            method,
            None if load is None else load[part],
            None if sun is None else sun[part],
            charged[part],
            discharged[part],
            has_panels=bool(window.has_panels[meter]),
        )


def _fill_stretch(  # noqa: PLR0913, PLR0917 - a stretch, in what, with what
    filled: Filled,
    stretch: _Stretch,
    gap: Gap,
    method: Method,
    load: Shape | None,
    sun: Shape | None,
    charged: Energies,
    discharged: Energies,
    *,
    has_panels: bool,
) -> None:
    rows, meter = slice(stretch.first, stretch.end), gap.meter
    even = np.ones(stretch.end - stretch.first)
    produced = 0 if sun is None else round(float(sun.sum()))
    quality = Quality.ESTIMATED
    if stretch.net is not None:
        from_battery = int(discharged.sum()) - int(charged.sum())
        if has_panels:
            produced = max(produced, stretch.exported - int(discharged.sum()))
        consumed = stretch.net + produced + from_battery
        if consumed < 0 and has_panels:
            produced -= consumed
        if consumed >= 0 or has_panels:
            quality = Quality.SUBSTITUTED
        consumed = max(consumed, 0)
        method = method if load is not None else Method.EVEN
    elif load is None:
        return
    else:
        consumed = round(float(load.sum()))
    filled.consumption[rows, meter] = apportion(consumed, even if load is None else load)
    if has_panels:
        filled.production[rows, meter] = apportion(produced, even if sun is None else sun)
    filled.charge[rows, meter] = charged
    filled.discharge[rows, meter] = discharged
    filled.quality[rows, meter] = quality
    filled.method[rows, meter] = method


def _battery(window: Window, gap: Gap, efficiency: float) -> tuple[Energies, Energies]:
    """Return what the battery took and gave in a gap, as its level on both sides says; mWh.

    Nothing for a household without one, whose level is never known.
    """
    level = window.level[:, gap.meter]
    nothing = np.zeros(gap.minutes, np.int64)
    if gap.first == 0 or gap.end == len(level) or level[gap.first - 1] < 0 or level[gap.end] < 0:
        return nothing, nothing
    charge = max(int(window.charge[gap.end, gap.meter]), 0)
    discharge = max(int(window.discharge[gap.end, gap.meter]), 0)
    at_end = int(level[gap.end]) - round(charge * efficiency) + discharge
    rise = at_end - int(level[gap.first - 1])
    taken = round(rise / efficiency) if rise > 0 else -rise
    moved = apportion(taken, np.ones(gap.minutes))
    return (moved, nothing) if rise > 0 else (nothing, moved)


def _stretches(window: Window, gap: Gap) -> list[_Stretch]:
    """Return a gap cut wherever its registers are known, in order."""
    meter = gap.meter
    imports, exports = window.imports[:, meter], window.exports[:, meter]
    known = (imports != MISSING) & (exports != MISSING)
    resets = window.is_reset[:, meter]
    rows = np.arange(len(known))
    last_known = np.maximum.accumulate(np.where(known, rows, -1))
    next_known = np.minimum.accumulate(np.where(known, rows, len(known))[::-1])[::-1]
    inside = np.flatnonzero(known[gap.first : gap.end]) + gap.first + 1
    cuts = [gap.first, *inside.tolist()]
    if cuts[-1] != gap.end:
        cuts.append(gap.end)
    stretches = []
    for first, end in pairwise(cuts):
        left = int(last_known[first - 1]) if first else -1
        right = int(next_known[end - 1])
        net, exported = None, 0
        if left >= 0 and right < len(known) and not resets[left + 1 : right + 1].any():
            beside = [*range(left + 1, first), *range(end, right + 1)]
            if (window.consumption[beside, meter] != MISSING).all():
                back = int(exports[right] - exports[left])
                net = int(imports[right] - imports[left]) - back
                net -= sum(_net(window, row, meter) for row in beside)
                exported = back if not beside else 0
        stretches.append(_Stretch(first, end, net, exported))
    return stretches


def _net(window: Window, row: int, meter: int) -> int:
    production, charge, discharge = (
        max(int(column[row, meter]), 0)
        for column in (window.production, window.charge, window.discharge)
    )
    return int(window.consumption[row, meter]) - production + charge - discharge
