"""What batteries do in a year by several rules, and what that costs each household."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from deploy.batteries.year import WARM_UP_DAYS, Mwh, Year
from load_generator.prices import midnight
from load_generator.profiles import PROFILE_ZONE
from schemas.units import PERIOD_S
from streams.domain.batteries import (
    CHARGE,
    DISCHARGE,
    HOLD,
    MWH_OF_A_WATT,
    Battery,
    Order,
    follow,
)
from streams.domain.batteries_deciding import (
    BatteryPolicy,
    Surroundings,
    expectations,
    outlooks,
    room_of,
)
from streams.domain.batteries_plan import Outlook, best_order, plan, stage_cost, values
from streams.domain.forecast import Watts
from streams.domain.prices import PERIODS_A_DAY, Prospect, prospect_of

PUBLISHED_HOUR: Final = 13
"""From this local hour on the prices of tomorrow are known."""

FINE: Final = 161
"""Levels that foresight plans by."""

PERIODS_AN_HOUR: Final = 4
_HISTORY: Final = WARM_UP_DAYS * PERIODS_A_DAY - 1


@dataclass(frozen=True)
class Played:
    """What households did in the days that count, (household, period), mWh; levels at the end.

    Attributes:
        cost: Of each household, in cents a MWh times mWh, what is left in the battery taken off at
            the value that it has to all rules alike.
    """

    charge: Mwh
    discharge: Mwh
    level: Mwh
    mode: Mwh
    cost: Mwh


def batteries_of(year: Year, policy: BatteryPolicy) -> list[Battery]:
    """Return each household's battery."""
    return [policy.battery(capacity) for capacity in year.capacity_wh.tolist()]


def without(year: Year, policy: BatteryPolicy) -> Played:
    """Return the year without batteries."""
    return played(
        year, np.zeros((*year.nets[:, year.first :].shape, 2), np.int64), policy, idle=True
    )


def self_consumption(year: Year, policy: BatteryPolicy) -> Played:
    """Return the year in AUTO."""
    orders = np.zeros((*year.nets[:, year.first :].shape, 2), np.int64)
    return played(year, orders, policy)


def one_threshold(year: Year, policy: BatteryPolicy) -> Played:
    """Return the year by one standard price, the mean of the year's, which nobody knows before.

    Below it a battery charges with all its power, above it it discharges, in between it holds.
    """
    prices = year.prices[year.first :]
    standard = int(prices.mean())
    orders = np.zeros((*year.nets[:, year.first :].shape, 2), np.int64)
    orders[..., 0] = np.select([prices < standard, prices > standard], [CHARGE, DISCHARGE], HOLD)
    for household, battery in enumerate(batteries_of(year, policy)):
        orders[household, :, 1] = np.where(prices == standard, 0, battery.charge_most)
    return played(year, orders, policy)


def foresight(year: Year, policy: BatteryPolicy) -> Played:
    """Return the year of who knows all prices and all loads of the year, and has no limits."""
    orders = np.zeros((*year.nets[:, year.first :].shape, 2), np.int64)
    for household, battery in enumerate(batteries_of(year, policy)):
        nets = year.nets[household, year.first :]
        free = np.full_like(nets, battery.charge_most)
        outlook = Outlook(
            nets=nets[None], prices=year.prices[year.first :], grid_in=free, grid_out=free
        )
        chosen = plan(battery, outlook, battery.reserve, costs=policy.costs, levels=FINE)
        orders[household] = np.array(chosen, dtype=np.int64)
    return played(year, orders, policy)


def planned(
    year: Year,
    policy: BatteryPolicy,
    *,
    shares: bool,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Played:
    """Return the year as the controller plays it, but planning anew each hour only.

    It knows prices as the market tells them, and of loads what was measured until two periods
    before the hour; with that it decides each quarter-hour what to do. `shares` limits what all of
    a community's batteries move at the grid.
    """
    batteries = batteries_of(year, policy)
    orders = np.zeros((*year.nets[:, year.first :].shape, 2), np.int64)
    levels = [battery.reserve for battery in batteries]
    for period in range(year.first, year.periods, PERIODS_AN_HOUR):
        plans = _plans(year, policy, batteries, period, shares=shares)
        for further in range(min(PERIODS_AN_HOUR, year.periods - period)):
            for household, battery in enumerate(batteries):
                outlook, worth = plans[household]
                order = best_order(
                    battery,
                    outlook,
                    worth,
                    levels[household],
                    costs=policy.costs,
                    period=further,
                )
                order = order._replace(grid=order.grid // MWH_OF_A_WATT * MWH_OF_A_WATT)
                net = int(year.nets[household, period + further])
                levels[household] = follow(order, levels[household], net, battery=battery).level
                orders[household, period - year.first + further] = order
        if period % PERIODS_A_DAY == 0:
            on_progress(period // PERIODS_A_DAY)
    return played(year, orders, policy)


def played(year: Year, orders: Mwh, policy: BatteryPolicy, *, idle: bool = False) -> Played:
    """Return what (household, period, mode and grid) orders come to; `idle`: without batteries."""
    nets, prices = year.nets[:, year.first :], year.prices[year.first :].tolist()
    charge, discharge, levels = (np.zeros_like(nets) for _ in range(3))
    cost = np.zeros(len(nets), np.int64)
    for household, battery in enumerate(batteries_of(year, policy)):
        level, total = battery.reserve, 0
        for period, net in enumerate(nets[household].tolist()):
            order = Order(HOLD, 0) if idle else Order(*orders[household, period].tolist())
            moved = follow(order, level, net, battery=battery)
            level = moved.level
            total += stage_cost(net, moved.charge, moved.discharge, prices[period], *policy.costs)
            charge[household, period] = moved.charge
            discharge[household, period] = moved.discharge
            levels[household, period] = level
        cost[household] = total
    return Played(charge, discharge, levels, orders[..., 0], cost)


def _plans(
    year: Year, policy: BatteryPolicy, batteries: list[Battery], period: int, *, shares: bool
) -> dict[int, tuple[Outlook, Mwh]]:
    """Return what each household expects from a period on, and what its levels are worth."""
    past = slice(period - 1 - _HISTORY, period - 1)
    now, prospect = year.at(period - 1), _prospect(year, period, policy)
    plans: dict[int, tuple[Outlook, Mwh]] = {}
    for community in np.unique(year.community).tolist():
        members = np.flatnonzero(year.community == community)
        room = None
        if shares:
            around = Surroundings(history=year.communities[community, past] / MWH_OF_A_WATT)
            room = room_of(around, start=now, policy=policy)
        expected = _expected(year, policy, members, period, periods=policy.horizon_periods)
        of_members = [batteries[member] for member in members.tolist()]
        chances = outlooks(expected, of_members, room, prospect)
        for member, outlook in zip(members.tolist(), chances, strict=True):
            if outlook is None:
                raise ValueError(f"nothing is known of household {member} in period {period}")
            plans[member] = outlook, values(batteries[member], outlook, costs=policy.costs)
    return plans


def _expected(
    year: Year, policy: BatteryPolicy, members: Mwh, period: int, *, periods: int
) -> Watts:
    """Return what is expected from the period before on, of which nothing is measured yet."""
    past = slice(period - 1 - _HISTORY, period - 1)
    return expectations(
        year.nets[members, past] / MWH_OF_A_WATT,
        start=year.at(period - 1),
        periods=periods + 1,
        policy=policy,
    )


def _prospect(year: Year, period: int, policy: BatteryPolicy) -> Prospect:
    moment = datetime.fromtimestamp(year.at(period), UTC).astimezone(PROFILE_ZONE)
    days = 2 if moment.hour >= PUBLISHED_HOUR else 1
    ends = midnight(moment.date() + timedelta(days=days))
    known = min((ends - year.at(period)) // PERIOD_S, year.periods - period)
    told = year.prices[period - PERIODS_A_DAY : period + known].tolist()
    return prospect_of(told, known, policy.horizon_periods)
