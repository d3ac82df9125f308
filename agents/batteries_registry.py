"""What the registry says that batteries need: who has one, and what each community's line bears."""

from typing import Final

from agents.registered import COMMUNITIES_AND_HOUSEHOLDS, entry_of
from schemas.registry import Community, Household
from sinks import battery_metrics as metrics
from streams.domain.batteries_communities import Registered
from streams.domain.newest import take_newest
from streams.domain.registry_stays import is_valid


class Registry:
    """The last version of each community, and of each stay of a household that has a battery.

    Attributes:
        topics: The names of those where they are told.
    """

    topics: Final = COMMUNITIES_AND_HOUSEHOLDS

    def __init__(self) -> None:
        """Begin with nobody."""
        self._communities: dict[str, Community] = {}
        self._versions: dict[tuple[str, str, int], int] = {}
        self._stays: dict[str, dict[tuple[str, int], Household]] = {}

    def take(self, topic: str, value: bytes) -> None:
        """Take a record of one of the topics; what can't be read is said and left out."""
        match entry_of(topic, value, malformed=metrics.MALFORMED.labels(topic)):
            case Community() as community:
                take_newest(self._communities, community.community_id, community)
            case Household() as stay:
                self._take_stay(stay)
            case _:
                return

    def of(self, community_id: str, at: int) -> Registered:
        """Return what is registered of a community at a time, epoch s."""
        community = self._communities.get(community_id)
        stays = self._stays.get(community_id, {}).values()
        return Registered(
            {
                stay.meter_id: stay.battery_wh
                for stay in stays
                if stay.battery_wh and is_valid(stay, at)
            },
            None if community is None else community.connection_limit_w,
        )

    def _take_stay(self, stay: Household) -> None:
        key = (stay.household_id, stay.valid_from)
        if self._versions.get((stay.community_id, *key), 0) >= stay.version:
            return
        stays = self._stays.setdefault(stay.community_id, {})
        if stay.battery_wh:
            self._versions[stay.community_id, *key] = stay.version
            stays[key] = stay
        elif stays.pop(key, None) is not None:
            # Of who never had one nothing is kept; a compacted topic has each in its order.
            self._versions[stay.community_id, *key] = stay.version
