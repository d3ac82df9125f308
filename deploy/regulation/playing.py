"""A simulated grid, minute by minute, under a rule: what is told, ordered and obeyed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deploy.regulation.rules import Grid, Rule
from load_generator.fleet import Fleet
from load_generator.profiles import Profiles
from load_generator.registered import ZONE, contract_powers_w
from load_generator.world.devices import Switch
from load_generator.world.directives import Addresses, ack
from load_generator.world.grid import Minute, World, WorldPlan
from load_generator.world.terminals import Order, TerminalRates
from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.regulation import Flexible, Registered
from streams.domain.regulation_communities import Input
from streams.domain.regulation_inputs import ClosedMinute, ClosedPeriod, Drawn, period_w

CONNECTION_PERCENT: Final = 108
"""What a connection bears of the most that its community draws without water heaters: as much as
has it at the level that is shed to, all heaters off. With less nobody could keep it."""

MINUTES_A_DAY: Final = 1_440
MWH_A_MINUTE_PER_W: Final = 1000 / 60

Watts = NDArray[np.float64]
OnProgress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is played, whatever the rule.

    Attributes:
        heater_share: Share of households with a switched water heater.
        rates: What goes wrong with directives.
    """

    communities: int
    households: int
    days: int
    seed: int
    start: datetime
    profiles: Profiles
    heater_share: float
    rates: TerminalRates

    @property
    def minutes(self) -> int:
        """How many minutes there are."""
        return self.days * MINUTES_A_DAY

    def world(self) -> World:
        """Return the grid before its first minute."""
        plan = WorldPlan(
            communities=self.communities,
            households=self.households,
            seed=self.seed,
            start=self.start,
            heater_share=self.heater_share,
            rates=self.rates,
        )
        return World(plan, self.profiles)


@dataclass(frozen=True)
class Played:
    """What really happened.

    Attributes:
        load_w: (minutes, communities), import less export.
        heaters_w: (minutes, communities), of it what water heaters drew.
        is_off: (minutes, heaters), whether each was switched off.
        lacking_mwh: (minutes, heaters), what each tank lacked after the minute.
        cold_mwh: Hot water that was wanted and not there.
    """

    load_w: Watts
    heaters_w: Watts
    is_off: NDArray[np.bool_]
    lacking_mwh: NDArray[np.int64]
    cold_mwh: int


def grid_of(fleet: Fleet, limits_w: Sequence[int]) -> Grid:
    """Return what is registered of a fleet whose connections bear so much."""
    contracts = contract_powers_w(fleet).tolist()
    heaters = dict(zip(fleet.heater.tolist(), fleet.heater_w.tolist(), strict=True))
    flexible: list[dict[str, Flexible]] = [{} for _ in fleet.community_ids]
    agreed: list[dict[str, int]] = [{} for _ in fleet.community_ids]
    for number, (meter, community) in enumerate(
        zip(fleet.meter_ids, fleet.community.tolist(), strict=True)
    ):
        agreed[community][meter] = contracts[number]
        if number in heaters:
            flexible[community][meter] = Flexible(heaters[number], contracts[number])
    return {
        name: Registered(limits_w[place], ZONE, flexible[place], agreed[place])
        for place, name in enumerate(fleet.community_ids)
    }


def play(world: World, rule: Rule, setting: Setting, *, on_progress: OnProgress) -> Played:
    """Play a setting under a rule: what is ordered on a minute is there before the next one."""
    fleet, first = world.fleet, int(setting.start.timestamp())
    teller, addresses = _Teller(fleet), Addresses.of(world)
    shape = (setting.minutes, len(fleet.community_ids))
    load, heated = np.zeros(shape), np.zeros(shape)
    is_off = np.zeros((setting.minutes, len(fleet.heater)), np.bool_)
    lacking = np.zeros((setting.minutes, len(fleet.heater)), np.int64)
    cold, orders = 0, list[Order]()
    for number in range(setting.minutes):
        minute = first + number * MINUTE_S
        played = world.play(minute, orders)
        truth = played.truth
        net = (truth.flows.imported - truth.flows.exported)[0]
        load[number] = _by_community(fleet, net)
        heat = np.zeros(fleet.households, np.int64)
        heat[fleet.heater] = truth.heated.drawn
        heated[number] = _by_community(fleet, heat)
        is_off[number] = truth.commands.switch[fleet.heater] == Switch.OFF
        lacking[number] = truth.heated.lacking
        cold += int(truth.heated.cold.sum())
        told = teller.told(played, net)
        orders = [addresses.order(each) for each in rule.orders(told, now=minute + MINUTE_S)]
        if (number + 1) % MINUTES_A_DAY == 0:
            on_progress((number + 1) // MINUTES_A_DAY)
    watts = 1 / MWH_A_MINUTE_PER_W
    return Played(load * watts, heated * watts, is_off, lacking, cold)


def _by_community(fleet: Fleet, energy: NDArray[np.int64]) -> NDArray[np.int64]:
    sums: NDArray[np.int64] = np.zeros(len(fleet.community_ids), np.int64)
    np.add.at(sums, fleet.community, energy)
    return sums


class _Teller:
    """Tells of a grid what metering would."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._bounds = np.searchsorted(fleet.community, np.arange(len(fleet.community_ids) + 1))
        self._used = np.zeros(fleet.households, np.int64)
        self._imported = np.zeros(fleet.households, np.int64)

    def told(self, played: Minute, net: NDArray[np.int64]) -> list[Input]:
        """Return what is told once a minute has closed, and with it perhaps a quarter-hour."""
        truth, fleet = played.truth, self._fleet
        end = truth.minute + MINUTE_S
        answers = (ack(fleet, answer, truth.minute) for answer in played.answers)
        told: list[Input] = [answer for answer in answers if answer is not None]
        sums = _by_community(fleet, net).tolist()
        for name, energy in zip(fleet.community_ids, sums, strict=True):
            told.append(ClosedMinute(name, truth.minute, 1, energy, (), end))
        self._used += truth.flows.consumption[0]
        self._imported += truth.flows.imported[0]
        if end % PERIOD_S == 0:
            told += self._periods(end - PERIOD_S)
        return told

    def _periods(self, start: int) -> list[ClosedPeriod]:
        used, imported, meters = self._used.tolist(), self._imported.tolist(), self._fleet.meter_ids
        self._used[:] = self._imported[:] = 0
        bounds = self._bounds.tolist()
        return [
            ClosedPeriod(
                name,
                start,
                0,
                {
                    meters[place]: Drawn(1, period_w(used[place]), period_w(imported[place]))
                    for place in range(first, last)
                },
            )
            for name, first, last in zip(
                self._fleet.community_ids, bounds[:-1], bounds[1:], strict=True
            )
        ]
