"""A grid of plants that answer, for scenarios of the evaluator: each minute is told and decided."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from schemas.energy_balance import GridMinute
from schemas.production import PlantMinute, ProductionOrder
from schemas.registry import Plant
from streams.domain.forecast_learned import LearnedPolicy
from streams.domain.production import ProductionPolicy
from streams.domain.production_evaluator import Evaluator, Step, Surroundings
from streams.domain.production_history import History
from streams.forecast_model import read_model
from tests.registered import a_plant

NOON = 1_767_268_800  # Thursday, 2026-01-01 12:00 UTC
KW = 1_000
FORECASTING = LearnedPolicy(weights=read_model().weights["grid"])


def the_plants() -> dict[str, Plant]:
    """Return a cheap slow plant, a middling one and a dear quick one: 1,000 kW in all."""
    return {
        "coal": a_plant(
            "coal",
            source="coal",
            capacity_w=500 * KW,
            minimum_w=200 * KW,
            ramp_w_per_minute=20 * KW,
            cost_eur_per_mwh=Decimal(70),
        ),
        "gas": a_plant(
            "gas",
            source="gas",
            capacity_w=300 * KW,
            minimum_w=60 * KW,
            ramp_w_per_minute=20 * KW,
            cost_eur_per_mwh=Decimal(90),
        ),
        "turbine": a_plant(
            "turbine",
            source="gas",
            capacity_w=200 * KW,
            minimum_w=10 * KW,
            ramp_w_per_minute=60 * KW,
            cost_eur_per_mwh=Decimal(150),
        ),
    }


@dataclass
class Grid:
    """Plants that do what they are told within their limits, and an evaluator that tells them.

    Attributes:
        net_w: The load of a minute.
        gives: What each plant gives now.
        out: Plants that have tripped.
        deaf: Plants that stay where they are.
        mute: Plants whose readings don't come.
        steps: What was decided, by minute.
    """

    net_w: Callable[[int], int]
    minute: int = NOON
    plants: Mapping[str, Plant] = field(default_factory=the_plants)
    sheddable_w: Mapping[str, int] = field(default_factory=dict)
    policy: ProductionPolicy = field(default_factory=ProductionPolicy)
    gives: dict[str, int] = field(default_factory=dict)
    out: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)
    mute: set[str] = field(default_factory=set)
    orders: dict[str, ProductionOrder] = field(default_factory=dict)
    steps: dict[int, Step] = field(default_factory=dict)
    version: int = 0
    evaluator: Evaluator = field(init=False)

    def __post_init__(self) -> None:
        self.evaluator = Evaluator(self.policy, FORECASTING, history=History(retention_s=7_200))
        for name in self.plants:
            self.gives.setdefault(name, 0)

    def around(self, _minute: int) -> Surroundings:
        return Surroundings(self.plants, self.sheddable_w)

    def plays(self, minutes: int) -> Step:
        """Play minutes; return what was decided on the last one."""
        step = Step()
        for _ in range(minutes):
            self._run()
            for name in sorted(self.plants.keys() - self.mute):
                self.tells(name)
            step = self.steps[self.minute] = self.closes()
            self.minute += 60
        return step

    def tells(self, name: str, *, minute: int | None = None) -> None:
        """Have a plant tell what it gives."""
        capacity = self.plants[name].capacity_w
        self.version += 1
        reading = PlantMinute(
            plant_id=name,
            minute=self.minute if minute is None else minute,
            version=self.version,
            production_w=self.gives[name],
            available_w=0 if name in self.out else capacity,
            out_of_service=name in self.out,
        )
        self.evaluator.take_plants([reading], registered=self.around)

    def closes(self, **others: Any) -> Step:  # noqa: ANN401 - any field
        """Close the minute."""
        self.version += 1
        step = self.evaluator.take_grid(
            [a_grid_minute(self.minute, self.net_w(self.minute), version=self.version, **others)],
            registered=self.around,
        )
        for order in step.orders:
            if order.plant_id not in self.deaf:
                self.orders[order.plant_id] = order
        return step

    @property
    def given_w(self) -> int:
        """What all plants give."""
        return sum(self.gives.values())

    def _run(self) -> None:
        for name, plant in self.plants.items():
            order = self.orders.get(name)
            if name in self.out:
                self.gives[name] = 0
            elif order is not None and order.valid_from <= self.minute < order.valid_until:
                ramp = plant.ramp_w_per_minute or plant.capacity_w
                wanted = order.ordered_w
                now = self.gives[name]
                self.gives[name] = min(max(wanted, now - ramp), now + ramp)


def a_grid_minute(minute: int, net_w: int, *, version: int = 1, **others: Any) -> GridMinute:  # noqa: ANN401 - any field
    """Return a minute of a grid that draws so much."""
    fields: dict[str, Any] = {
        "partitions": [0],
        "forecast_partitions": [],
        "communities": 1,
        "expected_communities": 1,
        "meters_reported": 1,
        "meters_missing": 0,
        "consumption_mwh": max(net_w, 0) * 1000 // 60,
        "production_mwh": 0,
        "import_mwh": max(net_w, 0) * 1000 // 60,
        "export_mwh": max(-net_w, 0) * 1000 // 60,
        "forecast_consumption_mwh": 0,
        "forecast_net_mwh": 0,
        "share_reported": 1.0,
        "net_load_w": net_w,
    }
    return GridMinute(minute=minute, version=version, **{**fields, **others})
