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

from streams.domain.channels import (
    CHARGE,
    CONSUMPTION,
    DISCHARGE,
    EXPORT,
    FLOWS,
    IMPORT,
    MISSING,
    PRODUCTION,
    Cells,
    positions,
)
from streams.domain.minutes import Minute, spread

Sums = npt.NDArray[np.int64]

# Where the channels stand among the flows; import and export are worked out.
_FLOW_OF: Final = {CONSUMPTION: 0, PRODUCTION: 1, CHARGE: 4, DISCHARGE: 5}


def flows(cells: Cells, mask: int) -> Sums:
    """Return the flows of readings.

    Args:
        cells: (..., channel, meter) with a row for each channel of the mask.
        mask: Which channels these are.

    Returns:
        (..., flow, meter) in the order of `FLOWS`.

    >>> flows(np.array([[5, 5, -1], [8, -1, 3], [1, -1, -1], [0, 2, -1]]), 0b1111)[2:4].tolist()
    [[0, 3, -1], [2, 0, -1]]
    """
    rows = {channel: cells[..., row, :] for row, channel in enumerate(positions(mask))}
    out = np.full((*cells.shape[:-2], len(FLOWS), cells.shape[-1]), MISSING, dtype=np.int64)
    for channel, flow in _FLOW_OF.items():
        if channel in rows:
            out[..., flow, :] = rows[channel]
    net = out[..., CONSUMPTION, :].copy()
    missing = net == MISSING
    for channel, sign in ((PRODUCTION, -1), (CHARGE, 1), (DISCHARGE, -1)):
        if channel in rows:
            net += sign * np.maximum(rows[channel], 0, dtype=np.int64)
    np.maximum(net, 0, out=out[..., IMPORT, :])
    np.maximum(-net, 0, out=out[..., EXPORT, :])
    if missing.any():
        out[..., IMPORT, :][missing] = MISSING
        out[..., EXPORT, :][missing] = MISSING
    return out


def known_sum(values: Sums, axis: int) -> Sums:
    """Return the sums of what is known along an axis; `MISSING` where nothing is.

    >>> known_sum(np.array([[1, -1], [2, -1]]), axis=0).tolist()
    [3, -1]
    """
    sums: Sums = np.maximum(values, 0).sum(axis=axis, dtype=np.int64)
    sums[values.max(axis=axis) == MISSING] = MISSING
    return sums


def minute_sums(minutes: Sequence[Minute]) -> tuple[Sums, Sums]:
    """Return the sums over the meters of minutes of one shape (mask and number of meters).

    Returns:
        (minute, flow) mWh, `MISSING` where nobody measured it, and (minute) how many meters
        have a consumption.
    """
    of_meters = flows(np.stack([minute.cells for minute in minutes]), minutes[0].mask)
    reported = (of_meters[:, CONSUMPTION] != MISSING).sum(axis=-1, dtype=np.int64)
    return known_sum(of_meters, axis=-1), reported


def period_sums(minutes: Sequence[Minute], *, periods: int) -> tuple[Sums, Sums]:
    """Return the sums of periods over their minutes.

    Args:
        minutes: Of one shape; those of one period stand together, as many in each.
        periods: How many periods these are.

    Returns:
        (period, flow, meter) mWh, `MISSING` where never measured, and (period, meter) how many
        minutes have a consumption.
    """
    cells = np.stack([minute.cells for minute in minutes])
    of_minutes = flows(cells.reshape(periods, -1, *cells.shape[1:]), minutes[0].mask)
    measured = (of_minutes[:, :, CONSUMPTION] != MISSING).sum(axis=1, dtype=np.int64)
    return known_sum(of_minutes, axis=1), measured


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
        replace(minute, mask=union, cells=spread(minute.cells, minute.mask, union, widest))
        for minute in minutes
    ]
