"""Who is registered where, and when: whose readings a community's minute waits for.

Compact, as a worker holds the stays of all households there are, and asks once for each frame.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from schemas.registry import MAX_POWER_W, MAX_STORE_WH, Household
from streams.domain.channels import Cells
from streams.domain.frames import MeterList
from streams.domain.vee import MeterLimits, Thresholds

ALWAYS: Final = 0
LISTS_A_STAY: Final = 8
"""How often a roster remembers each of its meters, in the lists that frames have named. Terminals
name the same few lists; whoever makes lists up is no reason to remember more."""

MWH_A_WH: Final = 1000
FOREVER: Final = 2**62
"""End of what is open, epoch seconds."""


class Stay(NamedTuple):
    """A meter's time in a community, [valid_from, valid_to) in epoch seconds, and its limits.

    Without an agreed contract power it is the largest there is; without panels or a battery theirs
    is 0, and so is a register's maximum that is not known.
    """

    meter_id: str
    valid_from: int
    valid_to: int
    version: int
    contract_power_w: int
    pv_peak_w: int
    battery_wh: int
    register_maximum_wh: int

    def holds_at(self, minute: int) -> bool:
        """Return whether it is there at a minute (epoch s)."""
        return self.valid_from <= minute < self.valid_to


ANYTHING: Final = (MAX_POWER_W, MAX_POWER_W, MAX_STORE_WH, 0)
"""What a meter may tell that nothing is registered of."""


def limits_of(stays: Sequence[Stay | None]) -> MeterLimits:
    """Return what is known of meters, in their order; None: nothing is registered."""
    rows = [
        ANYTHING
        if stay is None
        else (stay.contract_power_w, stay.pv_peak_w, stay.battery_wh, stay.register_maximum_wh)
        for stay in stays
    ]
    contract, sun, battery, register = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return MeterLimits(
        contract_power_w=contract,
        pv_peak_w=sun,
        battery_capacity_mwh=battery * MWH_A_WH,
        register_maximum_mwh=register * MWH_A_WH,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Admittance:
    """What a roster says of the meters that a frame names.

    Attributes:
        strangers: Who is not in it.
        places: Where in the frame those are who are in it.
        meters: These.
        caps: (channel, meter) mWh, the most that a minute of theirs may have.
    """

    strangers: frozenset[str]
    places: tuple[int, ...]
    meters: MeterList
    caps: Cells


@dataclass(slots=True, eq=False)
class Roster:
    """The meters of a community, and how long they are these. What it says never changes.

    Attributes:
        stays: By meter, in the order of their names.
        holds_from: The first minute of it, epoch seconds.
        holds_to: The first minute at which they are others, `FOREVER` for never.
        thresholds: What their limits are worked out with.
    """

    stays: dict[str, Stay]
    holds_from: int
    holds_to: int
    thresholds: Thresholds
    _known: dict[MeterList, Admittance] = field(default_factory=dict)
    _remembered: int = 0
    _latest: tuple[MeterList | None, Admittance | None] = (None, None)

    @property
    def meters(self) -> tuple[str, ...]:
        """Whose readings are awaited."""
        return tuple(self.stays)

    def of(self, meters: MeterList) -> Admittance:
        """Return what it says of a frame's meters."""
        # Nearly always the very same object: looking it up by its hash takes longer.
        known, found = self._latest
        if known is not meters or found is None:
            found = self._known.get(meters)
            if found is None:
                found = self._judge(meters)
                if not self._remember(meters, found):
                    return found
            self._latest = (meters, found)
        return found

    def _remember(self, meters: MeterList, found: Admittance) -> bool:
        """Remember what was said of a list, and say so, unless the list is longer than is sound."""
        size, most = len(meters.ids), LISTS_A_STAY * len(self.stays)
        if size > most:
            return False
        if self._remembered + size > most:
            self._known.clear()
            self._remembered = 0
        self._known[meters] = found
        self._remembered += size
        return True

    def _judge(self, meters: MeterList) -> Admittance:
        places = tuple(place for place, meter in enumerate(meters.ids) if meter in self.stays)
        known = tuple(meters.ids[place] for place in places)
        limits = limits_of([self.stays[meter] for meter in known])
        return Admittance(
            frozenset(meters.ids).difference(known),
            places,
            MeterList(known) if len(known) < len(meters.ids) else meters,
            np.ascontiguousarray(limits.minute_caps(self.thresholds)),
        )


class Rosters:
    """The rosters of all communities, from what is registered of households.

    Not thread-safe. An answer is the same object until something that it says has changed.
    """

    def __init__(self, *, learns: bool, thresholds: Thresholds | None = None) -> None:
        """Begin with nobody; `learns` leaves a community that nobody is registered in alone.

        Its meters are then those that its frames name. Otherwise nobody is expected in it.
        """
        self._thresholds: Final = thresholds or Thresholds()
        nobody = Roster({}, ALWAYS, FOREVER, self._thresholds)
        self._unregistered: Final = None if learns else nobody
        self._stays: dict[str, dict[tuple[str, int], Stay]] = {}
        self._homes: dict[str, tuple[str, ...]] = {}
        self._latest: dict[str, Roster] = {}
        self._numbers: dict[int, int] = {}
        self._home_lists: dict[tuple[str, ...], tuple[str, ...]] = {}

    def take(self, household: Household) -> None:
        """Take note of a household's stay; of several versions the highest stands."""
        stays = self._stays.setdefault(household.community_id, {})
        name = (household.household_id, household.valid_from)
        known = stays.get(name)
        if known is not None and known.version >= household.version:
            return
        valid_to = FOREVER if household.valid_to is None else household.valid_to
        contract_w = household.contract_power_w
        numbers = (
            household.valid_from,
            valid_to,
            household.version,
            MAX_POWER_W if contract_w is None else contract_w,
            household.pv_peak_w or 0,
            household.battery_wh or 0,
            household.register_maximum_wh or 0,
        )
        # Millions of households have few different numbers: each is kept once.
        same = self._numbers
        stays[name] = Stay(
            household.meter_id, *[same.setdefault(number, number) for number in numbers]
        )
        homes = self._homes.get(household.meter_id, ())
        if household.community_id not in homes:
            more = (*homes, household.community_id)
            self._homes[household.meter_id] = self._home_lists.setdefault(more, more)
        self._latest.pop(household.community_id, None)

    def at(self, community_id: str, minute: int) -> Roster | None:
        """Return who is in a community at a minute (epoch s); None: whoever it names."""
        latest = self._latest.get(community_id)
        if latest is not None and latest.holds_from <= minute < latest.holds_to:
            return latest
        stays = self._stays.get(community_id)
        if stays is None:
            return self._unregistered
        found = self._latest[community_id] = roster(
            stays.values(), minute, thresholds=self._thresholds
        )
        return found

    def home_of(self, meter_id: str, minute: int) -> str | None:
        """Return the community that a meter is registered in at a minute (epoch s), if any."""
        for community_id in self._homes.get(meter_id, ()):
            there = self.at(community_id, minute)
            if there is not None and meter_id in there.stays:
                return community_id
        return None


def roster(stays: Iterable[Stay], minute: int, *, thresholds: Thresholds) -> Roster:
    """Return who of all that ever were in one community is there at a minute (epoch s)."""
    known = [stay for stay in stays if stay.valid_from != stay.valid_to]
    borders = sorted({border for stay in known for border in (stay.valid_from, stay.valid_to)})
    place = bisect_right(borders, minute)
    there = sorted((stay.meter_id, stay) for stay in known if stay.holds_at(minute))
    return Roster(
        stays=dict(there),
        holds_from=borders[place - 1] if place else ALWAYS,
        holds_to=borders[place] if place < len(borders) else FOREVER,
        thresholds=thresholds,
    )
