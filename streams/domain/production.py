"""Which plant gives how much in the next minute: by merit, within minimum, maximum and ramps.

The demand is the forecast of the net load and the reserve. Sun and wind cost nothing and so come
first; their power is what they could give, no plan of ours. What no plant can reach is a deficit:
the reserve is given up first, and the rest is for regulation. Power is in W.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from schemas.production import OrderReason

VOLATILE: Final = frozenset({"solar", "wind"})
"""Sources that give what the sky lets them."""

_DEAREST: Final = Decimal(10**9)
_DIRTIEST: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductionPolicy:
    """How plants are asked.

    Attributes:
        reserve_percent: Of the forecast, asked for beyond it.
        keep_percent: A plant that runs is stopped only when the others could give so much more
            than the highest demand in sight, ...
        keep_minutes: ... within so many minutes.
        valid_minutes: How long an order holds without a further one.
        ahead_minutes: A deficit is handed to regulation so long before it is there.
        silent_minutes: A plant whose last reading is older is taken to stay where it was.
        lost_minutes: One whose last reading is older is not counted on.
        tolerance_percent: Of its capacity, by which what a plant gives may miss its order.
        disobeying_minutes: So many misses in a row, and it is not counted on to follow.

    Raises:
        ValueError: If these can't be together.
    """

    reserve_percent: float = 2.0
    keep_percent: float = 10.0
    keep_minutes: int = 15
    valid_minutes: int = 4
    ahead_minutes: int = 5
    silent_minutes: int = 3
    lost_minutes: int = 15
    tolerance_percent: float = 3.0
    disobeying_minutes: int = 3

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        if self.lost_minutes < self.silent_minutes:
            raise ValueError(
                f"lost_minutes={self.lost_minutes} must be at least "
                f"silent_minutes={self.silent_minutes}"
            )
        if self.reserve_percent < 0:
            raise ValueError(f"reserve_percent={self.reserve_percent} must be at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A plant as it stands before an order.

    Attributes:
        minimum_w: Below it the plant must be off.
        maximum_w: What it could give now: by its capacity, and by water, wind, sun, faults.
        ramp_w: By how much it can change in the time of the order; None: by any.
        now_w: What it gives; what is counted on, where that is not known.
        held_w: What it was ordered last: whoever can't be steered goes on being told that.
        follows: Whether it does what it is told; one that does not is taken to stay where it is.
        is_known: Whether it reports.
        in_service: One that is not gives nothing.
    """

    plant_id: str
    minimum_w: int
    maximum_w: int
    ramp_w: int | None
    now_w: int
    held_w: int = 0
    cost_eur_per_mwh: Decimal | None = None
    co2_g_per_kwh: int | None = None
    is_volatile: bool = False
    follows: bool = True
    is_known: bool = True
    in_service: bool = True

    @property
    def merit(self) -> tuple[Decimal, int, str]:
        """Where it stands: by cost, among equals by CO2; who does not say is asked last."""
        cost, co2 = self.cost_eur_per_mwh, self.co2_g_per_kwh
        return (
            _DEAREST if cost is None else cost,
            _DIRTIEST if co2 is None else co2,
            self.plant_id,
        )

    @property
    def steers(self) -> bool:
        """Whether an order changes what it gives."""
        return self.in_service and self.follows and self.is_known

    @property
    def is_on(self) -> bool:
        """Whether it runs at its minimum or above; one without a minimum always does."""
        return self.in_service and self.can_run and self.now_w >= self.minimum_w

    @property
    def can_be_on(self) -> bool:
        """Whether it is at its minimum or above by the end of the time, if it is ordered to."""
        return self.steers and self.can_run and self.reach(self.maximum_w) >= self.minimum_w

    @property
    def can_run(self) -> bool:
        """Whether what it could give is its minimum or more."""
        return self.maximum_w >= self.minimum_w

    def reach(self, ordered_w: int, *, steps: int = 1) -> int:
        """Return what it gives after so many times of an order, W."""
        if not self.steers:
            return self.now_w if self.in_service else 0
        wanted = min(ordered_w, self.maximum_w)
        if self.ramp_w is None:
            return wanted
        most = self.ramp_w * steps
        moved = min(max(wanted, self.now_w - most), self.now_w + most)
        return min(moved, self.maximum_w)

    def lowest(self) -> int:
        """Return the least that it can be ordered to give while it stays on."""
        return max(self.minimum_w, self.reach(0))

    def highest(self) -> int:
        """Return the most that it can be ordered to give while it stays on."""
        return max(self.minimum_w, self.reach(self.maximum_w))


@dataclass(frozen=True, slots=True)
class Order:
    """What a plant is asked for, why, and what it will give of it by the end of the time."""

    plant_id: str
    ordered_w: int
    expected_w: int
    reason: OrderReason


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What all plants are asked for.

    Attributes:
        demand_w: Forecast and reserve.
        deficit_w: Of the forecast, what no plant can reach; the reserve is given up first.
        surplus_w: What plants can't avoid giving beyond the demand.
    """

    orders: tuple[Order, ...]
    forecast_w: int
    reserve_w: int
    deficit_w: int
    surplus_w: int

    @property
    def demand_w(self) -> int:
        """Forecast and reserve."""
        return self.forecast_w + self.reserve_w

    @property
    def expected_w(self) -> int:
        """What all will give."""
        return sum(order.expected_w for order in self.orders)


def reserve_w(forecast_w: int, policy: ProductionPolicy) -> int:
    """Return what is asked for beyond a forecast, W, rounded up; nothing of what is fed in.

    >>> reserve_w(1_000, ProductionPolicy(reserve_percent=2))
    20
    """
    return -int(-max(forecast_w, 0) * policy.reserve_percent // 100)


def dispatch(
    units: Sequence[Unit],
    *,
    forecasts_w: Sequence[int],
    peak_w: int,
    policy: ProductionPolicy,
) -> Dispatch:
    """Return what each plant is asked for, so that together they meet the forecast and the reserve.

    Plants that have to be on for the highest demand in sight are started or kept, cheapest first.
    Of these each gives what its ramp leaves as the least, and the rest is filled up by merit.

    Args:
        units: Every plant that is known.
        forecasts_w: Net load expected in the time of the order, and in such times after it.
        peak_w: The highest net load in sight, for which plants have to be started in time.
        policy: How.
    """
    forecast = forecasts_w[0]
    reserve = reserve_w(forecast, policy)
    demand = forecast + reserve
    on = committed(units, forecasts_w=forecasts_w, peak_w=peak_w, policy=policy)
    running = {unit.plant_id: unit for unit in units if unit.plant_id in on and unit.can_be_on}
    low = _leave_out(running, units, on, demand)
    set_points = {name: unit.lowest() for name, unit in low.items()}
    # What starts and stops passes below its minimum on its way.
    left = demand - _others_w(units, low, on) - sum(set_points.values())
    for unit in sorted(low.values(), key=lambda unit: unit.merit):
        more = min(max(left, 0), unit.highest() - unit.lowest())
        set_points[unit.plant_id] += more
        left -= more
    orders = tuple(
        _order(unit, set_points=set_points, on=on, left=left)
        for unit in sorted(units, key=lambda unit: unit.plant_id)
    )
    given = sum(order.expected_w for order in orders)
    return Dispatch(
        orders,
        forecast,
        reserve,
        deficit_w=max(forecast - given, 0),
        surplus_w=max(given - max(demand, 0), 0),
    )


def committed(
    units: Sequence[Unit],
    *,
    forecasts_w: Sequence[int],
    peak_w: int,
    policy: ProductionPolicy,
) -> frozenset[str]:
    """Return which plants have to be on for the highest demand in sight.

    Cheapest first, until what they can give, sun and wind as now, is enough. A plant that runs
    goes on until those before it that run could soon give `keep_percent` more: starting costs, and
    a demand that wavers about a limit must not switch a plant on and off. Where these are too slow
    for what comes next, further ones help out.
    """
    peak = max(peak_w, *forecasts_w)
    needed = peak + reserve_w(peak, policy)
    enough = needed + max(needed, 0) * policy.keep_percent / 100
    on: set[str] = set()
    possible = soon = 0
    by_merit = sorted(units, key=lambda unit: unit.merit)
    for unit in by_merit:
        if not unit.steers:
            possible += unit.reach(0)
            soon += unit.reach(0)
            continue
        wanted = soon < enough if unit.is_on else possible < needed
        if unit.can_run and (wanted or not unit.minimum_w):
            on.add(unit.plant_id)
            possible += unit.maximum_w
            if unit.is_on:
                soon += unit.reach(unit.maximum_w, steps=policy.keep_minutes)
    for unit in by_merit:
        if shortage_w(units, forecasts_w, on=frozenset(on)) <= 0:
            break
        if unit.steers and unit.can_run:
            on.add(unit.plant_id)
    return frozenset(on)


def shortage_w(
    units: Iterable[Unit], forecasts_w: Sequence[int], *, on: frozenset[str] | None = None
) -> int:
    """Return the most that is missing in one of the coming times, whatever is ordered now, W.

    Args:
        units: Every plant that is known.
        forecasts_w: Net load of the next time, of the one after it, and so on.
        on: Which plants may be on; None: all.
    """
    known = [
        (unit, unit.maximum_w if unit.can_run and (on is None or unit.plant_id in on) else 0)
        for unit in units
    ]
    return max(
        forecast - sum(unit.reach(most, steps=steps) for unit, most in known)
        for steps, forecast in enumerate(forecasts_w, 1)
    )


def _others_w(units: Iterable[Unit], low: Collection[str], on: frozenset[str]) -> int:
    """Return what those give that do not stay on: that start, stop, or can't be steered, W."""
    return sum(
        unit.reach(unit.minimum_w if _starts(unit, on) else 0)
        for unit in units
        if unit.plant_id not in low
    )


def _starts(unit: Unit, on: frozenset[str]) -> bool:
    return unit.steers and unit.plant_id in on and not unit.can_be_on


def _leave_out(
    running: Mapping[str, Unit], units: Sequence[Unit], on: frozenset[str], demand_w: int
) -> Mapping[str, Unit]:
    """Return who stays on: where their least is too much, the dearest go off, while that helps."""
    low = dict(running)
    excess = _others_w(units, low, on) + sum(unit.lowest() for unit in low.values()) - demand_w
    for unit in sorted(running.values(), key=lambda unit: unit.merit, reverse=True):
        saved = unit.lowest() - unit.reach(0)
        if excess > 0 and unit.minimum_w and saved > 0:
            del low[unit.plant_id]
            excess -= saved
    return low


def _order(unit: Unit, *, set_points: Mapping[str, int], on: frozenset[str], left: int) -> Order:
    name = unit.plant_id
    if not unit.in_service:
        return Order(name, 0, 0, OrderReason.OUT_OF_SERVICE)
    if not unit.steers:
        reason = OrderReason.DISOBEYS if unit.is_known else OrderReason.SILENT
        return Order(name, within(unit, unit.held_w), unit.now_w, reason)
    if name in set_points:
        ordered = set_points[name]
        return Order(name, ordered, unit.reach(ordered), _why(unit, ordered, left))
    if _starts(unit, on):
        return Order(name, unit.minimum_w, unit.reach(unit.minimum_w), OrderReason.STARTING)
    reason = OrderReason.STOPPING if unit.now_w else OrderReason.NOT_NEEDED
    return Order(name, 0, unit.reach(0), reason)


def _why(unit: Unit, ordered: int, left: int) -> OrderReason:
    if not unit.is_on:
        return OrderReason.STARTING
    if ordered == unit.maximum_w:
        return OrderReason.AT_MAXIMUM
    if ordered == unit.highest() and left > 0:
        return OrderReason.RAMP_LIMIT
    if ordered == unit.lowest():
        return OrderReason.AT_MINIMUM if ordered == unit.minimum_w else OrderReason.RAMP_LIMIT
    return OrderReason.MERIT


def within(unit: Unit, watts: int) -> int:
    """Return the nearest of what a plant can be ordered, W: 0, or from its minimum to its maximum.

    >>> plant = Unit(plant_id="g1", minimum_w=300, maximum_w=900, ramp_w=None, now_w=0)
    >>> within(plant, 200), within(plant, 500), within(plant, 1_000)
    (0, 500, 900)
    """
    if watts < unit.minimum_w or not unit.can_run:
        return 0
    return min(watts, unit.maximum_w)


def guarded(orders: Iterable[Order], units: Mapping[str, Unit]) -> tuple[list[Order], list[Order]]:
    """Return orders that are within their plants' limits, and those that were not.

    The last door before an order leaves: what stands here is a fault of ours, and the nearest that
    the plant can do goes out instead.
    """
    safe, broken = [], []
    for order in orders:
        unit = units[order.plant_id]
        allowed = within(unit, order.ordered_w)
        if allowed != order.ordered_w:
            broken.append(order)
        safe.append(replace(order, ordered_w=allowed))
    return safe, broken
