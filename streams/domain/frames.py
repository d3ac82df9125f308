"""A frame that passed the door, and what is said of one that did not."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from typing_extensions import override

from schemas.metering import Edit, RejectionRule
from streams.domain.channels import Cells
from streams.domain.minutes import Digest

OFFSET_BITS: Final = 44
EDIT_SEQUENCE: Final = 2**62 + 1
"""Above every sequence that a terminal can send."""

MAX_GENERATION: Final = 2**19 - 1


def place_of(offset: int, *, generation: int) -> int:
    """Return the place of a record among all there ever were of its topic.

    A topic that is made anew counts its offsets from 0 again; a higher generation keeps the order.

    >>> place_of(5, generation=0), place_of(0, generation=1) > place_of(10**12, generation=0)
    (5, True)
    """
    return (generation << OFFSET_BITS) + offset


def offset_of(place: int) -> int:
    """Return the offset of the record that has a place.

    >>> offset_of(place_of(5, generation=3))
    5
    """
    return place & ((1 << OFFSET_BITS) - 1)


class MeterList:
    """The meters of a frame, in its order; equal when these are.

    Attributes:
        ids: Their ids.
    """

    __slots__ = ("_hash", "ids")

    def __init__(self, ids: tuple[str, ...]) -> None:
        """Remember the hash: every frame is looked up by its meters."""
        self.ids: Final = ids
        self._hash: Final = hash(ids)

    @override
    def __hash__(self) -> int:
        return self._hash

    @override
    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, MeterList) and self.ids == other.ids)


class Frame(NamedTuple):
    """One community's accepted readings for one minute; a tuple, which is made fastest.

    Attributes:
        minute: Start of the minute, epoch seconds.
        sequence: The terminal's; -1 when it sent none.
        place: Where it stands in the source for ever: the topic's generation, then the offset.
        meters: Whom the columns of `cells` belong to.
        mask: Bit for each channel that `cells` has a row for.
        cells: (channel, meter), mWh, `MISSING` where not measured.
        digest: What they come to, if that is known already.
        first_place: Where its readings came first, and were refused; None: they come first here.
        edit: Who puts its readings right by hand; None: they are the terminal's.
    """

    community_id: str
    minute: int
    sequence: int
    place: int
    meters: MeterList
    mask: int
    cells: Cells
    digest: Digest | None = None
    first_place: int | None = None
    edit: Edit | None = None


class Block(NamedTuple):
    """The cells of many frames in one array.

    Attributes:
        cells: mWh of one frame after the other, each (channel, meter).
        shapes: (frame, 3): mask of its channels, number of its meters, where its cells begin.
    """

    cells: Cells
    shapes: Cells


@dataclass(frozen=True, slots=True)
class Rejection:
    """What one rule refused of one record.

    Attributes:
        offset: Place of the record in its partition.
        detail: The field, the value and the rule, for people.
        community_id: As far as it could be read.
        minute: As far as it could be read, epoch seconds.
        meters: The refused meters; empty when the whole frame is refused.
    """

    offset: int
    rule: RejectionRule
    detail: str
    community_id: str | None = None
    minute: int | None = None
    meters: tuple[str, ...] = field(default=())
