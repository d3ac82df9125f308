"""The evaluator: on each minute of the grid, what plants shall give next and what must be shed.

It keeps what it decides from, and decides from nothing else: the same minutes and readings make the
same orders. Of a minute that is told anew the newest alone is decided anew, as a further version.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from schemas.energy_balance import GridMinute
from schemas.production import (
    BatteryCommitment,
    PlantMinute,
    ProductionOrder,
    ProductionPlan,
    ShedOrder,
    ShedReason,
)
from schemas.registry import Plant
from schemas.units import MINUTE_S, PERIOD_MINUTES, PERIOD_S
from streams.domain.apportion import apportion
from streams.domain.communities import NEVER
from streams.domain.forecast import blend
from streams.domain.forecast_learned import LearnedPolicy, forecast
from streams.domain.forecast_times import DAY_S
from streams.domain.production import (
    Dispatch,
    Order,
    ProductionPolicy,
    Unit,
    dispatch,
    guarded,
    shortage_w,
)
from streams.domain.production_commitments import GridCommitments
from streams.domain.production_history import (
    Changes,
    History,
    Load,
    forecast_minutes,
    quarter_of,
)
from streams.domain.production_plants import PlantState, judged, ordered, serving, told, unit

PLANNED_PERIODS: Final = DAY_S // PERIOD_S
_HOUR_PERIODS: Final = 4
_SHEDS_AFTER_MINUTES: Final = 2
"""So long regulation takes until what it was asked to shed is missing in the measured load."""

_REMEMBERED_S: Final = 3 * 3600
"""A minute that is told anew is counted back what was asked then."""


@dataclass(frozen=True, slots=True)
class Shedding:
    """What communities are asked to shed, W, and by decided minute how much that was in all."""

    by_community: Mapping[str, int] = field(default_factory=dict)
    totals: Mapping[int, int] = field(default_factory=dict)

    def counted_back_w(self, minute: int) -> int:
        """Return what is missing in the load of a minute because of it: what was asked before."""
        asked_at = minute - _SHEDS_AFTER_MINUTES * MINUTE_S
        known = [at for at in self.totals if at <= asked_at]
        return self.totals[max(known)] if known else 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is registered: the plants, and what each community could shed, W."""

    plants: Mapping[str, Plant]
    sheddable_w: Mapping[str, int]


@dataclass(slots=True)
class Step:
    """What a batch causes.

    Attributes:
        orders: To be told, as are plans and shed orders.
        history: Records of minutes and quarter-hours.
        plants: Those whose state has changed.
        shedding: What is asked of communities now, if it has changed.
        decided: The newest minute decided, its version, and up to where it was planned, if new.
        last: The last dispatch.
        broken: Orders that would have been outside a plant's limits, and were put right.
        uncovered_w: What is missing and nobody can shed.
        commitments: What batteries are told, by period and partition; None: to forget.
        turned: Plants that begin to disobey (true), or to follow again.
    """

    orders: list[ProductionOrder] = field(default_factory=list)
    plans: list[ProductionPlan] = field(default_factory=list)
    shed_orders: list[ShedOrder] = field(default_factory=list)
    history: Changes = field(default_factory=Changes)
    plants: dict[str, PlantState] = field(default_factory=dict)
    shedding: Shedding | None = None
    decided: tuple[int, int, int] | None = None
    last: Dispatch | None = None
    broken: list[Order] = field(default_factory=list)
    uncovered_w: int = 0
    commitments: dict[tuple[int, int], BatteryCommitment | None] = field(default_factory=dict)
    turned: dict[str, bool] = field(default_factory=dict)


class Evaluator:
    """Decides for one grid.

    Attributes:
        plants: What is known of each plant that has reported.
        decided: The newest minute decided, its version, and the quarter-hour of the last plan.
    """

    def __init__(  # noqa: PLR0913 - what was remembered
        self,
        policy: ProductionPolicy,
        forecasting: LearnedPolicy,
        *,
        history: History,
        plants: Mapping[str, PlantState] | None = None,
        commitments: GridCommitments | None = None,
        shedding: Shedding | None = None,
        decided: tuple[int, int, int] = (NEVER, 0, NEVER),
    ) -> None:
        """Begin with what was remembered."""
        self._policy = policy
        self._forecasting = forecasting
        self._history = history
        self.plants: dict[str, PlantState] = dict(plants or {})
        self._commitments = commitments or GridCommitments()
        self._shedding = shedding or Shedding()
        self.decided = decided

    def take_plants(
        self, minutes: list[PlantMinute], *, registered: Callable[[int], Surroundings]
    ) -> Step:
        """Take what plants have told, in its order; return what to remember of it."""
        step = Step()
        for minute in minutes:
            before = self.plants.get(minute.plant_id)
            after = told(before, minute)
            plant = registered(minute.minute).plants.get(minute.plant_id)
            if plant is not None:
                after = judged(after, plant, self._policy)
            if after is not before:
                self.plants[minute.plant_id] = step.plants[minute.plant_id] = after
            if after.disobeys != (before is not None and before.disobeys):
                step.turned[minute.plant_id] = after.disobeys
        return step

    def take_batteries(self, told: list[BatteryCommitment]) -> Step:
        """Take what batteries are told; return what to remember of it."""
        return Step(commitments=self._commitments.take(told, oldest=self._history.oldest))

    def take_grid(
        self, minutes: list[GridMinute], *, registered: Callable[[int], Surroundings]
    ) -> Step:
        """Take minutes of the grid in their order; decide on each that is the newest.

        Args:
            minutes: As they were told.
            registered: Returns what is registered for a minute.
        """
        step = Step()
        for minute in minutes:
            around = registered(minute.minute)
            units = self._units(around, at=minute.minute)
            volatile = self._volatile_w(minute.minute, units)
            # The load as it would be, had nobody been told to shed and no battery to move.
            counted_back = self._shedding.counted_back_w(minute.minute)
            counted_back += self._commitments.given_w(minute.minute)
            load = Load(minute.version, minute.net_load_w + counted_back, volatile)
            changes = self._history.take(minute.minute, load)
            step.history.minutes |= changes.minutes
            step.history.quarters |= changes.quarters
            newest, version, _ = self.decided
            if (minute.minute, minute.version) > (newest, version) and changes.minutes:
                self._decide(minute, units, around, step)
        return step

    def _volatile_w(self, minute: int, units: list[Unit]) -> int:
        """Return what sun and wind plants could give: for a minute of before, as was known then."""
        known = self._history.get(minute) if minute < self.decided[0] else None
        if known is not None:
            return known.volatile_w
        return sum(one.maximum_w for one in units if one.is_volatile)

    def _units(self, around: Surroundings, *, at: int) -> list[Unit]:
        plants = serving(around.plants.values(), minute=at)
        return [
            unit(state, plants[name], at=at, policy=self._policy)
            for name, state in sorted(self.plants.items())
            if name in plants
        ]

    def _decide(
        self, minute: GridMinute, units: list[Unit], around: Surroundings, step: Step
    ) -> None:
        start = quarter_of(minute.minute + MINUTE_S)
        planned_from = self.decided[2]
        quarters = forecast(
            self._history.net_w(start),
            period_start=start,
            horizon_periods=PLANNED_PERIODS if planned_from < start else _HOUR_PERIODS,
            policy=self._forecasting,
        )
        forecasts = forecast_minutes(
            self._history,
            minute=minute.minute,
            minutes=self._policy.ahead_minutes,
            curve=quarters,
            anchor_periods=self._forecasting.floor.anchor_periods,
        )
        if not np.isfinite(quarters).all():
            # Before the first quarter-hour has ended, the last minute is all there is.
            quarters = np.full(quarters.shape, float(forecasts[-1]))
        # What batteries will give no plant has to.
        forecasts = tuple(
            watts - self._commitments.given_w(minute.minute + ahead * MINUTE_S)
            for ahead, watts in enumerate(forecasts, 1)
        )
        quarters[:_HOUR_PERIODS] -= [
            self._commitments.given_w(start + ahead * PERIOD_S) for ahead in range(_HOUR_PERIODS)
        ]
        if units:
            peak = max(*forecasts, round(float(quarters[:_HOUR_PERIODS].max())))
            done = dispatch(units, forecasts_w=forecasts, peak_w=peak, policy=self._policy)
            self._order(minute, done, units, step)
            if planned_from < start:
                planned_from = start
                net_w = quarters.round().astype(int).tolist()
                self._plan(minute, start, net_w, units=units, around=around, step=step)
            missing = max(shortage_w(units, forecasts), done.deficit_w)
            self._shed(minute, missing, around, step)
        self.decided = step.decided = (minute.minute, minute.version, planned_from)

    def _order(self, minute: GridMinute, done: Dispatch, units: list[Unit], step: Step) -> None:
        valid_from = minute.minute + MINUTE_S
        by_name = {one.plant_id: one for one in units}
        safe, broken = guarded(done.orders, by_name)
        step.broken += broken
        step.last = done
        for order in safe:
            name = order.plant_id
            state = ordered(self.plants[name], order, by_name[name], valid_from=valid_from)
            self.plants[name] = step.plants[name] = state
            step.orders.append(
                ProductionOrder(
                    order_id=f"{name}@{valid_from}",
                    plant_id=name,
                    version=minute.version,
                    minute=minute.minute,
                    valid_from=valid_from,
                    valid_until=valid_from + self._policy.valid_minutes * MINUTE_S,
                    ordered_w=order.ordered_w,
                    reason=order.reason,
                    forecast_w=done.forecast_w,
                    reserve_w=done.reserve_w,
                    deficit_w=done.deficit_w,
                    surplus_w=done.surplus_w,
                )
            )

    def _plan(  # noqa: PLR0913 - all that a day is played from
        self,
        minute: GridMinute,
        start: int,
        net_w: list[int],
        *,
        units: list[Unit],
        around: Surroundings,
        step: Step,
    ) -> None:
        """Play the day ahead, quarter-hour by quarter-hour, each from where the last one ended."""
        sky = self._sky(start, units, around)
        planned: dict[str, list[int]] = {one.plant_id: [] for one in units}
        deficits: list[int] = []
        # A quarter-hour leaves time for as many ramps as it has minutes.
        now = [
            replace(one, ramp_w=None if one.ramp_w is None else one.ramp_w * PERIOD_MINUTES)
            for one in units
        ]
        for place in range(len(net_w)):
            now = [
                replace(one, maximum_w=sky[one.plant_id][place]) if one.plant_id in sky else one
                for one in now
            ]
            ahead = net_w[place : place + _HOUR_PERIODS]
            done = dispatch(now, forecasts_w=ahead[:1], peak_w=max(ahead), policy=self._policy)
            given = {order.plant_id: order for order in done.orders}
            for name, watts in planned.items():
                watts.append(given[name].ordered_w)
            deficits.append(done.deficit_w)
            now = [replace(one, now_w=given[one.plant_id].expected_w) for one in now]
        step.plans += [
            ProductionPlan(
                plan_id=f"{name}@{start}+day",
                plant_id=name,
                version=minute.version,
                period_start=start,
                planned_w=watts,
                forecast_w=net_w,
                deficit_w=deficits,
            )
            for name, watts in planned.items()
        ]

    def _sky(self, start: int, units: list[Unit], around: Surroundings) -> dict[str, list[int]]:
        """Return what sun and wind plants will be able to give, by their shares of the capacity.

        Nothing, where nothing is known of it: what they can give now stands then.
        """
        expected = blend(
            self._history.volatile_w(start),
            period_start=start,
            horizon_periods=PLANNED_PERIODS,
            policy=self._forecasting.floor,
        )
        names = [one.plant_id for one in units if one.is_volatile]
        capacities = {name: around.plants[name].capacity_w for name in names}
        total = sum(capacities.values())
        if not total or not np.isfinite(expected).all():
            return {}
        return {
            name: np.clip(expected * capacity / total, 0, capacity).astype(int).tolist()
            for name, capacity in capacities.items()
        }

    def _shed(self, minute: GridMinute, missing_w: int, around: Surroundings, step: Step) -> None:
        """Share what no plant can meet over communities, by what each of them could shed."""
        before = self._shedding
        names = [name for name, watts in sorted(around.sheddable_w.items()) if watts > 0]
        weights = np.array([around.sheddable_w[name] for name in names], dtype=np.float64)
        total = min(max(missing_w, 0), int(weights.sum()))
        step.uncovered_w = max(missing_w, 0) - total
        shares = apportion(total, weights).tolist() if total else [0] * len(names)
        shed = {name: watts for name, watts in zip(names, shares, strict=True) if watts}
        oldest = minute.minute - _REMEMBERED_S
        # The last one before holds on.
        since = max((at for at in before.totals if at <= oldest), default=oldest)
        totals = {at: watts for at, watts in before.totals.items() if at >= since}
        # Written when it changes, so that what was asked last is what holds.
        if total != (totals[max(totals)] if totals else 0):
            totals[minute.minute] = total
        after = Shedding(shed, totals)
        if after != before:
            self._shedding = step.shedding = after
        # Told again each minute, as an order ends by itself.
        valid_from = minute.minute + MINUTE_S
        for name in sorted(before.by_community.keys() | shed.keys()):
            watts = shed.get(name, 0)
            step.shed_orders.append(
                ShedOrder(
                    order_id=f"{name}@deficit",
                    community_id=name,
                    version=minute.version,
                    minute=minute.minute,
                    valid_from=valid_from,
                    valid_until=valid_from + self._policy.valid_minutes * MINUTE_S,
                    shed_w=watts,
                    deficit_w=max(missing_w, 0),
                    reason=ShedReason.DEFICIT if watts else ShedReason.RELIEVED,
                )
            )
