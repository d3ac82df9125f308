"""Which readings are counted: those that what is registered of their households allows.

The meter is registered where the frame says it is, and the household could use, make and store so
much. The others wait among the rejected, with their original, until what is registered fits them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from schemas.metering import RejectionRule
from streams.compiled import compiled
from streams.domain.channels import CHANNELS, MISSING, Cells, positions
from streams.domain.frames import Block, Frame, Rejection, offset_of
from streams.domain.minute_rules import LEVEL, check_minutes
from streams.domain.registry import as_time
from streams.domain.rosters import Admittance, Roster, Rosters
from streams.domain.vee import Flags, Rule, bit

UNBOUNDED: Final = -1

_SHOWN: Final = 5
_UNKNOWN: Final = np.int64(MISSING)
_BY_DAY: Final = np.zeros(1, dtype=np.bool_)

OF_LIMITS: Final = {
    Rule.OVER_CAP: RejectionRule.OVER_CAP,
    Rule.NO_BATTERY: RejectionRule.NO_BATTERY,
    Rule.BATTERY_LEVEL: RejectionRule.BATTERY_LEVEL,
}
"""Rules on a reading as it stands that fail it, and what they are called where it is refused."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Frames as far as they are counted, and what was refused, both in the order of offsets."""

    frames: list[Frame]
    rejections: list[Rejection] = field(default_factory=list)


def admit(frames: Sequence[Frame], rosters: Rosters, *, block: Block | None = None) -> Admission:
    """Return what of some frames is counted, and the rest as rejections.

    Args:
        frames: In the order of their offsets.
        rosters: Who is registered.
        block: The cells of these frames, if they stand in one: it is looked through at once.
    """
    if block is not None and _is_sound(frames, rosters, block):
        return Admission(list(frames))
    result = Admission([])
    for frame in frames:
        roster = rosters.at(frame.community_id, frame.minute)
        if roster is None:
            result.frames.append(frame)
            continue
        admittance = roster.of(frame.meters)
        counted = frame
        if admittance.strangers:
            result.rejections.extend(_strange(frame, admittance.strangers, rosters))
            if not admittance.places:
                continue
            counted = frame._replace(
                meters=admittance.meters, cells=frame.cells[:, admittance.places], digest=None
            )
        if not _is_within(counted, admittance):
            flags = _flags(counted, admittance, roster)
            result.rejections.extend(_impossible(counted, admittance, flags))
            counted = counted._replace(cells=_without(counted, flags), digest=None)
        result.frames.append(counted)
    return result


def _is_sound(frames: Sequence[Frame], rosters: Rosters, block: Block) -> bool:
    """Say whether all that frames have is counted, as in nearly every batch."""
    begins: list[int] = []
    caps: dict[Admittance, int] = {}
    size = 0
    for frame in frames:
        roster = rosters.at(frame.community_id, frame.minute)
        if roster is None:
            begins.append(UNBOUNDED)
            continue
        admittance = roster.of(frame.meters)
        if admittance.strangers:
            return False
        begin = caps.get(admittance)
        if begin is None:
            begin = caps[admittance] = size
            size += admittance.caps.size
        begins.append(begin)
    if not caps:
        return True
    flat = np.concatenate([admittance.caps.reshape(-1) for admittance in caps])
    return bool(_are_within(block.cells, block.shapes, flat, np.array(begins, dtype=np.int64)))


@compiled
def _are_within(cells: Cells, shapes: Cells, caps: Cells, begins: Cells) -> bool:
    """Say whether every energy and level of every frame is at most what it may be.

    Args:
        cells: As in `Block`.
        shapes: As in `Block`.
        caps: mWh of one admittance after the other, each (channel, meter).
        begins: By frame, where its caps begin; `UNBOUNDED` for none.
    """
    for frame in range(len(shapes)):
        mask, n_meters, at = shapes[frame]
        if begins[frame] == UNBOUNDED:
            continue
        for channel in range(LEVEL + 1):
            if mask >> channel & 1:
                cap = begins[frame] + channel * n_meters
                over = 0
                for meter in range(n_meters):  # without a way out it is compiled into vectors
                    over += cells[at + meter] > caps[cap + meter]
                if over:
                    return False
                at += n_meters
    return True


def _is_within(frame: Frame, admittance: Admittance) -> bool:
    """Say the same of one frame."""
    shape = np.array([[frame.mask, frame.cells.shape[1], 0]])
    begin = np.zeros(1, dtype=np.int64)
    return bool(_are_within(frame.cells.reshape(-1), shape, admittance.caps.reshape(-1), begin))


def _flags(frame: Frame, admittance: Admittance, roster: Roster) -> Flags:
    """Return by meter what the rules on single readings found."""
    flags, _ = check_minutes(
        frame.cells[None],
        frame.mask,
        admittance.caps,
        _BY_DAY,
        np.full(frame.cells.shape[1], _UNKNOWN),
        thresholds=roster.thresholds,
    )
    of_meters: Flags = flags[0] & np.uint32(sum(map(bit, OF_LIMITS)))
    return of_meters


def _without(frame: Frame, flags: Flags) -> Cells:
    """Return the cells without the energies and levels of who failed; registers stay."""
    cells = frame.cells.copy()
    energies = sum(channel <= LEVEL for channel in positions(frame.mask))
    cells[:energies, flags != 0] = MISSING
    return cells


def _impossible(frame: Frame, admittance: Admittance, flags: Flags) -> Iterator[Rejection]:
    for rule, refused_by in OF_LIMITS.items():
        places = np.flatnonzero(flags & np.uint32(bit(rule))).tolist()
        if places:
            more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
            detail = _excess(frame, admittance, places[0]) + more
            meters = tuple(frame.meters.ids[place] for place in places)
            yield _rejection(frame, refused_by, detail, meters)


def _excess(frame: Frame, admittance: Admittance, place: int) -> str:
    """Say which of a meter's values is too high, and how high it may be."""
    for row, channel in enumerate(positions(frame.mask)):
        if channel <= LEVEL and frame.cells[row, place] > admittance.caps[channel, place]:
            energy_wh, cap_wh = (
                mwh / 1000 for mwh in (frame.cells[row, place], admittance.caps[channel, place])
            )
            return (
                f"{CHANNELS[channel]}_wh={energy_wh:g} of {frame.meters.ids[place]} is over "
                f"{cap_wh:g} Wh, the most by what is registered"
            )
    raise ValueError(f"nothing of {frame.meters.ids[place]} is too high")


def _strange(frame: Frame, strangers: frozenset[str], rosters: Rosters) -> Iterator[Rejection]:
    named = [meter for meter in frame.meters.ids if meter in strangers]
    homes = {meter: rosters.home_of(meter, frame.minute) for meter in named}
    at = as_time(frame.minute)
    if unknown := tuple(meter for meter in named if homes[meter] is None):
        detail = (
            f"meter_id={_listed(unknown)} is not registered at {at}; register it with `smatrix "
            f"registry import`, then `smatrix reprocess`"
        )
        yield _rejection(frame, RejectionRule.UNKNOWN_METER, detail, unknown)
    if elsewhere := tuple(meter for meter in named if homes[meter] is not None):
        there = _listed(sorted({home for home in homes.values() if home is not None}))
        detail = (
            f"meter_id={_listed(elsewhere)} is registered in {there} at {at}, not in "
            f"{frame.community_id}; move it with `smatrix registry move`, then `smatrix reprocess`"
        )
        yield _rejection(frame, RejectionRule.WRONG_COMMUNITY, detail, elsewhere)


def _rejection(
    frame: Frame, rule: RejectionRule, detail: str, meters: tuple[str, ...]
) -> Rejection:
    offset = offset_of(frame.place)
    return Rejection(offset, rule, detail, frame.community_id, frame.minute, meters)


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = len(known) - _SHOWN
    return ", ".join(known[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
