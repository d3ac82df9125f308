"""Power plants: limits, ramps, what wind and sun let them give, and trips."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from load_generator.fleet import Index
from schemas.registry import Plant

PLANT_STREAM: Final = 10
NO_ORDER: Final = -1
MINUTES_A_DAY: Final = 1440

Source = Literal["biomass", "coal", "gas", "hydro", "solar", "wind"]


class PlantKind(NamedTuple):
    """A kind of plant: its share of the grid's capacity and what it can do of its own capacity.

    `minimum` and `ramp` (a minute) are shares of the capacity.
    """

    name: str
    source: Source
    share: float
    minimum: float
    ramp: float
    cost_eur_per_mwh: float
    co2_g_per_kwh: int


KINDS: Final = (
    PlantKind("solar-park", "solar", 0.10, 0.0, 1.0, 0.0, 0),
    PlantKind("wind-farm", "wind", 0.15, 0.0, 1.0, 0.0, 0),
    PlantKind("run-of-river", "hydro", 0.15, 0.0, 0.25, 8.0, 0),
    PlantKind("biomass", "biomass", 0.15, 0.3, 0.04, 55.0, 40),
    PlantKind("coal", "coal", 0.25, 0.4, 0.03, 70.0, 900),
    PlantKind("gas-combined", "gas", 0.35, 0.3, 0.06, 85.0, 370),
    PlantKind("gas-turbine", "gas", 0.25, 0.1, 0.20, 140.0, 560),
)
"""Together 1.4 times the grid's peak: enough without sun and wind, and with one plant away."""


@dataclass(frozen=True)
class Plants:
    """The grid's plants; arrays are by plant, power in W."""

    ids: tuple[str, ...]
    sources: tuple[Source, ...]
    capacity_w: Index
    minimum_w: Index
    ramp_w: Index
    """A minute."""
    cost_eur_per_mwh: NDArray[np.float64]
    co2_g_per_kwh: Index

    @classmethod
    def for_peak(cls, peak_w: int) -> "Plants":
        """Return plants for a grid that draws at most about so much."""
        capacity = np.array([round(kind.share * peak_w) for kind in KINDS])
        return cls(
            ids=tuple(kind.name for kind in KINDS),
            sources=tuple(kind.source for kind in KINDS),
            capacity_w=capacity,
            minimum_w=(capacity * [kind.minimum for kind in KINDS]).astype(np.int64),
            ramp_w=(capacity * [kind.ramp for kind in KINDS]).astype(np.int64),
            cost_eur_per_mwh=np.array([kind.cost_eur_per_mwh for kind in KINDS]),
            co2_g_per_kwh=np.array([kind.co2_g_per_kwh for kind in KINDS]),
        )

    def available_w(self, sun: float, wind: float) -> Index:
        """Return what each could give with so much sun and wind, as shares of their best."""
        share: dict[Source, float] = {"solar": sun, "wind": wind}
        shares = np.array([share.get(source, 1.0) for source in self.sources])
        power: Index = (self.capacity_w * np.clip(shares, 0, 1)).astype(np.int64)
        return power


@dataclass(frozen=True)
class Running:
    """What the plants do: `production_w`, and from when on each is back, epoch s (0: it runs)."""

    production_w: Index
    back_at: Index
    target_w: Index

    @classmethod
    def at(cls, production_w: Index) -> "Running":
        """Return plants that run at these powers."""
        return cls(production_w, np.zeros_like(production_w), production_w)


@dataclass(frozen=True)
class Trips:
    """How often plants trip, a plant and day, and for how long.

    `told` are plants and minutes in which they do so whatever chance says.
    """

    a_day: float = 0.0
    minutes: int = 90
    told: frozenset[tuple[str, int]] = frozenset()

    def tripping(self, plants: Plants, seed: int, minute: int) -> NDArray[np.bool_]:
        """Return which plants trip in a minute."""
        rng = np.random.default_rng([seed, PLANT_STREAM, minute])
        by_chance = rng.random(len(plants.ids)) < self.a_day / MINUTES_A_DAY
        told = np.array([(plant, minute) in self.told for plant in plants.ids], np.bool_)
        return np.logical_or(by_chance, told)


def run(  # noqa: PLR0913 - a minute is said by as many
    plants: Plants,
    before: Running,
    *,
    minute: int,
    ordered_w: Index,
    available_w: Index,
    tripping: NDArray[np.bool_],
    out_minutes: int,
) -> Running:
    """Return the plants after a minute.

    Each moves towards its last order by at most its ramp, and never beyond what is available; told
    less than its minimum it goes off. One that tripped is off at once, and comes back by its ramp.
    """
    out = tripping | (before.back_at > minute)
    back_at = np.where(tripping, minute + out_minutes * 60, before.back_at)
    target = np.where(ordered_w == NO_ORDER, before.target_w, ordered_w)
    target = np.where(target < plants.minimum_w, 0, target)
    wanted = np.minimum(target, available_w)
    moved = np.clip(
        wanted, before.production_w - plants.ramp_w, before.production_w + plants.ramp_w
    )
    production = np.where(out, 0, np.minimum(moved, available_w))
    return Running(production, back_at, target)


def registered_plants(plants: Plants, *, version: int) -> Iterator[Plant]:
    """Yield plants as a supplier would register them."""
    for place, plant in enumerate(plants.ids):
        yield Plant(
            plant_id=plant,
            version=version,
            valid_from=0,
            source=plants.sources[place],
            capacity_w=int(plants.capacity_w[place]),
            minimum_w=int(plants.minimum_w[place]),
            ramp_w_per_minute=int(plants.ramp_w[place]),
            cost_eur_per_mwh=Decimal(str(plants.cost_eur_per_mwh[place])),
            co2_g_per_kwh=int(plants.co2_g_per_kwh[place]),
        )
