"""A community as its frames have shown it: its meters, who is expected, and its open minutes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from streams.domain.channels import MISSING, Cells
from streams.domain.frames import MeterList
from streams.domain.minutes import Minute

HOUR_S: Final = 3600
NEVER: Final = -(10**12)


@dataclass(slots=True, eq=False)
class Roster:
    """Meters that frames name together.

    Attributes:
        places: Their places among the community's meters; None when these are the first ones.
        size: How many they are.
        first_named: First minute that named them.
        last_named: Newest minute that named them.
    """

    places: tuple[int, ...] | None
    size: int
    first_named: int
    last_named: int

    def members(self) -> Iterable[int]:
        """Return their places among the community's meters."""
        return range(self.size) if self.places is None else self.places


@dataclass(slots=True, eq=False)
class Community:
    """What is kept in memory of one community; the rest is in the tables.

    Attributes:
        meters: Every meter it has named, in the order of appearance; positions never change.
        last_named: Newest minute that named each of them, as of the last settled period.
        newest: Newest minute of an accepted frame.
        settled_before: Every period that starts earlier is closed and out of memory.
        kept_from: No minute before it is in the table any more.
        minutes: The known minutes from there on.
    """

    meters: list[str] = field(default_factory=list)
    last_named: list[int] = field(default_factory=list)
    newest: int = NEVER
    settled_before: int = NEVER
    kept_from: int = NEVER
    minutes: dict[int, Minute] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    rosters: dict[MeterList, Roster] = field(default_factory=dict)

    def remember_roster(self) -> None:
        """Write down when each meter was last named, and forget rosters older than an hour."""
        for meters, roster in list(self.rosters.items()):
            for place in roster.members():
                self.last_named[place] = max(self.last_named[place], roster.last_named)
            if roster.last_named <= self.newest - HOUR_S:
                del self.rosters[meters]


def is_complete(community: Community, start: int, minute: Minute) -> bool:
    """Say whether every meter named in the hour up to this minute has reported it."""
    reported = minute.reported
    n_first = minute.cells.shape[1]
    for roster in community.rosters.values():
        if not roster.first_named <= start < roster.last_named + HOUR_S:
            continue
        if reported is None:
            if roster.places is None and roster.size <= n_first:
                continue
            reported = frozenset(range(n_first))
        if not reported.issuperset(roster.members()):
            return False
    return True


def reported_by(minute: Minute | None, roster: Roster) -> frozenset[int] | None:
    """Return who has reported a minute once this roster has; None: all of the first meters."""
    if minute is None:
        return None if roster.places is None else frozenset(roster.places)
    if minute.reported is None and roster.places is None:
        return None
    before = range(minute.cells.shape[1]) if minute.reported is None else minute.reported
    return frozenset(before).union(roster.members())


def scatter(cells: Cells, roster: Roster, n_meters: int) -> Cells:
    """Put a frame's columns at its meters' places among the community's."""
    if roster.places is None:
        return cells
    wide = np.full((cells.shape[0], n_meters), MISSING, dtype=cells.dtype)
    wide[:, list(roster.places)] = cells
    return wide
