"""A frame that passed the door, and what is said of one that did not."""

from dataclasses import dataclass, field

from schemas.metering import RejectionRule
from streams.domain.channels import Cells


@dataclass(frozen=True, slots=True)
class MeterList:
    """The meters of a frame, in its order."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One community's accepted readings for one minute.

    Attributes:
        minute: Start of the minute, epoch seconds.
        sequence: The terminal's; -1 when it sent none.
        offset: Place in the source partition.
        meters: Whom the columns of `cells` belong to.
        mask: Bit for each channel that `cells` has a row for.
        cells: (channel, meter), mWh, `MISSING` where not measured.
    """

    community_id: str
    minute: int
    sequence: int
    offset: int
    meters: MeterList
    mask: int
    cells: Cells


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
