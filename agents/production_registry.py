"""What the registry says that production needs: the plants, and what communities could shed."""

import logging
from typing import Final

from schemas.registry import Household, Plant
from schemas.units import MINUTE_S
from sinks import production_metrics as metrics
from streams import topics
from streams.codecs.registry import UnreadableEntryError, decode
from streams.domain.production_evaluator import Surroundings

logger = logging.getLogger(__name__)

_FOR_S: Final = 10 * MINUTE_S


class Registry:
    """The last version of each plant and household.

    Attributes:
        topics: Where they are told.
    """

    topics: Final = (topics.REGISTRY_PLANTS, topics.REGISTRY_HOUSEHOLDS)

    def __init__(self) -> None:
        """Begin with nothing."""
        self._plants: dict[str, Plant] = {}
        self._households: dict[tuple[str, str, int], Household] = {}
        self._sheddable: dict[str, int] = {}
        self._at: int | None = None

    def take(self, topic: str, value: bytes) -> None:
        """Take a record of one of the topics; what can't be read is said and left out."""
        kind = "plant" if topic == topics.REGISTRY_PLANTS.name else "household"
        try:
            entry = decode(kind, value)
        except UnreadableEntryError as error:
            metrics.MALFORMED.labels(topic).inc()
            logger.error("a record of %s is left out: %s", topic, error)  # noqa: TRY400 - a line
            return
        match entry:
            case Plant():
                known = self._plants.get(entry.plant_id)
                if known is None or known.version < entry.version:
                    self._plants[entry.plant_id] = entry
            case Household():
                key = (entry.community_id, entry.household_id, entry.valid_from)
                before = self._households.get(key)
                if before is None or before.version < entry.version:
                    self._households[key] = entry
                    self._at = None
            case _:
                pass

    def plant(self, plant_id: str, *, minute: int) -> Plant | None:
        """Return a plant as registered for a minute, None when it is not."""
        plant = self._plants.get(plant_id)
        if plant is None or not _holds(plant, minute):
            return None
        return plant

    def around(self, minute: int) -> Surroundings:
        """Return the plants and what each community could shed, as registered for a minute."""
        # Thousands of households: what they come to is good for a while.
        at = minute - minute % _FOR_S
        if self._at != at:
            self._at, self._sheddable = at, {}
            for household in self._households.values():
                if household.flexible_w and _holds(household, minute):
                    name = household.community_id
                    self._sheddable[name] = self._sheddable.get(name, 0) + household.flexible_w
        return Surroundings(self._plants, self._sheddable)


def _holds(entry: Plant | Household, minute: int) -> bool:
    return entry.valid_from <= minute and (entry.valid_to is None or minute < entry.valid_to)
