"""When a battery buys, keeps and gives: dynamic programming over its level, backwards in time.

What comes is one of several futures. In each quarter-hour it may, with a chance of `TURNS`, go over
to any of them: so a plan neither believes that it will know tomorrow's sun tonight (each future for
itself), nor that clouds of each quarter-hour are a chance of their own and even out.

The cost of what is still to come is reckoned for a lattice of levels and read between them on a
straight line. It is convex in the level while energy is not so cheap that losing it pays, so the
best answer to a load is four levels: up to which the sun, and the grid, are worth storing, and down
to which the household, and the grid, are worth serving. Modes say just that, but for a part of the
sun or of the load, which is left to the next quarter-hour. The order to tell is the one that costs
least over all futures; at the grid it moves none, a quarter, a half, three quarters or all of what
may be moved. A battery trades only when the later price times the efficiency, less the price now,
is above its wear.

Costs are cents a MWh times mWh, 1e-11 EUR.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streams.compiled import compiled
from streams.domain.batteries import (
    AUTO,
    CHARGE,
    DISCHARGE,
    HOLD,
    PERCENT,
    Battery,
    Order,
    limits,
    move,
)

Mwh = npt.NDArray[np.int64]
Chances = npt.NDArray[np.float64]
Worth = npt.NDArray[np.float64]
"""Costs of all that is still to come, by level."""

LEVELS: Final = 25
"""Points of the lattice, from the reserve to the capacity; more of them save no more."""

TURNS: Final = 0.06
"""Chance that the next quarter-hour is that of another future; about 4 h go by between two."""

COST_OF_A_EURO: Final = 10**11
_NOTHING: Final = 1_000.0
"""Costs no further apart are the same: a hundred-millionth of a EUR."""

_PARTS: Final = 4
"""Into so many equal steps the power at the grid is parted."""

_CHOICES: Final = np.array(
    [
        (AUTO, 0),
        *((mode, part) for mode in (CHARGE, DISCHARGE) for part in range(_PARTS + 1)),
        (HOLD, 0),
    ],
    dtype=np.int64,
)
"""Mode and part; of orders that cost the same the first is taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """What is known or expected of the periods to come; arrays end with the period.

    Attributes:
        nets: (future, period) consumption less production of the household, mWh.
        chances: Of the futures, in the first period; they sum to 1.
        prices: Of a MWh, cents; what is exported earns it, what is imported costs it and the fee.
        grid_in: What may be drawn from the grid to be stored, mWh.
        grid_out: What may be given from the store to the grid, mWh.
    """

    nets: Mwh
    chances: Chances
    prices: Mwh
    grid_in: Mwh
    grid_out: Mwh


class Costs(NamedTuple):
    """What a mWh costs besides its price, cents a MWh.

    Attributes:
        fee: Fees and taxes on what is imported.
        wear: Of the battery, on what is charged.
    """

    fee: int
    wear: int


def values(battery: Battery, outlook: Outlook, *, costs: Costs, levels: int = LEVELS) -> Worth:
    """Return the least cost from each period's start to the end.

    It is (period and one more, future, level), the future being that of the period before. What
    is stored at the end is worth nothing.
    """
    return _values(
        outlook.nets,
        outlook.prices,
        outlook.grid_in,
        outlook.grid_out,
        limits(battery),
        (costs.fee, costs.wear),
        levels,
    )


def best_order(
    battery: Battery, outlook: Outlook, worth: Worth, level: int, *, costs: Costs
) -> Order:
    """Return what to do in the first period at a level, when `worth` is what `values` returned.

    Of orders that cost the same it is the first: AUTO, CHARGE, DISCHARGE, HOLD.
    """
    mode, grid = _choose(
        level,
        outlook.nets[:, 0],
        outlook.chances,
        outlook.prices[0],
        outlook.grid_in[0],
        outlook.grid_out[0],
        worth[1],
        limits(battery),
        (costs.fee, costs.wear),
    )
    return Order(mode, grid)


def plan(
    battery: Battery, outlook: Outlook, level: int, *, costs: Costs, levels: int = LEVELS
) -> list[Order]:
    """Return what to do in each period from a level on; AUTO throughout where that costs no more.

    So it never costs more than AUTO does, whatever the lattice, if all comes as in the likeliest
    future; and followed anew from each period on, neither.
    """
    worth = values(battery, outlook, costs=costs, levels=levels)
    real = outlook.nets[int(np.argmax(outlook.chances))]
    orders = _followed(
        level,
        outlook.nets,
        outlook.chances,
        real,
        outlook.prices,
        outlook.grid_in,
        outlook.grid_out,
        worth,
        limits(battery),
        (costs.fee, costs.wear),
    )
    alone = np.zeros_like(orders)
    ours, theirs = (
        _cost(each, outlook.prices, real, level, limits(battery), (costs.fee, costs.wear))
        for each in (orders, alone)
    )
    return [Order(*row) for row in (orders if ours < theirs else alone).tolist()]


def cost_of(  # noqa: PLR0913 - what is done, and in which world
    orders: Sequence[Order], battery: Battery, prices: Mwh, nets: Mwh, level: int, *, costs: Costs
) -> int:
    """Return what following orders from a level costs, in cents a MWh times mWh."""
    told = np.array(orders, dtype=np.int64).reshape(-1, 2)
    return int(_cost(told, prices, nets, level, limits(battery), (costs.fee, costs.wear)))


@compiled
def _cost(  # noqa: PLR0913, PLR0917
    orders: Mwh,
    prices: Mwh,
    nets: Mwh,
    level: int,
    battery: tuple[int, int, int, int, int],
    costs: tuple[int, int],
) -> int:
    total = 0
    for period in range(len(orders)):
        takes, gives, level = move(
            orders[period, 0],
            orders[period, 1],
            level,
            nets[period],
            battery[0],
            battery[1],
            battery[2],
            battery[3],
            battery[4],
        )
        total += stage_cost(nets[period], takes, gives, prices[period], costs[0], costs[1])
    return total


@compiled
def stage_cost(net: int, takes: int, gives: int, price: int, fee: int, wear: int) -> int:  # noqa: PLR0913, PLR0917
    """Return what a period costs: imports at price and fee, less exports at the price, and wear."""
    at_grid = net + takes - gives
    cost = at_grid * price + takes * wear
    if at_grid > 0:
        cost += at_grid * fee
    return cost


@compiled
def _read(worth: Worth, step: float, above: float) -> float:
    """Return the cost at a level so far above the reserve; below it the first line goes on."""
    place = min(max(int(above / step), 0), len(worth) - 2)
    if above >= step * (len(worth) - 1):
        return float(worth[-1])
    return float(worth[place] + (worth[place + 1] - worth[place]) * (above / step - place))


@compiled
def _choose(  # noqa: PLR0913, PLR0917
    level: int,
    nets: Mwh,
    chances: Chances,
    price: int,
    grid_in: int,
    grid_out: int,
    worth: Worth,
    battery: tuple[int, int, int, int, int],
    costs: tuple[int, int],
) -> tuple[int, int]:
    """Return the order of the least expected cost, mode and grid."""
    least, chosen, amount = 0.0, AUTO, 0
    step = max(battery[0] - battery[1], 1) / (worth.shape[1] - 1)
    for number in range(len(_CHOICES)):
        mode, part = _CHOICES[number, 0], _CHOICES[number, 1]
        most = 0
        if mode == CHARGE:
            most = min(grid_in, battery[2])
        if mode == DISCHARGE:
            most = min(grid_out, battery[3])
        grid = most * part // _PARTS
        if part and not grid:
            continue
        total = 0.0
        for future in range(len(nets)):
            net = nets[future]
            takes, gives, after = move(
                mode, grid, level, net, battery[0], battery[1], battery[2], battery[3], battery[4]
            )
            cost = float(stage_cost(net, takes, gives, price, costs[0], costs[1]))
            total += chances[future] * (cost + _read(worth[future], step, after - battery[1]))
        if not number or total < least - _NOTHING:
            least, chosen, amount = total, mode, grid
    return chosen, amount


@compiled
def _targets(
    worth: Worth, step: float, price: int, costs: tuple[int, int], efficiency: float
) -> tuple[float, float, float, float]:
    """Return up to which level above the reserve the grid, and the sun, are worth storing.

    And down to which the household, and the grid, are worth serving.
    """
    last = len(worth) - 1
    of_grid, of_sun, to_load, to_grid = 0.0, 0.0, last * step, last * step
    for place in range(last):
        value = (worth[place] - worth[place + 1]) / step
        if efficiency * value > price + costs[0] + costs[1]:
            of_grid = (place + 1) * step
        if efficiency * value > price + costs[1]:
            of_sun = (place + 1) * step
    for place in range(last - 1, -1, -1):
        value = (worth[place] - worth[place + 1]) / step
        if value < price + costs[0]:
            to_load = place * step
        if value < price:
            to_grid = place * step
    return of_grid, of_sun, to_load, to_grid


@compiled
def _answered(  # noqa: PLR0913, PLR0917
    net: int,
    price: int,
    grid_in: int,
    grid_out: int,
    after: Worth,
    battery: tuple[int, int, int, int, int],
    costs: tuple[int, int],
    worth: Worth,
) -> None:
    """Fill in what a period and all after it cost from each level, with the best answer."""
    efficiency = battery[4] / PERCENT
    step = max(battery[0] - battery[1], 1) / (len(after) - 1)
    of_grid, of_sun, to_load, to_grid = _targets(after, step, price, costs, efficiency)
    sun, load = float(max(-net, 0)), float(max(net, 0))
    for place in range(len(after)):
        level = place * step
        takes = max(
            min((of_sun - level) / efficiency, sun),
            min((of_grid - level) / efficiency, sun + grid_in),
        )
        takes = min(max(takes, 0.0), float(battery[2]))
        gives = 0.0
        if takes == 0.0:
            gives = max(min(level - to_load, load), min(level - to_grid, load + grid_out))
            gives = min(max(gives, 0.0), float(battery[3]))
        at_grid = net + takes - gives
        cost = at_grid * price + takes * costs[1]
        if at_grid > 0.0:
            cost += at_grid * costs[0]
        worth[place] = cost + _read(after, step, level + takes * efficiency - gives)


@compiled
def _values(  # noqa: PLR0913, PLR0917
    nets: Mwh,
    prices: Mwh,
    grid_in: Mwh,
    grid_out: Mwh,
    battery: tuple[int, int, int, int, int],
    costs: tuple[int, int],
    levels: int,
) -> Worth:
    futures, periods = nets.shape
    worth = np.zeros((periods + 1, futures, levels))
    for period in range(periods - 1, -1, -1):
        now = worth[period]
        for future in range(futures):
            _answered(
                nets[future, period],
                prices[period],
                grid_in[period],
                grid_out[period],
                worth[period + 1, future],
                battery,
                costs,
                now[future],
            )
        for place in range(levels):
            mean = 0.0
            for future in range(futures):
                mean += now[future, place]
            mean /= futures
            for future in range(futures):
                now[future, place] += TURNS * (mean - now[future, place])
    return worth


@compiled
def _followed(  # noqa: PLR0913, PLR0917
    level: int,
    nets: Mwh,
    chances: Chances,
    real: Mwh,
    prices: Mwh,
    grid_in: Mwh,
    grid_out: Mwh,
    worth: Worth,
    battery: tuple[int, int, int, int, int],
    costs: tuple[int, int],
) -> Mwh:
    """Return the orders chosen from a level on, where `real` comes: mode and grid by period."""
    orders = np.zeros((len(real), 2), dtype=np.int64)
    for period in range(len(real)):
        mode, grid = _choose(
            level,
            nets[:, period],
            chances,
            prices[period],
            grid_in[period],
            grid_out[period],
            worth[period + 1],
            battery,
            costs,
        )
        orders[period, 0] = mode
        orders[period, 1] = grid
        _, _, level = move(
            mode,
            grid,
            level,
            real[period],
            battery[0],
            battery[1],
            battery[2],
            battery[3],
            battery[4],
        )
    return orders
