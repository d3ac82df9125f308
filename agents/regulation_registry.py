"""What the registry says that regulation needs: limits, and who has something to switch."""

import logging
from typing import Final

from schemas.registry import Community, Household, Validity
from sinks import regulation_metrics as metrics
from streams import topics
from streams.codecs.registry import UnreadableEntryError, decode
from streams.domain.regulation import Flexible, Registered

logger = logging.getLogger(__name__)

_KINDS: Final = {
    topics.REGISTRY_COMMUNITIES.name: "community",
    topics.REGISTRY_HOUSEHOLDS.name: "household",
}
_FOR_S: Final = 900


class Registry:
    """The last version of each community and of each household's stays.

    Attributes:
        topics: Where they are told.
    """

    topics: Final = tuple(_KINDS)

    def __init__(self) -> None:
        """Begin with nobody."""
        self._communities: dict[str, Community] = {}
        self._stays: dict[str, dict[tuple[str, int], Household]] = {}
        self._known: dict[str, tuple[int, Registered]] = {}

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
                stays = self._stays.setdefault(entry.community_id, {})
                stay = (entry.household_id, entry.valid_from)
                known = stays.get(stay)
                if known is None or known.version < entry.version:
                    stays[stay] = entry
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
        here = [stay for stay in self._stays.get(community_id, {}).values() if _holds(stay, at)]
        is_there = community is not None and _holds(community, at)
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


def _holds(entry: Validity, at: int) -> bool:
    return entry.valid_from <= at and (entry.valid_to is None or at < entry.valid_to)
