"""What batteries do in a year by several rules, and what that costs each household."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from deploy.batteries.year import Mwh, Year
from load_generator.prices import midnight
from load_generator.profiles import PROFILE_ZONE
from schemas.batteries import BatteryReason
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
from streams.domain.batteries_communities import HISTORY_PERIODS
from streams.domain.batteries_deciding import (
    BatteryPolicy,
    Decision,
    Surroundings,
    order_of,
    outlooks,
    room_of,
    safe,
)
from streams.domain.batteries_futures import Futures, futures_of
from streams.domain.batteries_plan import Outlook, plan, stage_cost
from streams.domain.prices import PERIODS_A_DAY, Prospect, prospect_of

PUBLISHED_HOUR: Final = 13
"""From this local hour on the prices of tomorrow are known."""

FINE: Final = 161
"""Levels that foresight plans by."""


@dataclass(frozen=True)
class Played:
    """What households did in the days that count, (household, period), mWh; levels at its end.

    Attributes:
        cost: Of each household, in cents a MWh times mWh; what is left in the battery at the end
            is worth nothing.
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
            nets=nets[None],
            chances=np.ones(1),
            prices=year.prices[year.first :],
            grid_in=free,
            grid_out=free,
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
    """Return the year as the controller plays it, quarter-hour by quarter-hour.

    It decides when a period has begun, from what was measured until then and from prices as the
    market tells them, what to do in the next one. `shares` limits what all of a community's
    batteries move at the grid.
    """
    batteries = batteries_of(year, policy)
    orders = np.zeros((*year.nets[:, year.first :].shape, 2), np.int64)
    levels = [battery.reserve for battery in batteries]
    standing = [Order()] * len(batteries)
    for period in range(year.first, year.periods):
        told = _told(year, policy, batteries, levels, standing, period, shares=shares)
        if period > year.first:
            levels = [
                follow(order, level, int(net), battery=battery).level
                for order, level, net, battery in zip(
                    standing, levels, year.nets[:, period - 1], batteries, strict=True
                )
            ]
        standing = told
        orders[:, period - year.first] = told
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


def _told(  # noqa: PLR0913, PLR0917 - what is known when it is decided
    year: Year,
    policy: BatteryPolicy,
    batteries: list[Battery],
    levels: list[int],
    standing: list[Order],
    period: int,
    *,
    shares: bool,
) -> list[Order]:
    """Return what each battery is told for a period, from its level when the one before began."""
    past = slice(max(period - 1 - HISTORY_PERIODS, 0), period - 1)
    now, prospect = year.at(period - 1), _prospect(year, period, policy)
    futures = futures_of(
        year.nets[:, past] / MWH_OF_A_WATT,
        start=now,
        periods=policy.horizon_periods + 1,
        policy=policy.forecast,
    )
    is_first = period == year.first
    told = [Order()] * len(batteries)
    for community in np.unique(year.community).tolist():
        members = np.flatnonzero(year.community == community)
        room = None
        if shares:
            around = Surroundings(history=year.communities[community, past] / MWH_OF_A_WATT)
            room = room_of(around, start=now, policy=policy)
        of_members = Futures(futures.nets[members], futures.chances[members])
        chosen = [batteries[member] for member in members.tolist()]
        chances = outlooks(of_members, chosen, room, prospect)
        expected = of_members.mean[:, 0].tolist()
        for member, outlook, net in zip(members.tolist(), chances, expected, strict=True):
            if outlook is None:
                raise ValueError(f"nothing is known of household {member} in period {period}")
            battery, level = batteries[member], levels[member]
            if not is_first:
                begun = round(net * MWH_OF_A_WATT)
                level = follow(standing[member], level, begun, battery=battery).level
            order = order_of(battery, outlook, level, policy)
            decision = Decision(order, BatteryReason.SELF_CONSUMPTION, level)
            most = max(int(outlook.grid_in[0]), int(outlook.grid_out[0]))
            told[member] = safe(decision, battery, grid_most=most, is_limited=False).order
    return told


def _prospect(year: Year, period: int, policy: BatteryPolicy) -> Prospect:
    moment = datetime.fromtimestamp(year.at(period), UTC).astimezone(PROFILE_ZONE)
    days = 2 if moment.hour >= PUBLISHED_HOUR else 1
    ends = midnight(moment.date() + timedelta(days=days))
    known = min((ends - year.at(period)) // PERIOD_S, year.periods - period)
    told = year.prices[period - PERIODS_A_DAY : period + known].tolist()
    return prospect_of(told, known, policy.horizon_periods)
