"""The axis of simulated time: epoch seconds, told in UTC at round times."""

from datetime import UTC, datetime
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from deploy.report.style import Layout

_MINUTE_S: Final = 60
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400

_STEPS_S: Final = (
    *(minutes * _MINUTE_S for minutes in (1, 5, 15, 30)),
    *(hours * _HOUR_S for hours in (1, 3, 6, 12)),
    *(days * _DAY_S for days in (1, 2, 7, 14, 28, 91, 182)),
)
_LONGEST_DAY_S: Final = 25 * _HOUR_S


def label_times(axes: Axes, edges: NDArray[np.int64], layout: Layout) -> None:
    """Limit an axis to its data, from the first to the last edge, and label round times in it."""
    begin, end = int(edges[0]), int(edges[-1])
    times = round_times(begin, end, at_most=5 if layout.is_narrow else 9)
    form = "%H:%M" if end - begin <= _LONGEST_DAY_S else "%-d %b\n%H:%M"
    axes.set_xlim(begin, end)
    axes.set_xticks(times, [datetime.fromtimestamp(time, UTC).strftime(form) for time in times])
    axes.set_xlabel("UTC")


def round_times(begin: int, end: int, *, at_most: int) -> list[int]:
    """Return the times within [begin, end] in the smallest round step that needs no more of them.

    >>> round_times(0, 86_400, at_most=5) == [0, 21_600, 43_200, 64_800, 86_400]
    True
    >>> round_times(600, 2_100, at_most=6)
    [600, 900, 1200, 1500, 1800, 2100]
    """
    for step in _STEPS_S:
        first = -(-begin // step) * step
        times = list(range(first, end + 1, step))
        if len(times) <= at_most:
            return times
    return [begin, end]
