"""When a battery buys, keeps and gives: dynamic programming over its level, backwards in time.

The cost of what is still to come is reckoned for a lattice of levels and read between them on a
straight line. In each period the orders to choose from are AUTO, HOLD, and CHARGE and DISCHARGE
with none, a quarter, a half, three quarters and all of what may be moved at the grid. What a period
may bring is one or more cases of net load, equally likely, and independent from period to period.
So a battery trades only when the later price times the efficiency, less the price now, is above its
wear; and of orders that come to the same under the forecast it takes the one that copes best when
the forecast is wrong.

Costs are whole numbers of cents a MWh times mWh, 1e-11 EUR, so nothing is rounded but where the
lattice is read and cases are averaged.
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
    Battery,
    Order,
    limits,
    move,
)

Mwh = npt.NDArray[np.int64]

LEVELS: Final = 25
"""Points of the lattice: 524 Wh apart in a battery of 10 kWh; more of them save no more."""

COST_OF_A_EURO: Final = 10**11
_FINE: Final = 10
"""Between two levels the cost is read at 2^10 places."""

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
        nets: (case, period) consumption less production of the household, mWh.
        prices: Of a MWh, cents; what is exported earns it, what is imported costs it and the fee.
        grid_in: What may be drawn from the grid to be stored, mWh.
        grid_out: What may be given from the store to the grid, mWh.
    """

    nets: Mwh
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


def values(battery: Battery, outlook: Outlook, *, costs: Costs, levels: int = LEVELS) -> Mwh:
    """Return the least cost from each period's start to the end, (period and one more, level).

    What is stored at the end is worth nothing.
    """
    return _values(
        outlook.nets,
        outlook.prices,
        outlook.grid_in,
        outlook.grid_out,
        limits(battery),
        (costs.fee, costs.wear),
        shift_of(battery, levels=levels),
        levels,
    )


def shift_of(battery: Battery, *, levels: int = LEVELS) -> int:
    """Return how far apart the lattice's levels are, as a power of two mWh: shifts are cheap."""
    return max((-(-battery.capacity // (levels - 1)) - 1).bit_length(), _FINE)


def best_order(  # noqa: PLR0913 - a level, a time and what is known
    battery: Battery, outlook: Outlook, worth: Mwh, level: int, *, costs: Costs, period: int = 0
) -> Order:
    """Return what to do in a period at a level, when `worth` is what `values` returned.

    Of orders that cost the same it is the first: AUTO, CHARGE, DISCHARGE, HOLD.
    """
    mode, grid, _ = _choose(
        level,
        outlook.nets[:, period],
        outlook.prices[period],
        outlook.grid_in[period],
        outlook.grid_out[period],
        worth[period + 1],
        limits(battery),
        (costs.fee, costs.wear),
        shift_of(battery, levels=worth.shape[1]),
    )
    return Order(mode, grid)


def plan(
    battery: Battery, outlook: Outlook, level: int, *, costs: Costs, levels: int = LEVELS
) -> list[Order]:
    """Return what to do in each period from a level on; AUTO throughout where that costs no more.

    So it never costs more than AUTO does, whatever the lattice, if all comes as expected (of
    several cases: as in the one in the middle); and followed anew from each period on, neither.
    """
    worth = values(battery, outlook, costs=costs, levels=levels)
    real = outlook.nets[len(outlook.nets) // 2]
    orders = _followed(
        level,
        outlook.nets,
        real,
        outlook.prices,
        outlook.grid_in,
        outlook.grid_out,
        worth,
        limits(battery),
        (costs.fee, costs.wear),
        shift_of(battery, levels=levels),
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
def _choose(  # noqa: PLR0913, PLR0917
    level: int,
    nets: Mwh,
    price: int,
    grid_in: int,
    grid_out: int,
    worth: Mwh,
    battery: tuple[int, int, int, int, int],
    costs: tuple[int, int],
    shift: int,
) -> tuple[int, int, int]:
    """Return the order of the least expected cost, mode and grid, and that cost.

    One function, as handing an array to another takes longer than what is done with it.
    """
    least, chosen, amount = 0, AUTO, 0
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
        total = 0
        for case in range(len(nets)):
            net = nets[case]
            takes, gives, after = move(
                mode, grid, level, net, battery[0], battery[1], battery[2], battery[3], battery[4]
            )
            total += stage_cost(net, takes, gives, price, costs[0], costs[1])
            place = after >> shift
            if place >= len(worth) - 1:
                total += worth[-1]
            else:
                # No finer, or the product could be too large.
                beyond = after - (place << shift) >> shift - _FINE
                slope = worth[place + 1] - worth[place]
                total += worth[place] + (slope * beyond >> _FINE)
        if not number or total < least:
            least, chosen, amount = total, mode, grid
    return chosen, amount, least // len(nets)


@compiled
def _values(  # noqa: PLR0913, PLR0917
    nets: Mwh,
    prices: Mwh,
    grid_in: Mwh,
    grid_out: Mwh,
    battery: tuple[int, int, int, int, int],
    costs: tuple[int, int],
    shift: int,
    levels: int,
) -> Mwh:
    periods = nets.shape[1]
    worth = np.zeros((periods + 1, levels), dtype=np.int64)
    for period in range(periods - 1, -1, -1):
        cases, after = nets[:, period].copy(), worth[period + 1]
        for place in range(levels):
            worth[period, place] = _choose(
                place << shift,
                cases,
                prices[period],
                grid_in[period],
                grid_out[period],
                after,
                battery,
                costs,
                shift,
            )[2]
    return worth


@compiled
def _followed(  # noqa: PLR0913, PLR0917
    level: int,
    nets: Mwh,
    real: Mwh,
    prices: Mwh,
    grid_in: Mwh,
    grid_out: Mwh,
    worth: Mwh,
    battery: tuple[int, int, int, int, int],
    costs: tuple[int, int],
    shift: int,
) -> Mwh:
    """Return the orders chosen from a level on, where `real` comes: mode and grid by period."""
    orders = np.zeros((len(real), 2), dtype=np.int64)
    for period in range(len(real)):
        mode, grid, _ = _choose(
            level,
            nets[:, period],
            prices[period],
            grid_in[period],
            grid_out[period],
            worth[period + 1],
            battery,
            costs,
            shift,
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
