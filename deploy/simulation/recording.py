"""What really happened in a simulated grid, minute by minute, kept for verdicts and pictures."""

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from load_generator.energy_flows import EnergyFlows
from load_generator.faults import Fates
from load_generator.fleet import Fleet
from load_generator.truth import settle, truth_table
from load_generator.world.grid import Minute, MinuteTruth, World
from schemas.units import MINUTE_S, PERIOD_MINUTES, PERIOD_S

Watts = NDArray[np.float64]
W_A_MWH: Final = 0.06
"""One mWh in a minute is so many W."""


@dataclass
class Recording:
    """The minutes of a world in their order.

    Attributes:
        world: Whose they are.
        minutes: What came of each.
    """

    world: World
    truths: list[MinuteTruth] = field(default_factory=list)
    settled: list[pa.RecordBatch] = field(default_factory=list)

    def add(self, minute: Minute) -> None:
        """Keep a minute, the next one."""
        self.truths.append(minute.truth)
        if (minute.truth.minute + MINUTE_S) % PERIOD_S == 0:
            self.settled.append(self._settle())

    @property
    def edges(self) -> NDArray[np.int64]:
        """Where the minutes begin, epoch s, and the end of the last."""
        first = self.truths[0].minute
        return first + MINUTE_S * np.arange(len(self.truths) + 1, dtype=np.int64)

    @property
    def periods(self) -> pa.Table:
        """What every household used in every whole quarter-hour, as far as it was reported."""
        return truth_table(self.settled)

    @cached_property
    def community_w(self) -> Watts:
        """Mean net load of each minute and community, W (minutes, communities)."""
        fleet = self.world.fleet
        return np.array([_by_community(fleet, truth) for truth in self.truths]) * W_A_MWH

    @cached_property
    def net_load_w(self) -> Watts:
        """Mean net load of the grid in each minute, W."""
        return np.asarray(self.community_w.sum(axis=1), np.float64)

    @cached_property
    def heating_w(self) -> Watts:
        """Mean power of each community's water heaters, W (minutes, communities)."""
        fleet = self.world.fleet
        community = fleet.community[fleet.heater]
        return np.array(
            [
                np.bincount(community, weights=t.heated.drawn, minlength=len(fleet.community_ids))
                * W_A_MWH
                for t in self.truths
            ]
        )

    def energy_w(self, name: str) -> Watts:
        """Return the grid's mean power of a flow, as `EnergyFlows` names it, by minute, W."""
        return np.array([int(getattr(t.flows, name).sum()) for t in self.truths]) * W_A_MWH

    @cached_property
    def switch(self) -> NDArray[np.int8]:
        """What each household's switch followed, (minutes, households); -1: nothing."""
        return np.array([truth.commands.switch for truth in self.truths], np.int8)

    @cached_property
    def charged_w(self) -> Watts:
        """Mean power of each vehicle's charger, W (minutes, vehicles)."""
        return np.array([truth.charged for truth in self.truths]) * W_A_MWH

    @cached_property
    def production_w(self) -> NDArray[np.int64]:
        """What each plant gives, W (minutes, plants)."""
        return np.array([truth.plants.production_w for truth in self.truths])

    @cached_property
    def ordered_w(self) -> NDArray[np.int64]:
        """What each plant was asked for, W (minutes, plants); -1: nothing."""
        return np.array([truth.commands.plant_w for truth in self.truths])

    @cached_property
    def level_wh(self) -> NDArray[np.float64]:
        """What each battery holds at the end of each minute, Wh (minutes, batteries)."""
        return np.array([truth.flows.battery_level[0] for truth in self.truths]) / 1000

    def _settle(self) -> pa.RecordBatch:
        quarter = self.truths[-PERIOD_MINUTES:]
        start = quarter[-1].minute // PERIOD_S * PERIOD_S
        quarter = [truth for truth in quarter if truth.minute >= start]
        flows = EnergyFlows(
            **{
                each.name: np.concatenate([getattr(truth.flows, each.name) for truth in quarter])
                for each in fields(EnergyFlows)
            }
        )
        fleet = self.world.fleet
        return settle(fleet, flows, _fates(fleet, quarter), [], period_start=start)


def _by_community(fleet: Fleet, truth: MinuteTruth) -> NDArray[np.float64]:
    net = (truth.flows.imported - truth.flows.exported)[0]
    sums = np.bincount(fleet.community, weights=net, minlength=len(fleet.community_ids))
    return np.asarray(sums, np.float64)


def _fates(fleet: Fleet, quarter: list[MinuteTruth]) -> Fates:
    lost = np.array([truth.silent for truth in quarter])
    never = np.full(lost.shape, -1)
    return Fates(
        lost=lost,
        delay=np.zeros(lost.shape, np.int64),
        duplicate_delay=never,
        correction_delay=never,
        invalid=np.zeros((len(quarter), fleet.households), np.bool_),
    )
