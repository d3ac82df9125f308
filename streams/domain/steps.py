"""What a batch of frames causes, as plain values."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.domain.communities import Community
from streams.domain.frames import Frame, Rejection
from streams.domain.minutes import Effect, Minute


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """A settlement period to be told: its known minutes, in order.

    Attributes:
        starts: Of the minutes, epoch seconds.
    """

    community_id: str
    start: int
    meters: Sequence[str]
    starts: Sequence[int]
    minutes: Sequence[Minute]

    @property
    def version(self) -> int:
        """The newest of its minutes' versions."""
        return max(minute.version for minute in self.minutes)


@dataclass(slots=True)
class Tally:
    """What a batch held, counted."""

    frames: int = 0
    readings: int = 0
    duplicates: int = 0
    corrections: int = 0
    late: int = 0
    minutes_closed: int = 0
    minutes_reopened: int = 0
    periods_closed: int = 0
    periods_reopened: int = 0

    def count(self, effect: Effect) -> None:
        """Count what a further frame did to a known minute."""
        match effect:
            case Effect.NOTHING | Effect.RANK:
                self.duplicates += 1
            case Effect.CORRECTED:
                self.corrections += 1
            case Effect.ADDED:
                pass


@dataclass(slots=True)
class Step:
    """What a batch causes: a plain value that delivery makes true as a whole or not at all.

    Attributes:
        minutes: Records of the minutes table to write.
        communities: Records of the communities table to write.
        expired: Minutes to delete after that, (community, start).
        closed_minutes: To be told to the world, by (community, start).
        edits: Frames in which readings were put right by hand.
    """

    minutes: dict[tuple[str, int], Minute] = field(default_factory=dict)
    communities: dict[str, Community] = field(default_factory=dict)
    expired: list[tuple[str, int]] = field(default_factory=list)
    closed_minutes: dict[tuple[str, int], Minute] = field(default_factory=dict)
    closed_periods: list[ClosedPeriod] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    edits: list[Frame] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
