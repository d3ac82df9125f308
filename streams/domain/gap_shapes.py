"""The shape of what is missing: interpolation, like days, the community's profile.

A shape says how energy is spread over the minutes of a gap; when registers on both sides of it
tell the sum, it is scaled to that (`streams.domain.estimation`).
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.domain.channels import MISSING
from streams.domain.vee import Energies, Thresholds

Shape = npt.NDArray[np.float64]
"""mWh by minute, not negative; NaN where not known."""


class Method(IntEnum):
    """How a shape was found. EVEN: nothing was known but the sum."""

    NONE = 0
    INTERPOLATION = 1
    LIKE_DAYS = 2
    PROFILE = 3
    EVEN = 4


class Gap(NamedTuple):
    """The minutes [first, end) of a meter, by row and column of its window."""

    meter: int
    first: int
    end: int

    @property
    def minutes(self) -> int:
        """How long it is."""
        return self.end - self.first


def gaps(is_missing: npt.NDArray[np.bool_]) -> list[Gap]:
    """Return the gaps of a window, (minute, meter), by meter and in order.

    >>> gaps(np.array([[False], [True], [True]]))
    [Gap(meter=0, first=1, end=3)]
    """
    edge = np.zeros((1, is_missing.shape[1]), np.int8)
    changes = np.diff(np.concatenate([edge, is_missing.astype(np.int8), edge]), axis=0).T
    meters, firsts = np.nonzero(changes == 1)
    _, ends = np.nonzero(changes == -1)
    return [Gap(*row) for row in zip(meters.tolist(), firsts.tolist(), ends.tolist(), strict=True)]


def interpolation(energies: Energies, gap: Gap, *, thresholds: Thresholds) -> Shape | None:
    """Return the straight line from what was before the gap to what came after it.

    Both ends are means of the good minutes next to the gap, up to `neighbour_minutes` of them:
    single minutes of a household differ too much. None when the gap is longer than
    `interpolation_minutes`, or one side has no good minute so near.

    Args:
        energies: (minute) mWh of the gap's meter, `MISSING` where not good.
        gap: Whose minutes are wanted.
        thresholds: How long it may be, and how far neighbours are looked for.
    """
    if gap.minutes > thresholds.interpolation_minutes:
        return None
    before = energies[max(gap.first - thresholds.neighbour_minutes, 0) : gap.first]
    after = energies[gap.end : gap.end + thresholds.neighbour_minutes]
    before, after = before[before != MISSING], after[after != MISSING]
    if not len(before) or not len(after):
        return None
    places = np.arange(1, gap.minutes + 1) / (gap.minutes + 1)
    line: Shape = before.mean() + places * (after.mean() - before.mean())
    return line


def profile(energies: Energies, *, thresholds: Thresholds) -> Shape:
    """Return the community's shape, scaled to each meter, (minute, meter) mWh.

    The shape of a minute is what those who measured it used, over what they use in a mean minute:
    so it stays as it is when a large household falls silent. It is NaN with fewer than
    `profile_meters`. A meter's scale is its own energy over the shape's in the minutes that it
    measured; one that measured none is taken for an average meter.

    Args:
        energies: (minute, meter) mWh, `MISSING` where not good; only of meters that are alike.
        thresholds: How many meters make a profile.
    """
    known = energies != MISSING
    values = np.where(known, energies, 0)
    minutes = known.sum(axis=0)
    means = values.sum(axis=0) / np.maximum(minutes, 1)
    usual = (known * means).sum(axis=1)
    is_told = (known.sum(axis=1) >= thresholds.profile_meters) & (usual > 0)
    shape = np.where(is_told, values.sum(axis=1) / np.where(usual > 0, usual, 1), np.nan)
    both = known & is_told[:, None]
    own = np.where(both, energies, 0).sum(axis=0)
    of_shape = np.where(both, shape[:, None], 0).sum(axis=0)
    average = means[minutes > 0].mean() if minutes.any() else 0.0
    scale = np.where(of_shape > 0, own / np.where(of_shape > 0, of_shape, 1), average)
    result: Shape = shape[:, None] * scale
    return result


def first_known(*shapes: tuple[Method, Shape | None]) -> tuple[Method, Shape | None]:
    """Return the first shape that is known throughout, with its method; NONE without any."""
    for method, shape in shapes:
        if shape is not None and not np.isnan(shape).any():
            return method, shape
    return Method.NONE, None
