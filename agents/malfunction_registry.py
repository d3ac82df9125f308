"""What the registry says that tickets need: who mends whose faults, and which communities ended."""

from typing import Final

from agents.registered import entry_of
from schemas.registry import Community, Technician
from sinks import malfunction_metrics as metrics
from streams import topics
from streams.domain.malfunction_communities import Registered
from streams.domain.malfunction_tickets import technician_of
from streams.domain.newest import take_newest

_FOR_S: Final = 60.0


class Registry:
    """The last version of each technician and community.

    Attributes:
        topics: The names of those where they are told.
    """

    topics: Final = (topics.REGISTRY_TECHNICIANS.name, topics.REGISTRY_COMMUNITIES.name)

    def __init__(self) -> None:
        """Begin with nobody."""
        self._technicians: dict[str, Technician] = {}
        self._communities: dict[str, Community] = {}
        self._known: dict[str, Registered] = {}
        self._known_until = 0.0

    def take(self, topic: str, value: bytes) -> None:
        """Take a record of one of the topics; what can't be read is said and left out."""
        match entry_of(topic, value, malformed=metrics.MALFORMED.labels(topic)):
            case Technician() as technician:
                take_newest(self._technicians, technician.technician_id, technician)
            case Community() as community:
                take_newest(self._communities, community.community_id, community)
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
