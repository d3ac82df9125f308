"""What the registry says that tickets need: who mends whose faults, and which communities ended."""

import logging
from typing import Final

from schemas.registry import Community, Technician
from sinks import malfunction_metrics as metrics
from streams import topics
from streams.codecs.registry import UnreadableEntryError, decode
from streams.domain.malfunction_communities import Registered
from streams.domain.malfunction_tickets import technician_of

logger = logging.getLogger(__name__)

_FOR_S: Final = 60.0


class Registry:
    """The last version of each technician and community.

    Attributes:
        topics: Where they are told.
    """

    topics: Final = (topics.REGISTRY_TECHNICIANS, topics.REGISTRY_COMMUNITIES)

    def __init__(self) -> None:
        """Begin with nobody."""
        self._technicians: dict[str, Technician] = {}
        self._communities: dict[str, Community] = {}
        self._known: dict[str, Registered] = {}
        self._known_until = 0.0

    def take(self, topic: str, value: bytes) -> None:
        """Take a record of one of the topics; what can't be read is said and left out."""
        kind = "technician" if topic == topics.REGISTRY_TECHNICIANS.name else "community"
        try:
            entry = decode(kind, value)
        except UnreadableEntryError as error:
            metrics.MALFORMED.labels(topic).inc()
            logger.error("a record of %s is left out: %s", topic, error)  # noqa: TRY400 - a line
            return
        match entry:
            case Technician():
                known = self._technicians.get(entry.technician_id)
                if known is None or known.version < entry.version:
                    self._technicians[entry.technician_id] = entry
            case Community():
                before = self._communities.get(entry.community_id)
                if before is None or before.version < entry.version:
                    self._communities[entry.community_id] = entry
            case _:
                return
        self._known.clear()

    def of(self, community_id: str, *, now: float) -> Registered:
        """Return what is registered of a community at `now`, epoch seconds."""
        if now >= self._known_until:
            # Somebody may have begun, or left, in the meantime.
            self._known_until = now + _FOR_S
            self._known.clear()
        known = self._known.get(community_id)
        if known is None:
            community = self._communities.get(community_id)
            known = self._known[community_id] = Registered(
                technician_of(community_id, self._technicians.values(), now=now),
                None if community is None else community.valid_to,
            )
        return known
