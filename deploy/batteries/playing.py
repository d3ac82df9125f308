"""What batteries do in a year by several rules, and what that costs each household."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

import numpy as np

from deploy.batteries.year import Mwh, Year
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
from streams.domain.batteries_communities import HISTORY_PERIODS
from streams.domain.batteries_deciding import (
    BatteryPolicy,
    Surroundings,
    decision_of,
    outlooks,
    room_of,
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


class Known(Enum):
    """What is known of the coming hours, to find what it costs not to know it."""

    NOTHING = "nothing"
    SUN = "sun"
    LOADS = "loads"
    BOTH = "both"


def planned(
    year: Year,
    policy: BatteryPolicy,
    *,
    shares: bool,
    known: Known = Known.NOTHING,
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
    guessed = _guessed(year, known)
    # Nothing moves in the period before the first.
    standing = [Order(HOLD)] * len(batteries)
    for period in range(year.first, year.periods):
        futures = _futures(year, policy, period, guessed)
        begun = np.rint(futures.mean[:, 0] * MWH_OF_A_WATT).astype(np.int64)
        expected = _followed(batteries, standing, levels, begun)
        levels = _followed(batteries, standing, levels, year.nets[:, period - 1])
        standing = _told(year, policy, futures, expected, period, shares=shares)
        orders[:, period - year.first] = standing
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


def _followed(
    batteries: list[Battery], orders: list[Order], levels: list[int], nets: Mwh
) -> list[int]:
    return [
        follow(order, level, net, battery=battery).level
        for battery, order, level, net in zip(batteries, orders, levels, nets.tolist(), strict=True)
    ]


def _told(  # noqa: PLR0913 - what is known when it is decided
    year: Year,
    policy: BatteryPolicy,
    futures: Futures,
    levels: list[int],
    period: int,
    *,
    shares: bool,
) -> list[Order]:
    """Return what each battery is told for a period that it begins at a level."""
    past, prospect = _past(period), _prospect(year, period, policy)
    told = [Order()] * len(levels)
    for community in np.unique(year.community).tolist():
        members = np.flatnonzero(year.community == community)
        around = Surroundings(history=year.communities[community, past] / MWH_OF_A_WATT)
        batteries = [policy.battery(capacity) for capacity in year.capacity_wh[members].tolist()]
        of_members = Futures(futures.nets[members], futures.chances[members])
        room = None
        if shares:
            room = room_of(around, of_members, start=year.at(period - 1), policy=policy)
        chances = outlooks(of_members, batteries, room, prospect)
        for member, battery, outlook in zip(members.tolist(), batteries, chances, strict=True):
            decision = decision_of(battery, outlook, levels[member], around, policy)
            told[member] = decision.order
    return told


def _guessed(year: Year, known: Known) -> Mwh:
    """Return the part of the net load that is not known."""
    if known is Known.NOTHING:
        return year.nets
    if known is Known.SUN:
        return year.nets + year.production
    return -year.production if known is Known.LOADS else np.zeros_like(year.nets)


def _futures(year: Year, policy: BatteryPolicy, period: int, guessed: Mwh) -> Futures:
    """Return what is expected from the period before on, of which nothing is measured yet.

    Of the net load a part is `guessed`, by what it was; the rest is known.
    """
    periods = policy.horizon_periods + 1
    futures = futures_of(
        guessed[:, _past(period)] / MWH_OF_A_WATT,
        start=year.at(period - 1),
        periods=periods,
        policy=policy.forecast,
    )
    sure = (year.nets - guessed)[:, period - 1 : period - 1 + periods] / MWH_OF_A_WATT
    nets = futures.nets.copy()
    nets[..., : sure.shape[1]] += sure[:, None, :]
    return Futures(nets, futures.chances)


def _past(period: int) -> slice:
    return slice(max(period - 1 - HISTORY_PERIODS, 0), period - 1)


def _prospect(year: Year, period: int, policy: BatteryPolicy) -> Prospect:
    moment = datetime.fromtimestamp(year.at(period), UTC).astimezone(PROFILE_ZONE)
    days = 2 if moment.hour >= PUBLISHED_HOUR else 1
    ends = midnight(moment.date() + timedelta(days=days))
    known = min((ends - year.at(period)) // PERIOD_S, year.periods - period)
    told = year.prices[period - PERIODS_A_DAY : period + known].tolist()
    return prospect_of(told, known, policy.horizon_periods)
