"""What is registered that validation judges by: limits, who is expected, the sun, the calendar."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from schemas.registry import Community
from schemas.units import MINUTE_S, PERIOD_MINUTES, PERIOD_S
from streams.domain.like_days import kind_of
from streams.domain.newest import take_newest
from streams.domain.rosters import Rosters, limits_of
from streams.domain.sun import elevation_deg
from streams.domain.validation import PeriodOfDay
from streams.domain.vee import MeterLimits, Thresholds

Mask = npt.NDArray[np.bool_]

UTC: Final = "UTC"
"""Whose zone is not registered has its days."""

_MINUTES: Final = np.arange(PERIOD_MINUTES) * MINUTE_S


class Premises(NamedTuple):
    """What a period of some meters is judged by.

    Attributes:
        limits: Of the meters.
        is_expected: (minute, meter), whether a reading is awaited.
        is_night: By minute; never without coordinates.
        calendar: Where the period stands in the community's days.
        thresholds: The community's.
    """

    limits: MeterLimits
    is_expected: Mask
    is_night: tuple[bool, ...]
    calendar: PeriodOfDay
    thresholds: Thresholds


class Registered:
    """Communities and households as registered. Not thread-safe."""

    def __init__(
        self,
        rosters: Rosters,
        *,
        thresholds: Thresholds,
        own_thresholds: Mapping[str, Thresholds] | None = None,
    ) -> None:
        """Begin with nobody.

        Args:
            rosters: Who is registered where.
            thresholds: Of every community without its own.
            own_thresholds: By community.
        """
        self.rosters: Final = rosters
        self._thresholds: Final = thresholds
        self._own: Final = own_thresholds or {}
        self._communities: dict[str, Community] = {}
        self._limits: dict[tuple[str, int], tuple[tuple[str, ...], object, MeterLimits]] = {}

    def take(self, community: Community) -> None:
        """Take note of a community; of several versions the highest stands."""
        take_newest(self._communities, community.community_id, community)

    def of(
        self, community_id: str, part: int, meters: tuple[str, ...], start: int, *, recent: Mask
    ) -> Premises:
        """Return what a period of some meters is judged by.

        Args:
            community_id: Whose meters.
            part: Which of its meters.
            meters: These.
            start: Of the period, epoch seconds.
            recent: By meter, whether it is expected where nobody is registered.
        """
        thresholds = self._own.get(community_id, self._thresholds)
        return Premises(
            self._limits_of(community_id, part, meters, start),
            self._expected(community_id, meters, start, recent),
            self._night(community_id, start, thresholds.night_elevation_deg),
            self.calendar(community_id, start),
            thresholds,
        )

    def calendar(self, community_id: str, start: int) -> PeriodOfDay:
        """Return where a period stands in its community's days."""
        community = self._communities.get(community_id)
        return _calendar(UTC if community is None else community.zone, start)

    def _limits_of(
        self, community_id: str, part: int, meters: tuple[str, ...], start: int
    ) -> MeterLimits:
        roster = self.rosters.at(community_id, start)
        known, its_roster, limits = self._limits.get((community_id, part), ((), None, None))
        if limits is None or its_roster is not roster or known != meters:
            stays = {} if roster is None else roster.stays
            limits = limits_of([stays.get(meter) for meter in meters])
            self._limits[community_id, part] = (meters, roster, limits)
        return limits

    def _expected(
        self, community_id: str, meters: tuple[str, ...], start: int, recent: Mask
    ) -> Mask:
        last = start + PERIOD_S - MINUTE_S
        rosters = {id(r): r for m in (start, last) if (r := self.rosters.at(community_id, m))}
        if not rosters:
            return np.broadcast_to(recent, (PERIOD_MINUTES, len(meters)))
        if len(rosters) == 1:
            (roster,) = rosters.values()
            there = np.array([meter in roster.stays for meter in meters], np.bool_)
            return np.broadcast_to(there, (PERIOD_MINUTES, len(meters)))
        found = np.zeros((PERIOD_MINUTES, len(meters)), np.bool_)
        for row in range(PERIOD_MINUTES):
            roster_then = self.rosters.at(community_id, start + row * MINUTE_S)
            if roster_then is not None:
                found[row] = [meter in roster_then.stays for meter in meters]
        return found

    def _night(self, community_id: str, start: int, below_deg: float) -> tuple[bool, ...]:
        community = self._communities.get(community_id)
        if community is None or community.latitude_deg is None or community.longitude_deg is None:
            return (False,) * PERIOD_MINUTES
        return _night(community.latitude_deg, community.longitude_deg, start, below_deg)


@lru_cache(maxsize=10_000)
def _night(
    latitude_deg: float, longitude_deg: float, start: int, below_deg: float
) -> tuple[bool, ...]:
    heights = elevation_deg(
        start + _MINUTES, latitude_deg=latitude_deg, longitude_deg=longitude_deg
    )
    return tuple((heights < below_deg).tolist())


@lru_cache(maxsize=10_000)
def _calendar(zone: str, start: int) -> PeriodOfDay:
    local = datetime.fromtimestamp(start, ZoneInfo(zone))
    number = (local.hour * 60 + local.minute) // PERIOD_MINUTES
    return PeriodOfDay(local.toordinal(), kind_of(local.weekday()), number)
