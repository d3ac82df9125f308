"""What each battery of a community shall do in the next period, and why.

A battery is planned for on its own, against what is expected of its household. What all of them
together may draw from the grid, or feed into it, is limited by what the community is used to, and
each has its share of that: so they never make a peak that was not there without them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.batteries import BatteryReason
from schemas.units import PERIOD_S
from streams.domain.batteries import (
    AUTO,
    CHARGE,
    DISCHARGE,
    HOLD,
    MWH_OF_A_WATT,
    PERCENT,
    Battery,
    Order,
    follow,
)
from streams.domain.batteries_futures import Futures, futures_of
from streams.domain.batteries_plan import Costs, Mwh, Outlook, best_order, values
from streams.domain.forecast import PERIODS_A_DAY, ForecastPolicy, Watts, blend
from streams.domain.prices import Prospect

DAYS_LOOKED_AT: Final = 7
CASES: Final = np.array([-1.0, 0.0, 1.0]) * np.sqrt(1.5)
"""Three equally likely cases with the mean and the variance of the errors."""

_OF_A_DIFFERENCE: Final = 0.65
"""Two days differ by the errors of both; the forecast has its own, and a part of the past's."""


COSTS: Final = Costs(fee=15_000, wear=3_000)
"""15 cents a kWh of fees and taxes, and 3 of wear."""


class BatteryPolicyError(ValueError):
    """Rules that can't be; the text names them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatteryPolicy:
    """The rules of batteries.

    Attributes:
        efficiency_percent: Of what is charged, so much can be discharged.
        reserve_percent: Of the capacity that stays in the battery.
        power_percent: Of the capacity that it takes or gives in an hour.
        costs: What a mWh costs besides its price.
        horizon_periods: How far ahead is planned.
        known_periods: For so many periods ahead prices must be known.
        connection_percent: Of the community's connection that batteries may fill it to.
        forecast: How net load is forecast.
    """

    efficiency_percent: int = 90
    reserve_percent: int = 10
    power_percent: int = 50
    costs: Costs = COSTS
    horizon_periods: int = 36 * 4
    known_periods: int = 24
    connection_percent: int = 90
    forecast: ForecastPolicy = field(default_factory=ForecastPolicy)

    def __post_init__(self) -> None:
        """Refuse to ask for more prices than are looked at."""
        if not 0 < self.known_periods <= self.horizon_periods:
            raise BatteryPolicyError(
                f"known_periods={self.known_periods} must lie in "
                f"1..horizon_periods={self.horizon_periods}"
            )

    def battery(self, capacity_wh: int) -> Battery:
        """Return what a battery of a registered capacity can do."""
        capacity = capacity_wh * 1000
        most = capacity * self.power_percent // PERCENT * PERIOD_S // 3600
        return Battery(
            capacity=capacity,
            reserve=capacity * self.reserve_percent // PERCENT,
            charge_most=most,
            discharge_most=most,
            efficiency_percent=self.efficiency_percent,
        )


_ALONE: Final = Order()


@dataclass(frozen=True, kw_only=True, slots=True)
class Household:
    """A household with a battery.

    Attributes:
        battery: What it can do.
        history: Its mean net load without the battery in quarter-hours, W, oldest first, NaN where
            it is not known; ends where the period after the last closed one begins.
        level: Of the battery at that time, mWh; None when it is not known.
        standing: What it was told for the period that has begun then.
    """

    battery: Battery
    history: Watts
    level: int | None
    standing: Order = _ALONE


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What the households of a community have in common.

    Attributes:
        history: The community's mean net load without batteries, as a household's.
        limit_w: What its connection bears; None when it is not known.
        is_limited: Whether regulation holds its load down.
    """

    history: Watts
    limit_w: int | None = None
    is_limited: bool = False


class Decision(NamedTuple):
    """What a battery shall do, why, and the level it is expected at then, mWh; None: not known."""

    order: Order
    reason: BatteryReason
    level: int | None


class Room(NamedTuple):
    """What all batteries together may draw from the grid, and feed into it, by period, mWh."""

    grid_in: Mwh
    grid_out: Mwh


_REASONS: Final = {
    AUTO: BatteryReason.SELF_CONSUMPTION,
    HOLD: BatteryReason.WORTH_MORE_LATER,
    CHARGE: BatteryReason.CHEAP,
    DISCHARGE: BatteryReason.DEAR,
}


def decide(
    households: Mapping[str, Household],
    around: Surroundings,
    prospect: Prospect | None,
    *,
    now: int,
    policy: BatteryPolicy,
) -> dict[str, Decision]:
    """Return what each household's battery shall do in the period after the one that begins now.

    Args:
        households: By their meters.
        around: Their community.
        prospect: Prices from that next period on; None when its price is not known.
        now: Where the last closed period ended, epoch s.
        policy: The rules.
    """
    if not households:
        return {}
    batteries = [household.battery for household in households.values()]
    futures = futures_of(
        np.stack([household.history for household in households.values()]),
        start=now,
        periods=policy.horizon_periods + 1,
        policy=policy.forecast,
    )
    levels = [
        level_next(household, float(expected))
        for household, expected in zip(households.values(), futures.mean[:, 0], strict=True)
    ]
    if prospect is None or prospect.known < policy.known_periods:
        return {
            meter: safe(
                Decision(Order(), BatteryReason.PRICES_MISSING, level),
                battery,
                grid_most=0,
                is_limited=around.is_limited,
            )
            for meter, battery, level in zip(households, batteries, levels, strict=True)
        }
    room = room_of(around, futures, start=now, policy=policy)
    chances = outlooks(futures, batteries, room, prospect)
    return {
        meter: decision_of(household.battery, chance, level, around, policy)
        for meter, household, chance, level in zip(
            households, households.values(), chances, levels, strict=True
        )
    }


def outlooks(
    futures: Futures, batteries: Sequence[Battery], room: Room | None, prospect: Prospect
) -> list[Outlook | None]:
    """Return what each household plans by, from the second expected period on; None without any.

    Args:
        futures: Of the period that has begun and those of the prospect.
        batteries: By household.
        room: What all may move at the grid, by period; None: as much as they can.
        prospect: Prices.
    """
    power = sum(battery.charge_most for battery in batteries)
    found: list[Outlook | None] = []
    for battery, nets, chances in zip(batteries, *futures, strict=True):
        if not np.isfinite(nets).all():
            found.append(None)
            continue
        free = np.full_like(prospect.cents, battery.charge_most)
        grid_in, grid_out = (
            (free, free) if room is None else (share_of(way[1:], battery, power) for way in room)
        )
        found.append(
            Outlook(
                nets=in_mwh(nets[:, 1:]),
                chances=chances,
                prices=prospect.cents,
                grid_in=grid_in,
                grid_out=grid_out,
            )
        )
    return found


def decision_of(
    battery: Battery,
    outlook: Outlook | None,
    level: int | None,
    around: Surroundings,
    policy: BatteryPolicy,
) -> Decision:
    """Return what a battery is told for the first period of its outlook, from its level then."""
    if level is None:
        return Decision(Order(), BatteryReason.LEVEL_UNKNOWN, None)
    if outlook is None:
        told = Decision(Order(), BatteryReason.FORECAST_MISSING, level)
        return safe(told, battery, grid_most=0, is_limited=around.is_limited)
    worth = values(battery, outlook, costs=policy.costs)
    order = best_order(battery, outlook, worth, level, costs=policy.costs)
    order = order._replace(grid=order.grid // MWH_OF_A_WATT * MWH_OF_A_WATT)
    most = outlook.grid_in[0] if order.mode == CHARGE else outlook.grid_out[0]
    return safe(
        Decision(order, _reason(order), level),
        battery,
        grid_most=int(most),
        is_limited=around.is_limited,
    )


def safe(decision: Decision, battery: Battery, *, grid_most: int, is_limited: bool) -> Decision:
    """Return a decision as it may be told: AUTO where it would break a rule.

    While regulation holds the community's load down, nothing is drawn or held back. A battery at
    its reserve takes what the sun leaves over, and gives nothing. Beyond that a decision that
    breaks a rule is a fault of ours, and its reason is UNSAFE.

    Args:
        decision: What is planned.
        battery: Of the household.
        grid_most: What may be moved at the grid, mWh.
        is_limited: Whether regulation holds the load down.
    """
    order, level = decision.order, decision.level
    most = {CHARGE: battery.charge_most, DISCHARGE: battery.discharge_most}.get(order.mode, 0)
    if not 0 <= order.grid <= min(most, max(grid_most, 0)):
        decision = decision._replace(order=Order(), reason=BatteryReason.UNSAFE)
    elif is_limited and order.mode in {CHARGE, HOLD}:
        decision = decision._replace(order=Order(), reason=BatteryReason.COMMUNITY_LIMITED)
    is_empty = level is not None and level <= battery.reserve
    if is_empty and decision.order.mode in {AUTO, DISCHARGE}:
        is_unsafe = decision.reason is BatteryReason.UNSAFE
        reason = BatteryReason.UNSAFE if is_unsafe else BatteryReason.RESERVE
        return decision._replace(order=Order(CHARGE), reason=reason)
    return decision


def expectations(histories: Watts, *, start: int, periods: int, policy: BatteryPolicy) -> Watts:
    """Return what net load to expect, W, (household, case, period), NaN where nothing is known.

    The middle case is the forecast; the others lie as far from it as days have differed from one
    another at that time of the day.
    """
    forecast = blend(histories, period_start=start, horizon_periods=periods, policy=policy.forecast)
    errors = _errors(histories)[:, np.arange(periods) % PERIODS_A_DAY]
    cases: Watts = forecast[:, None, :] + CASES[None, :, None] * errors[:, None, :]
    return cases


def _errors(histories: Watts) -> Watts:
    """Return how far a forecast is off at each time of the day, W; 0 where nobody can know."""
    days = min(histories.shape[-1] // PERIODS_A_DAY, DAYS_LOOKED_AT)
    if days < 2:  # noqa: PLR2004 - from the second day on there is a difference
        return np.zeros((len(histories), PERIODS_A_DAY))
    recent = histories[:, -days * PERIODS_A_DAY :].reshape(len(histories), days, PERIODS_A_DAY)
    squares = np.diff(recent, axis=1) ** 2
    known = np.isfinite(squares)
    sums, counts = np.where(known, squares, 0).sum(axis=1), known.sum(axis=1)
    # A quarter-hour alone says little: those beside it count as well.
    near = range(-2, 3)
    sums = sum(np.roll(sums, shift, axis=1) for shift in near)
    counts = sum(np.roll(counts, shift, axis=1) for shift in near)
    mean: Watts = np.sqrt(_OF_A_DIFFERENCE * sums / np.maximum(counts, 1))
    return mean


def room_of(around: Surroundings, futures: Futures, *, start: int, policy: BatteryPolicy) -> Room:
    """Return what batteries may move at the grid, from the period that begins at `start` on.

    The community's load without them, at its highest case, is filled up to the median of its last
    days' highest quarter-hours, and no further than a share of its connection; what it feeds in
    likewise. Batteries that charge take the sun of their households as well, which the community
    then lacks; and those that discharge take the households' load from it. Before a day is known
    they move nothing.

    Args:
        around: The community.
        futures: Of its households with a battery.
        start: Epoch s.
        policy: The rules.
    """
    periods = policy.horizon_periods + 1
    expected = expectations(around.history[None], start=start, periods=periods, policy=policy)[0]
    days = min(len(around.history) // PERIODS_A_DAY, DAYS_LOOKED_AT)
    none = np.zeros(periods, dtype=np.int64)
    if not days or around.is_limited or not np.isfinite(expected).all():
        return Room(none, none)
    recent = around.history[-days * PERIODS_A_DAY :].reshape(days, PERIODS_A_DAY)
    known = recent[np.isfinite(recent).all(axis=1)]
    if not len(known):
        return Room(none, none)
    most_in = np.median(known.max(axis=1))
    # Who never feeds anything in may still come down to nothing.
    most_out = max(np.median(-known.min(axis=1)), 0.0)
    if around.limit_w is not None:
        bears = around.limit_w * policy.connection_percent / PERCENT
        most_in, most_out = min(most_in, bears), min(most_out, bears)
    # A future is the same day for all.
    nets = np.nan_to_num(futures.nets)
    sun, load = (np.maximum(way, 0).sum(axis=0).max(axis=0) for way in (-nets, nets))
    return Room(
        in_mwh(np.maximum(most_in - expected.max(axis=0) - sun, 0)),
        in_mwh(np.maximum(expected.min(axis=0) - load + most_out, 0)),
    )


def share_of(room: Mwh, battery: Battery, power: int) -> Mwh:
    """Return a battery's share of a room, by its power among that of all, mWh a period each."""
    # Watts first: a product of mWh could be too large.
    share: Mwh = room // MWH_OF_A_WATT * battery.charge_most // max(power, 1) * MWH_OF_A_WATT
    return share


def in_mwh(watts: npt.NDArray[np.float64]) -> Mwh:
    """Return the energy of mean powers over a period, whole mWh."""
    return np.rint(watts * MWH_OF_A_WATT).astype(np.int64)


def violations(decisions: Sequence[Decision]) -> int:
    """Return how many decisions would have broken a rule."""
    return Counter(decision.reason for decision in decisions)[BatteryReason.UNSAFE]


def level_next(household: Household, expected_w: float) -> int | None:
    """Return the level when the period that has begun ends, mWh; unmoved without a forecast."""
    if household.level is None or not np.isfinite(expected_w):
        return household.level
    net = round(expected_w * MWH_OF_A_WATT)
    return follow(household.standing, household.level, net, battery=household.battery).level


def _reason(order: Order) -> BatteryReason:
    if order.mode == CHARGE and not order.grid:
        return BatteryReason.WORTH_MORE_LATER
    return _REASONS[order.mode]
