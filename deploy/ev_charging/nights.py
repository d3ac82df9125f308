"""A seeded night of vehicles in communities with real loads, as arrays of quarter-hours."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from load_generator.profiles import Profiles
from streams.domain.ev_charging_planning import Fleet

PERIODS_A_DAY: Final = 96
FIRST_PERIOD: Final = 14 * 4
"""The night begins at 14:00 and ends at noon."""
PERIODS: Final = 88
_MWH_PER_W: Final = 250
_CHARGERS_W: Final = (3_700, 7_400, 11_000)
_CHARGER_SHARES: Final = (0.3, 0.2, 0.5)
_CONTINUOUS_FROM_W: Final = 7_000
_LEAST_SHARE: Final = 6 / 16  # of 16 A: what IEC 61851 lets a charger go down to
_HOUSEHOLD_PEAK_W: Final = 2_000
HOUSEHOLDS_A_VEHICLE: Final = 2.5


@dataclass(frozen=True)
class Night:
    """A fleet, and what is drawn without it.

    Attributes:
        fleet: Who is to be charged; the headroom is 90 % of the connection less the load.
        community_base: (community, period) mWh.
        limits: (community,) mWh in a period that the connection bears.
    """

    fleet: Fleet
    community_base: npt.NDArray[np.int64]
    limits: npt.NDArray[np.int64]

    @property
    def base(self) -> npt.NDArray[np.float64]:
        """What the grid draws without vehicles, (period,) mWh."""
        base: npt.NDArray[np.float64] = self.community_base.sum(axis=0).astype(np.float64)
        return base


def a_night(
    profiles: Profiles, *, vehicles: int, communities: int, seed: int, limit_factor: float
) -> Night:
    """Return a night: arrivals around 18:00, departures around 7:15, energies around 9 kWh.

    Args:
        profiles: Whose household loads communities have, of the first two winter days in a row.
        vehicles: In all.
        communities: They are spread over these at random.
        seed: Same seed, same night.
        limit_factor: How many times its highest load without vehicles a connection bears.
    """
    rng = np.random.default_rng([seed, vehicles, communities])
    where = np.sort(rng.integers(0, communities, vehicles))
    firsts = np.searchsorted(where, np.arange(communities + 1)).astype(np.int64)
    households = np.maximum(np.diff(firsts) * HOUSEHOLDS_A_VEHICLE, 1).astype(np.int64)
    shapes = profiles.household.reshape(-1, profiles.household.shape[-1])
    start = _first_winter_day(profiles) * PERIODS_A_DAY + FIRST_PERIOD
    shapes_w = shapes[start : start + PERIODS] * _HOUSEHOLD_PEAK_W
    base_w = np.array(
        [shapes_w[:, rng.integers(0, shapes.shape[1], count)].sum(axis=1) for count in households]
    )
    community_base = np.rint(base_w * _MWH_PER_W).astype(np.int64)
    limits = np.rint(community_base.max(axis=1) * limit_factor).astype(np.int64)
    power_w = rng.choice(_CHARGERS_W, vehicles, p=_CHARGER_SHARES)
    continuous = power_w >= _CONTINUOUS_FROM_W
    arrives = np.clip(rng.normal(18, 1.5, vehicles), 14, 23.5) * 4 - FIRST_PERIOD
    leaves = np.clip(rng.normal(7.25, 0.75, vehicles), 5, 11) * 4 + PERIODS_A_DAY - FIRST_PERIOD
    times = np.arange(PERIODS)
    is_in = (times >= np.ceil(arrives)[:, None]) & (times < np.floor(leaves)[:, None])
    energy_wh = np.clip(rng.lognormal(np.log(9_000), 0.5, vehicles), 3_000, 32_000)
    fleet = Fleet(
        firsts,
        np.rint(energy_wh * 1000).astype(np.int64),
        np.zeros(vehicles, dtype=np.int64),
        np.where(is_in, power_w[:, None] * _MWH_PER_W, 0).astype(np.int64),
        np.maximum(limits[:, None] * 9 // 10 - community_base, 0),
        ~continuous,
        np.where(continuous, power_w * _LEAST_SHARE * _MWH_PER_W, 0).astype(np.int64),
    )
    return Night(fleet, community_base, limits)


def _first_winter_day(profiles: Profiles) -> int:
    """Return which day is the first in December, January or February with the next one known."""
    for place, (day, following) in enumerate(zip(profiles.days, profiles.days[1:], strict=False)):
        if day.month in {12, 1, 2} and (following - day).days == 1:
            return place
    return 0
