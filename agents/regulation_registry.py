"""What the registry says that regulation needs: limits, and who has something to switch."""

from typing import Final

from agents.registered import COMMUNITIES_AND_HOUSEHOLDS, entry_of
from schemas.registry import Community, Household
from sinks import regulation_metrics as metrics
from streams.domain.newest import take_newest
from streams.domain.registry_stays import is_valid
from streams.domain.regulation import Flexible, Registered

_FOR_S: Final = 900


class Registry:
    """The last version of each community and of each household's stays.

    Attributes:
        topics: The names of those where they are told.
    """

    topics: Final = COMMUNITIES_AND_HOUSEHOLDS

    def __init__(self) -> None:
        """Begin with nobody."""
        self._communities: dict[str, Community] = {}
        self._stays: dict[str, dict[tuple[str, int], Household]] = {}
        self._known: dict[str, tuple[int, Registered]] = {}

    def take(self, topic: str, value: bytes) -> None:
        """Take a record of one of the topics; what can't be read is said and left out."""
        entry = entry_of(topic, value, malformed=metrics.MALFORMED.labels(topic))
        match entry:
            case Community():
                take_newest(self._communities, entry.community_id, entry)
            case Household():
                stays = self._stays.setdefault(entry.community_id, {})
                take_newest(stays, (entry.household_id, entry.valid_from), entry)
            case _:
                return
        self._known.pop(entry.community_id, None)

    def of(self, community_id: str, at: int) -> Registered:
        """Return what is registered of a community at a time, epoch seconds.

        To the quarter-hour: whoever moves in the middle of one is known from the next one on.
        """
        quarter = at - at % _FOR_S
        known = self._known.get(community_id)
        if known is None or known[0] != quarter:
            known = self._known[community_id] = (quarter, self._at(community_id, at))
        return known[1]

    def _at(self, community_id: str, at: int) -> Registered:
        community = self._communities.get(community_id)
        here = [stay for stay in self._stays.get(community_id, {}).values() if is_valid(stay, at)]
        is_there = community is not None and is_valid(community, at)
        return Registered(
            community.connection_limit_w if community is not None and is_there else None,
            "UTC" if community is None else community.zone,
            {
                stay.meter_id: Flexible(stay.flexible_w, stay.contract_power_w)
                for stay in here
                if stay.flexible_w
            },
            {
                stay.meter_id: stay.contract_power_w
                for stay in here
                if stay.contract_power_w is not None
            },
        )
