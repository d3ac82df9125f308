"""A year of generated households without their batteries, quarter-hour by quarter-hour."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from load_generator.energy_flows import MeterState, flow
from load_generator.fleet import Fleet
from load_generator.prices import day_ahead_cents, midnight
from schemas.units import PERIOD_MINUTES, PERIOD_S

Mwh = npt.NDArray[np.int64]

WARM_UP_DAYS = 8
"""Days before the year from which the first forecasts are made."""

BATTERIES_STREAM = 8


@dataclass(frozen=True, kw_only=True)
class Year:
    """What happens, whatever the batteries do.

    Attributes:
        start: The first period, epoch s; `first` periods later the days that count begin.
        first: How many periods are for warming up.
        nets: (household with a battery, period) consumption less production, mWh.
        production: (household with a battery, period) of its panels, mWh.
        communities: (community, period) the same of all its households, mWh.
        community: Of each household with a battery.
        capacity_wh: Of each battery.
        prices: By period, cents a MWh.
    """

    start: int
    first: int
    nets: Mwh
    production: Mwh
    communities: Mwh
    community: Mwh
    capacity_wh: Mwh
    prices: Mwh

    @property
    def periods(self) -> int:
        """How many periods there are, those for warming up included."""
        return len(self.prices)

    def at(self, period: int) -> int:
        """Return when a period begins, epoch s."""
        return self.start + period * PERIOD_S


def everybody(fleet: Fleet) -> Fleet:
    """Return a fleet whose every household has a battery; who has one anyway has another one."""
    rng = np.random.default_rng([fleet.seed, BATTERIES_STREAM])
    capacity = rng.integers(5, 16, fleet.households) * 1_000_000
    return replace(
        fleet,
        battery=np.arange(fleet.households),
        battery_capacity_mwh=capacity,
        battery_minute_mwh=capacity // 2 // 60,
    )


def year_of(
    fleet: Fleet, first: date, days: int, *, seed: int, on_progress: Callable[[int], None]
) -> Year:
    """Return days from `first` on, and some before them, of a fleet; the seed makes the prices.

    `on_progress` is told how many days are made.
    """
    begins = first - timedelta(days=WARM_UP_DAYS)
    start, end = midnight(begins), midnight(first + timedelta(days=days))
    state = MeterState.at_start(fleet)
    periods = (end - start) // PERIOD_S
    nets, production = np.zeros((2, fleet.households, periods), dtype=np.int64)
    for period in range(periods):
        # Batteries run along, and are left out of the sums.
        flows, state = flow(
            fleet, state, first_minute=start + period * PERIOD_S, minutes=PERIOD_MINUTES
        )
        net = flows.consumption.sum(axis=0)
        production[fleet.pv, period] = flows.production.sum(axis=0)
        nets[:, period] = net - production[:, period]
        if period % 96 == 0:
            on_progress(period // 96)
    return Year(
        start=start,
        first=(midnight(first) - start) // PERIOD_S,
        nets=nets[fleet.battery],
        production=production[fleet.battery],
        communities=np.stack(
            [
                nets[fleet.community == number].sum(axis=0)
                for number in range(len(fleet.community_ids))
            ]
        ),
        community=fleet.community[fleet.battery],
        capacity_wh=fleet.battery_capacity_mwh // 1000,
        prices=day_ahead_cents(begins, days + WARM_UP_DAYS, seed=seed),
    )
