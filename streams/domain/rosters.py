"""Who is registered where, and when: whose readings a community's minute waits for.

Compact, as a worker holds the stays of all households there are, and asks once for each frame.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from schemas.registry import Household
from streams.domain.frames import MeterList

ALWAYS: Final = 0
FOREVER: Final = 2**62
"""End of what is open, epoch seconds."""


class Stay(NamedTuple):
    """A meter's time in a community, [valid_from, valid_to) in epoch seconds."""

    meter_id: str
    valid_from: int
    valid_to: int
    version: int

    def holds_at(self, minute: int) -> bool:
        """Return whether it is there at a minute (epoch s)."""
        return self.valid_from <= minute < self.valid_to


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """The meters of a community, in the order of their names, and how long they are these.

    Attributes:
        meters: Whose readings are awaited.
        holds_from: The first minute of it, epoch seconds.
        holds_to: The first minute at which they are others, `FOREVER` for never.
    """

    meters: tuple[str, ...]
    holds_from: int
    holds_to: int
    _strangers: dict[MeterList, frozenset[str]] = field(default_factory=dict)

    def strangers(self, meters: MeterList) -> frozenset[str]:
        """Return who of a frame's meters is not in it."""
        found = self._strangers.get(meters)
        if found is None:
            found = self._strangers[meters] = frozenset(meters.ids).difference(self.meters)
        return found


NOBODY: Final = Roster((), ALWAYS, FOREVER)


class Rosters:
    """The rosters of all communities, from what is registered of households.

    Not thread-safe. An answer is the same object until something that it says has changed.
    """

    def __init__(self, *, learns: bool) -> None:
        """Begin with nobody; `learns` leaves a community that nobody is registered in alone.

        Its meters are then those that its frames name. Otherwise nobody is expected in it.
        """
        self._unregistered: Final = None if learns else NOBODY
        self._stays: dict[str, dict[tuple[str, int], Stay]] = {}
        self._homes: dict[str, set[str]] = {}
        self._latest: dict[str, Roster] = {}

    def take(self, household: Household) -> None:
        """Take note of a household's stay; of several versions the highest stands."""
        stays = self._stays.setdefault(household.community_id, {})
        name = (household.household_id, household.valid_from)
        known = stays.get(name)
        if known is not None and known.version >= household.version:
            return
        valid_to = FOREVER if household.valid_to is None else household.valid_to
        stays[name] = Stay(household.meter_id, household.valid_from, valid_to, household.version)
        self._homes.setdefault(household.meter_id, set()).add(household.community_id)
        self._latest.pop(household.community_id, None)

    def at(self, community_id: str, minute: int) -> Roster | None:
        """Return who is in a community at a minute (epoch s); None: whoever it names."""
        latest = self._latest.get(community_id)
        if latest is not None and latest.holds_from <= minute < latest.holds_to:
            return latest
        stays = self._stays.get(community_id)
        if stays is None:
            return self._unregistered
        found = self._latest[community_id] = roster(stays.values(), minute)
        return found

    def home_of(self, meter_id: str, minute: int) -> str | None:
        """Return the community that a meter is registered in at a minute (epoch s), if any."""
        for community_id in sorted(self._homes.get(meter_id, ())):
            stays = self._stays[community_id].values()
            if any(stay.meter_id == meter_id and stay.holds_at(minute) for stay in stays):
                return community_id
        return None


def roster(stays: Iterable[Stay], minute: int) -> Roster:
    """Return who of all that ever were in one community is there at a minute (epoch s)."""
    known = [stay for stay in stays if stay.valid_from != stay.valid_to]
    borders = sorted({border for stay in known for border in (stay.valid_from, stay.valid_to)})
    place = bisect_right(borders, minute)
    return Roster(
        meters=tuple(sorted(stay.meter_id for stay in known if stay.holds_at(minute))),
        holds_from=borders[place - 1] if place else ALWAYS,
        holds_to=borders[place] if place < len(borders) else FOREVER,
    )
