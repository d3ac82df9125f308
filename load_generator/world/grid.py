"""The grid that answers: minute by minute, it does what it is told and tells what it measured.

Nothing here knows of Kafka, or of those who decide. The same seed and the same orders give the
same minutes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from load_generator.energy_flows import (
    MWH_A_MINUTE_PER_W,
    Energy,
    EnergyFlows,
    MeterState,
    appliances,
    batteries_for_a_minute,
    exchange,
    heat_pumps_w,
    net_load,
    panels_mwh,
    whole,
)
from load_generator.fleet import Fleet, Index, Power
from load_generator.profiles import SHIPPED_PROFILE, Profiles, read_profiles
from load_generator.world.devices import Commands, Mode, Switch, terminals_of
from load_generator.world.heaters import Heated, heat, hot_water, is_off_peak, lacking_at_start
from load_generator.world.plants import NO_ORDER, Plants, Running, Trips, run
from load_generator.world.terminals import Answer, Order, TerminalRates, Terminals
from load_generator.world.vehicles import Chargers, Evening, Plugged, evening, local_day
from load_generator.world.weather import sky, wind
from schemas.units import MINUTE_S, PERIOD_S

LOAD_STREAM: Final = 11
SILENCE_STREAM: Final = 12
PEAK_W_A_HOUSEHOLD: Final = 1_500
"""What a household adds to the grid's peak; the plants are sized by it."""
START_SHARE: Final = 0.35
"""Of their capacity: what plants give before their first order."""


@dataclass(frozen=True, kw_only=True)
class WorldPlan:
    """A world, told beforehand.

    Args:
        communities: Number of communities.
        households: Number of households in all of them together.
        seed: Decides everything that looks like chance.
        start: First minute, aware, on the minute.
        profiles: SimBench files with the load shapes.
        heater_share: Share of households with a switched water heater.
        off_peak_hours: Hours of local time in which heaters on AUTO may heat; empty: in all.
        rates: What goes wrong with orders.
        trips: How often plants trip.
        silent: Share of the minutes that a terminal does not report.
        deaf_plants: Ids of plants that follow no order.
    """

    communities: int
    households: int
    seed: int
    start: datetime
    profiles: Sequence[Path] = (SHIPPED_PROFILE,)
    heater_share: float = 0.5
    off_peak_hours: frozenset[int] = frozenset()
    rates: TerminalRates = field(default_factory=TerminalRates)
    trips: Trips = field(default_factory=Trips)
    silent: float = 0.0
    deaf_plants: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Sky:
    """What happens in a quarter-hour whatever anyone orders, (15, …)."""

    quarter: int
    used_mwh: Power
    production: Energy
    hot_water: Energy
    available_w: NDArray[np.int64]

    @classmethod
    def of(cls, fleet: Fleet, plants: Plants, quarter: int) -> Self:
        """Return a quarter-hour's."""
        start = datetime.fromtimestamp(quarter, UTC)
        rng = np.random.Generator(np.random.SFC64([fleet.seed, LOAD_STREAM, quarter]))
        used = appliances(fleet, rng, start, PERIOD_S // MINUTE_S)
        used[:, fleet.heat_pump] += heat_pumps_w(fleet, start) * np.float32(MWH_A_MINUTE_PER_W)
        clouds = sky(fleet.seed, quarter, len(fleet.community_ids))
        panels = fleet.profiles.pv[fleet.profiles.row(start)]
        sun = clouds.mean(axis=1) * (panels.mean() if len(panels) else 0.0)
        winds = wind(fleet.seed, quarter)
        return cls(
            quarter=quarter,
            used_mwh=used,
            production=whole(clouds[:, fleet.community[fleet.pv]] * panels_mwh(fleet, start)),
            hot_water=hot_water(fleet, quarter),
            available_w=np.array(
                [plants.available_w(float(s), float(w)) for s, w in zip(sun, winds, strict=True)]
            ),
        )


@dataclass(frozen=True, kw_only=True)
class MinuteTruth:
    """What really happened in a minute: what controllers see only as far as it is reported.

    Energy in mWh, power in W; `flows` has one row. `charged` is by vehicle, `heated` by heater,
    the plants' arrays by plant, `silent` by terminal. `unmet` is what vehicles that left in the
    minute lack.
    """

    minute: int
    flows: EnergyFlows
    commands: Commands
    heated: Heated
    plugged: Plugged
    charged: Energy
    unmet: Energy
    plants: Running
    available_w: Index
    silent: NDArray[np.bool_]

    @property
    def net_load_w(self) -> int:
        """Return what the households draw from the grid less what they feed in."""
        energy = int(self.flows.imported.sum() - self.flows.exported.sum())
        return round(energy / MWH_A_MINUTE_PER_W)


@dataclass(frozen=True)
class SessionNews:
    """The vehicles whose sessions are told of in a minute, by index; `left` are unplugged."""

    told: Index
    left: Index


@dataclass(frozen=True)
class Minute:
    """What a minute came to: what is told, and the truth."""

    truth: MinuteTruth
    sessions: SessionNews
    answers: list[Answer]


class World:
    """A grid and all that carries over from one minute to the next."""

    def __init__(self, plan: WorldPlan, profiles: Profiles | None = None) -> None:
        """Build the world of a plan, before its first minute.

        Raises:
            ProfileError: If a profile file can't be used.
            FleetError: If the households don't fit the communities.
        """
        self.plan = plan
        self.fleet = Fleet.build(
            communities=plan.communities,
            households=plan.households,
            seed=plan.seed,
            profiles=profiles or read_profiles(plan.profiles),
            heater_share=plan.heater_share,
        )
        self.plants = Plants.for_peak(plan.households * PEAK_W_A_HOUSEHOLD)
        self.chargers = Chargers.of(self.fleet)
        self.terminals: Terminals = terminals_of(self.fleet, len(self.plants.ids), plan.rates)
        self.truth: MinuteTruth | None = None
        self._meters = MeterState.at_start(self.fleet)
        self._lacking = lacking_at_start(self.fleet)
        self._plugged = self._plugged_at_start()
        self._running = Running.at((self.plants.capacity_w * START_SHARE).astype(np.int64))
        self._sky: Sky | None = None
        self._tonight: Evening | None = None
        self._deaf = np.array([name in plan.deaf_plants for name in self.plants.ids])

    def play(self, minute: int, orders: Iterable[Order] = ()) -> Minute:
        """Play a minute (epoch s), the orders that came before it in force.

        Minutes are played in their order, without a gap.
        """
        answers = self.terminals.receive(orders, minute)
        return self._minute(minute, Commands.followed(self.terminals), answers)

    def _minute(self, minute: int, commands: Commands, answers: list[Answer]) -> Minute:
        given, row = self._given(minute)
        consumption = whole(given.used_mwh[row])
        heated = self._heat(minute, consumption, given.hot_water[row], commands)
        consumption[self.fleet.heater] += heated.drawn
        sessions, unmet = self._come_and_go(minute)
        self._plugged, charged = self._plugged.charging(self.chargers.obeying(commands.charger_w))
        consumption[self.fleet.ev] += charged
        flows = self._exchange(consumption, given.production[row], commands)
        self._run_plants(minute, commands, given.available_w[row])
        self._lacking = heated.lacking
        self.truth = MinuteTruth(
            minute=minute,
            flows=flows,
            commands=commands,
            heated=heated,
            plugged=self._plugged,
            charged=charged,
            unmet=unmet,
            plants=self._running,
            available_w=given.available_w[row],
            silent=self._silent(minute),
        )
        return Minute(self.truth, sessions, answers)

    def _given(self, minute: int) -> tuple[Sky, int]:
        quarter = minute // PERIOD_S * PERIOD_S
        if self._sky is None or self._sky.quarter != quarter:
            self._sky = Sky.of(self.fleet, self.plants, quarter)
        return self._sky, (minute - quarter) // MINUTE_S

    def _heat(self, minute: int, others: Energy, used: Energy, commands: Commands) -> Heated:
        heater = self.fleet.heater
        power = self.fleet.heater_w * 1000 // 60
        switch, limit = commands.switch[heater], commands.limit_w[heater]
        left = np.clip(limit * 1000 // 60 - others[heater], 0, power)
        off = np.where(limit == NO_ORDER, 0, left)
        hours = self.plan.off_peak_hours
        auto = power if not hours or is_off_peak(minute, hours) else np.zeros_like(power)
        allowed = np.select([switch == Switch.OFF, switch == Switch.ON], [off, power], auto)
        return heat(self._lacking, used, allowed)

    def _exchange(self, consumption: Energy, production: Energy, commands: Commands) -> EnergyFlows:
        fleet, level = self.fleet, self._meters.battery_level
        used, made = consumption[np.newaxis], production[np.newaxis]
        net = net_load(fleet, used, made)[0, fleet.battery]
        more = np.maximum(commands.battery_w, 0) * 1000 // 60
        wanted = np.select(
            [commands.mode == mode for mode in (Mode.HOLD, Mode.CHARGE, Mode.DISCHARGE)],
            [np.zeros_like(net), np.maximum(-net, 0) + more, -np.maximum(net, 0) - more],
            -net,
        )
        charge, discharge, level = batteries_for_a_minute(fleet, level, wanted)
        flows, self._meters = exchange(
            fleet,
            self._meters,
            consumption=used,
            production=made,
            battery_charge=charge[np.newaxis],
            battery_discharge=discharge[np.newaxis],
            battery_level=level[np.newaxis],
        )
        return flows

    def _come_and_go(self, minute: int) -> tuple[SessionNews, Energy]:
        """Let vehicles leave, change their plans and come; return of whom there is news."""
        plugged = self._plugged
        left = plugged.is_in & (plugged.leaves <= minute)
        unmet = np.where(left, plugged.needed - plugged.charged, 0)
        plugged = plugged.without(left)
        plugged, changed = plugged.changed(minute)
        tonight = self._evening(local_day(minute))
        come = tonight.drives & (tonight.arrives == minute) & ~plugged.is_in
        self._plugged = plugged.arriving(tonight, come, minute)
        first = self._is_first(minute) & self._plugged.is_in
        progress = self._plugged.is_in if minute % PERIOD_S == 0 else np.zeros_like(come)
        told = np.flatnonzero(come | changed | progress | first)
        return SessionNews(told, np.flatnonzero(left)), unmet

    def _evening(self, day: date) -> Evening:
        if self._tonight is None or self._tonight.day != day:
            self._tonight = evening(self.fleet, day)
        return self._tonight

    def _is_first(self, minute: int) -> bool:
        return minute == int(self.plan.start.timestamp())

    def _plugged_at_start(self) -> Plugged:
        plugged, start = Plugged.none(self.fleet), int(self.plan.start.timestamp())
        arrived = np.full(len(self.fleet.ev), start)
        today = local_day(start)
        for day in (today - timedelta(days=1), today):
            tonight = evening(self.fleet, day)
            here = tonight.drives & (tonight.arrives < start) & (tonight.leaves > start)
            plugged = plugged.arriving(tonight, here, start)
            arrived = np.where(here, tonight.arrives, arrived)
        return plugged.at_home_since(arrived, start, self.chargers.power_w)

    def _run_plants(self, minute: int, commands: Commands, available_w: Index) -> None:
        self._running = run(
            self.plants,
            self._running,
            minute=minute,
            ordered_w=np.where(self._deaf, NO_ORDER, commands.plant_w),
            available_w=available_w,
            tripping=self.plan.trips.tripping(self.plants, self.plan.seed, minute),
            out_minutes=self.plan.trips.minutes,
        )

    def _silent(self, minute: int) -> NDArray[np.bool_]:
        rng = np.random.default_rng([self.plan.seed, SILENCE_STREAM, minute])
        silent: NDArray[np.bool_] = rng.random(len(self.fleet.terminals)) < self.plan.silent
        return silent
