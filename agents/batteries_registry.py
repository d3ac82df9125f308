"""What the registry says that batteries need: who has one, and what each community's line bears."""

import logging
from typing import Final

from schemas.registry import Community, Household
from sinks import battery_metrics as metrics
from streams import topics
from streams.codecs.registry import UnreadableEntryError, decode
from streams.domain.batteries_communities import Registered

logger = logging.getLogger(__name__)

_KINDS: Final = {
    topics.REGISTRY_COMMUNITIES.name: "community",
    topics.REGISTRY_HOUSEHOLDS.name: "household",
}


class Registry:
    """The last version of each community, and of each stay of a household that has a battery.

    Attributes:
        topics: Where they are told.
    """

    topics: Final = tuple(_KINDS)

    def __init__(self) -> None:
        """Begin with nobody."""
        self._communities: dict[str, Community] = {}
        self._versions: dict[tuple[str, str, int], int] = {}
        self._stays: dict[str, dict[tuple[str, int], Household]] = {}

    def take(self, topic: str, value: bytes) -> None:
        """Take a record of one of the topics; what can't be read is said and left out."""
        try:
            entry = decode(_KINDS[topic], value)
        except UnreadableEntryError as error:
            metrics.MALFORMED.labels(topic).inc()
            logger.error("a record of %s is left out: %s", topic, error)  # noqa: TRY400 - a line
            return
        match entry:
            case Community():
                before = self._communities.get(entry.community_id)
                if before is None or before.version < entry.version:
                    self._communities[entry.community_id] = entry
            case Household():
                self._take_stay(entry)
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
                if stay.battery_wh
                and stay.valid_from <= at
                and (stay.valid_to is None or at < stay.valid_to)
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
