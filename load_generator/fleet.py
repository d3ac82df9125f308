"""Who is in the grid: communities, households, what each has installed, and its terminals."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from load_generator.profiles import Profiles
from schemas.errors import OperatorError

Index = NDArray[np.int64]
Power = NDArray[np.float32]

MEAN_HOUSEHOLD_W: Final = 400.0
HOUSEHOLD_SPREAD: Final = 0.45
SMALLEST_SCALE, LARGEST_SCALE = 0.3, 3.0
SMALLEST_MEAN: Final = 0.001
"""A column that is nearly nothing all the year is not blown up into a household."""
MAX_SHIFT_QUARTERS: Final = 4

HEATER_STREAM: Final = 6
"""Their own chance, so that a fleet without them is the same as ever."""

PV_SHARE: Final = 0.35
BATTERY_SHARE_OF_PV: Final = 0.5
HEAT_PUMP_SHARE: Final = 0.15
EV_SHARE: Final = 0.15
FINE_TERMINAL_SHARE: Final = 0.1
HEATERS_W: Final = np.array([1_500, 2_000, 3_000])
"""What water heaters draw when they heat."""

# A frame of 1,000 readings has about 80 kB, far below the broker's 1 MiB.
MAX_METERS_A_FRAME: Final = 1_000


class FleetError(OperatorError, ValueError):
    """A fleet that can't be built; the text names both numbers."""


@dataclass(frozen=True)
class Terminal:
    """The part of a community that reports in one frame: the households [first, last)."""

    community_id: str
    first: int
    last: int
    part: int
    parts: int


@dataclass(frozen=True)
class Fleet:
    """All households, in the order of their communities; arrays are by household or by owner.

    `pv`, `battery` (a subset of `pv`), `heat_pump`, `ev` and `heater` are indices of the households
    that own one; the arrays beside them are as long. Power in W, energy in mWh.
    """

    seed: int
    profiles: Profiles
    meter_ids: tuple[str, ...]
    community_ids: tuple[str, ...]
    community: Index
    terminals: tuple[Terminal, ...]
    terminal: Index
    shape: Index
    shift_quarters: Index
    full_load_w: Power
    """The power at which the household's shape is 1."""
    pv: Index
    pv_shape: Index
    pv_w: Power
    battery: Index
    battery_capacity_mwh: Index
    battery_minute_mwh: Index
    heat_pump: Index
    heat_pump_shape: Index
    heat_pump_w: Power
    ev: Index
    ev_shape: Index
    fine: Index
    """Households whose terminal sends more digits than mWh."""
    heater: Index
    """Households whose water heater is on a switch that the supplier may operate."""
    heater_w: Index

    @classmethod
    def build(
        cls,
        *,
        communities: int,
        households: int,
        seed: int,
        profiles: Profiles,
        heater_share: float = 0.0,
    ) -> Self:
        """Return the fleet of a seed: households spread over the communities as evenly as can be.

        `heater_share` of them have a switched water heater.

        Raises:
            FleetError: If there is no community, or not at least one household in each.
        """
        if communities < 1 or households < communities:
            raise FleetError(
                f"{households} households in {communities} communities: at least one community "
                "and one household in each are needed"
            )
        rng = np.random.default_rng([seed, 0])
        sizes = np.full(communities, households // communities)
        sizes[: households % communities] += 1
        community = np.repeat(np.arange(communities), sizes)
        community_ids = tuple(f"c{number + 1:04d}" for number in range(communities))
        terminals = tuple(_terminals(community_ids, sizes.tolist()))
        pv = _owners(rng, np.arange(households), PV_SHARE if profiles.pv.shape[1] else 0)
        battery = _owners(rng, pv, BATTERY_SHARE_OF_PV)
        capacity_kwh = rng.integers(5, 16, len(battery))
        heat_pump = _owners(
            rng, np.arange(households), HEAT_PUMP_SHARE if profiles.heatpump.shape[1] else 0
        )
        ev = _owners(rng, np.arange(households), EV_SHARE if profiles.ev_home.shape[1] else 0)
        scale = np.clip(
            rng.normal(1.0, HOUSEHOLD_SPREAD, households), SMALLEST_SCALE, LARGEST_SCALE
        )
        shape = _pick(rng, profiles.household, households)
        shape_means = np.maximum(profiles.household.mean(axis=0), SMALLEST_MEAN)
        fine = rng.random(communities) < FINE_TERMINAL_SHARE
        of_heaters = np.random.default_rng([seed, HEATER_STREAM])
        heater = _owners(of_heaters, np.arange(households), heater_share)
        return cls(
            seed=seed,
            profiles=profiles,
            meter_ids=tuple(
                f"m{number + 1:04d}-{meter + 1:03d}"
                for number, size in enumerate(sizes.tolist())
                for meter in range(size)
            ),
            community_ids=community_ids,
            community=community,
            terminals=terminals,
            terminal=np.repeat(np.arange(len(terminals)), [t.last - t.first for t in terminals]),
            shape=shape,
            shift_quarters=rng.integers(-MAX_SHIFT_QUARTERS, MAX_SHIFT_QUARTERS + 1, households),
            full_load_w=(MEAN_HOUSEHOLD_W * scale / shape_means[shape]).astype(np.float32),
            pv=pv,
            pv_shape=_pick(rng, profiles.pv, len(pv)),
            pv_w=rng.uniform(3_000, 10_000, len(pv)).astype(np.float32),
            battery=battery,
            battery_capacity_mwh=capacity_kwh * 1_000_000,
            # Home batteries charge at about half their capacity per hour.
            battery_minute_mwh=capacity_kwh * 1_000_000 // 2 // 60,
            heat_pump=heat_pump,
            heat_pump_shape=_pick(rng, profiles.heatpump, len(heat_pump)),
            heat_pump_w=rng.uniform(1_500, 4_000, len(heat_pump)).astype(np.float32),
            ev=ev,
            ev_shape=_pick(rng, profiles.ev_home, len(ev)),
            fine=np.flatnonzero(fine[community]),
            heater=heater,
            heater_w=of_heaters.choice(HEATERS_W, len(heater)),
        )

    @property
    def households(self) -> int:
        """Number of households, each with one meter."""
        return len(self.meter_ids)


def _owners(rng: np.random.Generator, among: Index, share: float) -> Index:
    return among[rng.random(len(among)) < share]


def _pick(rng: np.random.Generator, shapes: Power, count: int) -> Index:
    return rng.integers(0, max(shapes.shape[1], 1), count)


def _terminals(community_ids: tuple[str, ...], sizes: list[int]) -> list[Terminal]:
    terminals = []
    first = 0
    for community_id, size in zip(community_ids, sizes, strict=True):
        parts = -(-size // MAX_METERS_A_FRAME)
        for part in range(parts):
            start = first + part * MAX_METERS_A_FRAME
            last = min(start + MAX_METERS_A_FRAME, first + size)
            terminals.append(Terminal(community_id, start, last, part, parts))
        first += size
    return terminals
