"""What the registry says that production needs: the plants, and what communities could shed."""

from typing import Final

from agents.registered import entry_of
from schemas.registry import Household, Plant
from schemas.units import MINUTE_S
from sinks import production_metrics as metrics
from streams import topics
from streams.domain.newest import take_newest
from streams.domain.production_evaluator import Surroundings
from streams.domain.registry_stays import is_valid

_FOR_S: Final = 10 * MINUTE_S


class Registry:
    """The last version of each plant and household.

    Attributes:
        topics: The names of those where they are told.
    """

    topics: Final = (topics.REGISTRY_PLANTS.name, topics.REGISTRY_HOUSEHOLDS.name)

    def __init__(self) -> None:
        """Begin with nothing."""
        self._plants: dict[str, Plant] = {}
        self._households: dict[tuple[str, str, int], Household] = {}
        self._sheddable: dict[str, int] = {}
        self._at: int | None = None

    def take(self, topic: str, value: bytes) -> None:
        """Take a record of one of the topics; what can't be read is said and left out."""
        match entry_of(topic, value, malformed=metrics.MALFORMED.labels(topic)):
            case Plant() as plant:
                take_newest(self._plants, plant.plant_id, plant)
            case Household() as stay:
                key = (stay.community_id, stay.household_id, stay.valid_from)
                if take_newest(self._households, key, stay):
                    self._at = None
            case _:
                pass

    def plant(self, plant_id: str, *, minute: int) -> Plant | None:
        """Return a plant as registered for a minute, None when it is not."""
        plant = self._plants.get(plant_id)
        if plant is None or not is_valid(plant, minute):
            return None
        return plant

    def around(self, minute: int) -> Surroundings:
        """Return the plants and what each community could shed, as registered for a minute."""
        # Thousands of households: what they come to is good for a while.
        at = minute - minute % _FOR_S
        if self._at != at:
            self._at, self._sheddable = at, {}
            for household in self._households.values():
                if household.flexible_w and is_valid(household, minute):
                    name = household.community_id
                    self._sheddable[name] = self._sheddable.get(name, 0) + household.flexible_w
        return Surroundings(self._plants, self._sheddable)
