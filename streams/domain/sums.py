"""Energy flows at the household's connection, and their sums over meters and minutes.

Formulas: `import = max(consumption - production + charge - discharge, 0)` and `export` the
opposite, for each reading, so that sums over any time add up and agree with the registers of a
meter. What a household does not measure (no panels, no battery) counts as nothing there; without a
consumption both are missing.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.compiled import compiled
from streams.domain.channels import (
    CHARGE,
    CONSUMPTION,
    DISCHARGE,
    FLOWS,
    LEVEL,
    MISSING,
    PRODUCTION,
    positions,
)
from streams.domain.minutes import Minute, spread

Sums = npt.NDArray[np.int64]

_MEASURED: Final = (CONSUMPTION, PRODUCTION, CHARGE, DISCHARGE)


def minute_sums(minutes: Sequence[Minute]) -> tuple[Sums, Sums]:
    """Return the sums over the meters of minutes of one shape (mask and number of meters).

    Returns:
        (minute, flow) mWh in the order of `FLOWS`, `MISSING` where nobody measured it, and
        (minute) how many meters have a consumption.
    """
    cells = np.stack([minute.cells for minute in minutes])
    sums = np.full((len(minutes), len(FLOWS), 1), MISSING, dtype=np.int64)
    measured = np.zeros((len(minutes), 1), dtype=np.int64)
    for_each_meter = np.zeros(cells.shape[2], dtype=np.int64)
    add_flows(cells[:, None], _rows(minutes[0].mask), for_each_meter, sums, measured)
    return sums[:, :, 0], measured[:, 0]


def period_sums(minutes: Sequence[Minute], *, periods: int) -> tuple[Sums, Sums]:
    """Return the sums of periods over their minutes.

    Args:
        minutes: Of one shape; those of one period stand together, as many in each.
        periods: How many periods these are.

    Returns:
        (period, flow, meter) mWh in the order of `FLOWS`, `MISSING` where never measured, and
        (period, meter) how many minutes have a consumption.
    """
    cells = np.stack([minute.cells for minute in minutes])
    n_meters = cells.shape[2]
    sums = np.full((periods, len(FLOWS), n_meters), MISSING, dtype=np.int64)
    measured = np.zeros((periods, n_meters), dtype=np.int64)
    of_periods = cells.reshape(periods, -1, *cells.shape[1:])
    add_flows(of_periods, _rows(minutes[0].mask), np.arange(n_meters), sums, measured)
    return sums, measured


def last_levels(minutes: Sequence[Minute]) -> Sums | None:
    """Return each battery's level when it was last told in minutes of one shape, in their order.

    Returns:
        (meter) mWh, `MISSING` where it was not told; None when nobody measures one.
    """
    rows = positions(minutes[0].mask)
    if LEVEL not in rows:
        return None
    row = rows.index(LEVEL)
    levels: Sums = minutes[0].cells[row]
    for minute in minutes[1:]:
        levels = np.where(minute.cells[row] == MISSING, levels, minute.cells[row])
    return levels


def _rows(mask: int) -> tuple[int, ...]:
    """Return in which row consumption, production, charge and discharge stand; -1 for nowhere."""
    rows = positions(mask)
    return tuple(rows.index(channel) if channel in rows else -1 for channel in _MEASURED)


@compiled
def add_flows(
    cells: Sums, rows: tuple[int, ...], place_of: Sums, sums: Sums, measured: Sums
) -> None:
    """Add the flows of each reading of (group, minute, channel, meter) to its sums.

    Args:
        cells: mWh.
        rows: Of consumption, production, charge and discharge; -1 for what nobody measures.
        place_of: By meter, its column in `sums` and `measured`.
        sums: (group, flow, column), `MISSING` before; takes the sums.
        measured: (group, column), 0 before; takes the number of readings with a consumption.
    """
    for group in range(cells.shape[0]):
        for minute in range(cells.shape[1]):
            for meter in range(cells.shape[3]):
                values = (
                    cells[group, minute, rows[0], meter] if rows[0] >= 0 else MISSING,
                    cells[group, minute, rows[1], meter] if rows[1] >= 0 else MISSING,
                    cells[group, minute, rows[2], meter] if rows[2] >= 0 else MISSING,
                    cells[group, minute, rows[3], meter] if rows[3] >= 0 else MISSING,
                )
                consumption, production, charge, discharge = values
                net = consumption - max(production, 0) + max(charge, 0) - max(discharge, 0)
                is_known = consumption != MISSING
                flows = (
                    consumption,
                    production,
                    max(net, 0) if is_known else MISSING,
                    max(-net, 0) if is_known else MISSING,
                    charge,
                    discharge,
                )
                column = place_of[meter]
                measured[group, column] += is_known
                for flow in range(len(flows)):
                    if flows[flow] != MISSING:
                        before = max(sums[group, flow, column], 0)
                        sums[group, flow, column] = before + flows[flow]


def of_one_shape(minutes: Sequence[Minute]) -> Sequence[Minute]:
    """Return the minutes with as many channels and meters each as any of them has.

    The very same objects come back when they have one shape already, as they nearly always do.
    """
    shapes = {(minute.mask, minute.cells.shape[1]) for minute in minutes}
    if len(shapes) == 1:
        return minutes
    union = 0
    for mask, _ in shapes:
        union |= mask
    widest = max(width for _, width in shapes)
    return [
        replace(
            minute,
            mask=union,
            cells=spread(minute.cells, minute.mask, union, widest),
            digest=None,
        )
        for minute in minutes
    ]
