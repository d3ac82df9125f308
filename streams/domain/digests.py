"""What the cells of many frames come to, in one compiled pass while they are at hand."""

from itertools import pairwise, repeat
from typing import Final

import numpy as np

from streams.compiled import compiled
from streams.domain.channels import (
    CHANNELS,
    CHARGE,
    CONSUMPTION,
    DISCHARGE,
    FLOWS,
    MISSING,
    PRODUCTION,
)
from streams.domain.minutes import Digest
from streams.domain.packing import Bytes, pack
from streams.domain.sums import Sums, add_flows

_N_CHANNELS: Final = len(CHANNELS)
_N_FLOWS: Final = len(FLOWS)
_END, _WIDTHS, _REPORTED, _FIRST_FLOW = range(4)


def digests(cells: Sums, shapes: Sums) -> list[Digest]:
    """Return the digest of each frame of a batch.

    Args:
        cells: mWh of one frame after the other, each (channel, meter).
        shapes: (frame, 3): mask of its channels, number of its meters, where its cells begin.
    """
    packed = np.empty(cells.nbytes, dtype=np.uint8)
    numbers = np.full((len(shapes), _FIRST_FLOW + len(FLOWS)), MISSING, dtype=np.int64)
    data = packed[: _digest(cells, shapes, packed, numbers)].tobytes()
    ends, widths, reported = numbers[:, :_FIRST_FLOW].T.tolist()
    in_columns = zip(
        [data[begin:end] for begin, end in pairwise([0, *ends])],
        widths,
        reported,
        numbers[:, _FIRST_FLOW:].tolist(),
        strict=True,
    )
    return list(map(tuple.__new__, repeat(Digest), in_columns))


@compiled
def _digest(cells: Sums, shapes: Sums, packed: Bytes, numbers: Sums) -> int:
    """Write packed cells into `packed` and the rest into `numbers`; return how many bytes."""
    size = 0
    measured = np.zeros((1, 1), dtype=np.int64)
    row_of = np.empty(_N_CHANNELS, dtype=np.int64)
    for frame in range(len(shapes)):
        mask, n_meters, begin = shapes[frame]
        rows = 0
        for channel in range(_N_CHANNELS):
            is_there = mask >> channel & 1
            row_of[channel] = rows if is_there else MISSING
            rows += is_there
        of_frame = cells[begin : begin + rows * n_meters]
        length, widths = pack(of_frame.reshape(rows, n_meters), packed[size:])
        size += length
        measured[0, 0] = 0
        add_flows(
            of_frame.reshape(1, 1, rows, n_meters),
            (row_of[CONSUMPTION], row_of[PRODUCTION], row_of[CHARGE], row_of[DISCHARGE]),
            np.zeros(n_meters, dtype=np.int64),
            numbers[frame, _FIRST_FLOW:].reshape(1, _N_FLOWS, 1),
            measured,
        )
        numbers[frame, _END] = size
        numbers[frame, _WIDTHS] = widths
        numbers[frame, _REPORTED] = measured[0, 0]
    return size
