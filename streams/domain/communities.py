"""A community as its frames have shown it: its meters, who is expected, and its open minutes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from streams.domain.channels import CONSUMPTION, MISSING, Cells
from streams.domain.frames import MeterList
from streams.domain.minutes import Minute
from streams.domain.rosters import Roster

HOUR_S: Final = 3600
NEVER: Final = -(10**12)
NOWHERE: Final = -1


@dataclass(slots=True, eq=False)
class Naming:
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

    def is_everyone(self, community: "Community") -> bool:
        """Say whether these are all meters of the community."""
        return self.places is None and self.size == len(community.meters)

    def members(self) -> Iterable[int]:
        """Return their places among the community's meters."""
        return range(self.size) if self.places is None else self.places


class Expected(NamedTuple):
    """Where the meters of a roster stand among a community's.

    Attributes:
        among: How many meters the community had then.
        places: Of the roster's meters; None when one of them was never named.
        end: After the last of them.
    """

    roster: Roster
    among: int
    places: frozenset[int] | None
    end: int


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
        latest: The naming of the last frame, with its meters.
    """

    meters: list[str] = field(default_factory=list)
    last_named: list[int] = field(default_factory=list)
    newest: int = NEVER
    settled_before: int = NEVER
    kept_from: int = NEVER
    minutes: dict[int, Minute] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    namings: dict[MeterList, Naming] = field(default_factory=dict)
    latest: tuple[MeterList | None, Naming | None] = (None, None)
    _expected: Expected | None = None

    def expected(self, roster: Roster) -> Expected:
        """Return where the meters of a roster stand."""
        known = self._expected
        if known is None or known.roster is not roster or known.among != len(self.meters):
            places = {self.places.get(meter, NOWHERE) for meter in roster.meters}
            found = None if NOWHERE in places else frozenset(places)
            known = Expected(roster, len(self.meters), found, max(places, default=NOWHERE) + 1)
            self._expected = known
        return known

    def remember_namings(self) -> None:
        """Write down when each meter was last named, and forget namings older than an hour."""
        for meters, naming in list(self.namings.items()):
            if naming.is_everyone(self) and max(self.last_named) <= naming.last_named:
                self.last_named = [naming.last_named] * naming.size
            else:
                for place in naming.members():
                    self.last_named[place] = max(self.last_named[place], naming.last_named)
            if naming.last_named <= self.newest - HOUR_S:
                del self.namings[meters]
                self.latest = (None, None)


def is_complete(community: Community, start: int, minute: Minute, roster: Roster | None) -> bool:
    """Say whether all have reported a minute: the roster, or who was named in the hour up to it."""
    if roster is not None:
        return _has_all(community.expected(roster), minute)
    reported = minute.reported
    n_first = minute.cells.shape[1]
    for naming in community.namings.values():
        if not naming.first_named <= start < naming.last_named + HOUR_S:
            continue
        if reported is None:
            if naming.places is None and naming.size <= n_first:
                continue
            reported = frozenset(range(n_first))
        if not reported.issuperset(naming.members()):
            return False
    return True


def _has_all(expected: Expected, minute: Minute) -> bool:
    if expected.places is None:
        return False
    if minute.reported is None:
        return bool(expected.end <= minute.cells.shape[1])
    return minute.reported.issuperset(expected.places)


def missing_of(community: Community, minute: Minute, roster: Roster | None) -> tuple[str, ...]:
    """Return who of a roster has no consumption in a minute; nobody without a roster."""
    if roster is None or (
        minute.digest is not None and minute.digest.reported == len(roster.stays)
    ):
        return ()
    has_row = minute.mask >> CONSUMPTION & 1
    consumption = minute.cells[0].tolist() if has_row else ()
    known = {community.meters[place] for place, wh in enumerate(consumption) if wh != MISSING}
    return tuple(meter for meter in roster.meters if meter not in known)


def reported_by(minute: Minute | None, naming: Naming) -> frozenset[int] | None:
    """Return who has reported a minute once this naming has; None: all of the first meters."""
    if minute is None:
        return None if naming.places is None else frozenset(naming.places)
    if minute.reported is None and naming.places is None:
        return None
    before = range(minute.cells.shape[1]) if minute.reported is None else minute.reported
    return frozenset(before).union(naming.members())


def scatter(cells: Cells, naming: Naming, n_meters: int) -> Cells:
    """Put a frame's columns at its meters' places among the community's."""
    if naming.places is None:
        return cells
    wide = np.full((cells.shape[0], n_meters), MISSING, dtype=cells.dtype)
    wide[:, list(naming.places)] = cells
    return wide
