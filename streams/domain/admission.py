"""Whose readings are counted: those of the meters that are registered where a frame says they are.

The others wait among the rejected, with their original, until they are registered.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from schemas.metering import RejectionRule
from streams.domain.frames import Frame, MeterList, Rejection, offset_of
from streams.domain.registry import as_time
from streams.domain.rosters import Rosters

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Admission:
    """Frames of registered meters alone, and what was refused, both in the order of offsets."""

    frames: list[Frame]
    rejections: list[Rejection] = field(default_factory=list)


def admit(frames: Sequence[Frame], rosters: Rosters) -> Admission:
    """Return what of some frames is counted, and the rest as rejections."""
    result = Admission([])
    for frame in frames:
        roster = rosters.at(frame.community_id, frame.minute)
        if roster is None or not (strangers := roster.strangers(frame.meters)):
            result.frames.append(frame)
            continue
        result.rejections.extend(_rejections(frame, strangers, rosters))
        if len(strangers) < len(frame.meters.ids):
            result.frames.append(_without(strangers, frame))
    return result


def _without(strangers: frozenset[str], frame: Frame) -> Frame:
    places = [place for place, meter in enumerate(frame.meters.ids) if meter not in strangers]
    return frame._replace(
        meters=MeterList(tuple(frame.meters.ids[place] for place in places)),
        cells=frame.cells[:, places],
        digest=None,
    )


def _rejections(frame: Frame, strangers: frozenset[str], rosters: Rosters) -> Iterator[Rejection]:
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
