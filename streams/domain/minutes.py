"""What is known of one community's minute, and how a further frame changes it.

Assign, never add: each cell holds one value and the rank of the frame it came from. Of two values
for a cell the higher rank stands, in whatever order they come, so any order and any repetition of
the same frames ends in the same cells.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streams.domain.channels import MISSING, Cells, positions
from streams.domain.packing import pack

Origins = npt.NDArray[np.unsignedinteger[Any]]


class Digest(NamedTuple):
    """What a minute's cells come to; computed for a whole batch at once (`streams.domain.digests`).

    Attributes:
        packed: The cells in few bytes (`streams.domain.packing`).
        widths: Of the packed rows.
        reported: How many meters have a consumption.
        flows: Their sums in mWh in the order of `FLOWS`, `MISSING` where nobody measured it.
    """

    packed: bytes
    widths: int
    reported: int
    flows: list[int]


@dataclass(slots=True, eq=False)
class Minute:
    """One community's minute. Mutable: it is the state of the hot path.

    Attributes:
        mask: Bit for each channel that `cells` has a row for.
        cells: (channel, meter) mWh; meters in the order in which the community first named them.
        ranks: (sequence, first place) of each frame that a cell came from.
        origins: For each cell the place in `ranks` of its frame; None while there is one frame.
        version: One more than the place of the last frame that changed a value; so the same
            version of the same minute has the same content for ever.
        reported: Meters named in its frames, by place; None means the first `cells.shape[1]`.
        closed: Whether it has been told to the world.
        missing: Registered meters without a consumption in it, as of its last closing.
        digest: What `cells` come to, if that is known already.
    """

    mask: int
    cells: Cells
    ranks: tuple[tuple[int, int], ...]
    version: int
    origins: Origins | None = None
    reported: frozenset[int] | None = None
    closed: bool = False
    missing: tuple[str, ...] = ()
    digest: Digest | None = None


def packed(minute: Minute) -> tuple[bytes, int]:
    """Return a minute's cells in few bytes, and the widths of their rows."""
    if minute.digest is not None:
        return minute.digest.packed, minute.digest.widths
    return packed_cells(minute.cells)


def packed_cells(cells: Cells) -> tuple[bytes, int]:
    """Return (channel, meter) cells in few bytes, and the widths of their rows."""
    room = np.empty(cells.nbytes, dtype=np.uint8)
    size, widths = pack(np.ascontiguousarray(cells), room)
    return room[:size].tobytes(), widths


class Effect(Enum):
    """What a frame did to a minute that was known before."""

    NOTHING = "it said nothing new, or something older"
    RANK = "the same values, known by a later frame"
    ADDED = "values that were missing"
    CORRECTED = "a value that had been another"


def absorb(minute: Minute, mask: int, cells: Cells, rank: tuple[int, int], *, place: int) -> Effect:
    """Put a further frame of the same minute into it; return what that changed.

    Args:
        minute: What is known; changed in place.
        mask: Channels of the frame.
        cells: (channel, meter) over the community's meters, `MISSING` where the frame says nothing.
        rank: (sequence or -1, place at which its readings came first) of the frame.
        place: Of the frame.
    """
    union = minute.mask | mask
    n_meters = max(minute.cells.shape[1], cells.shape[1])
    old, new = (
        spread(minute.cells, minute.mask, union, n_meters),
        spread(cells, mask, union, n_meters),
    )
    origins = _spread_origins(minute, union, n_meters)
    ranks = [*minute.ranks, rank]
    beats = np.array([rank > earlier for earlier in minute.ranks])[origins]
    resent = np.array([sequence == rank[0] for sequence, _ in minute.ranks])[origins] & (old == new)
    was_missing = old == MISSING
    takes = (new != MISSING) & (was_missing | (beats & ~resent))
    if not takes.any():
        return Effect.NOTHING
    changes = takes & (old != new)
    value_changes = bool(changes.any())
    effect = (
        Effect.RANK
        if not value_changes
        else Effect.CORRECTED
        if (changes & ~was_missing).any()
        else Effect.ADDED
    )
    minute.mask = union
    minute.cells = np.where(takes, new, old)
    minute.digest = None
    _settle(minute, np.where(takes, len(ranks) - 1, origins), ranks)
    if value_changes:
        minute.version = place + 1
    return effect


def spread(cells: Cells, mask: int, union: int, n_meters: int) -> Cells:
    """Return the cells with a row for each channel of `union` and a column for each meter."""
    if mask == union and cells.shape[1] == n_meters:
        return cells
    wide = np.full((len(positions(union)), n_meters), MISSING, dtype=np.int64)
    rows = [positions(union).index(channel) for channel in positions(mask)]
    wide[rows, : cells.shape[1]] = cells
    return wide


def _spread_origins(minute: Minute, union: int, n_meters: int) -> Origins:
    wide = np.zeros((len(positions(union)), n_meters), dtype=np.uint16)
    if minute.origins is not None:
        rows = [positions(union).index(channel) for channel in positions(minute.mask)]
        wide[rows, : minute.cells.shape[1]] = minute.origins
    return wide


def _settle(minute: Minute, origins: Origins, ranks: list[tuple[int, int]]) -> None:
    """Keep only the ranks that a cell still refers to."""
    used = np.unique(origins[minute.cells != MISSING]).tolist()
    minute.ranks = tuple(ranks[place] for place in used)
    if len(used) == 1:
        minute.origins = None
        return
    renumbered = np.zeros(len(ranks), dtype=np.uint16)
    renumbered[used] = range(len(used))
    minute.origins = renumbered[origins]
