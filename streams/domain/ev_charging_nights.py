"""A partition's vehicles through their nights: reports and minutes in, orders and promises out.

The grid is planned by its partitions, each for its own communities. They tell each other the sums
of their plans, and each takes its share of the step from the sums that it knows: with the grid's
load `L` as last told, of which `x` is its own charging, and `w` its share of the energy still to be
charged, it minimises `sum of (w L - x + x')^2` over its next plan `x'`. That is, but for what does
not depend on `x'`, an upper bound of the grid's objective that is exact at `x`, as
`(sum of d)^2 <= sum of d^2 / w` when the shares add up to 1. So whoever plans at the same time, the
grid's objective does not rise, and partitions that are alike are at the optimum at once. (Source of
the method: Hunter and Lange, "A Tutorial on MM Algorithms", 2004.)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from schemas.ev_charging import (
    ChargePlan,
    ChargerState,
    EvSession,
    Shortage,
)
from schemas.production import ShedOrder
from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.ev_charging import (
    DAY_S,
    ChargingPolicy,
    Told,
    asked_mwh,
    charged_mwh,
    charger_state,
    had_mwh,
    heard_at,
    is_told_again,
    ordered_mwh,
    spread,
    take,
)
from streams.domain.ev_charging_fleets import MWH_PER_W, Night, aligned
from streams.domain.ev_charging_loads import (
    Community,
    Limits,
    Minute,
    Shed,
    Watts,
    close,
    forecast,
    take_charged,
    take_minute,
)
from streams.domain.ev_charging_planning import Fleet, plan_fleet
from streams.domain.ev_charging_plans import FRESH_S, beside
from streams.domain.ev_charging_telling import Step, direct, planned, promise
from streams.domain.newest import take_newest


class ClosedMinute(NamedTuple):
    """A community's closed minute."""

    community_id: str
    minute: int
    told: Minute


Input = EvSession | ClosedMinute | ShedOrder


@dataclass(slots=True)
class Clock:
    """How far a partition has come.

    Attributes:
        newest: The newest closed minute.
        planned: The last quarter-hour that was planned.
        plan: What was told of that; None: nothing yet.
    """

    newest: int = 0
    planned: int = 0
    plan: ChargePlan | None = None


class Charging:
    """Folds reports, minutes and limits into the communities of a partition."""

    def __init__(
        self,
        policy: ChargingPolicy,
        *,
        communities: Mapping[str, Community] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Start from what the tables hold."""
        self.policy = policy
        self.partition = 0
        self.communities: dict[str, Community] = dict(communities or {})
        self.clock = clock or Clock()

    def known(self, community_id: str, session_id: str) -> EvSession | None:
        """Return what was reported of a session last."""
        community = self.communities.get(community_id)
        kept = community.sessions.get(session_id) if community else None
        return kept.session if kept else None

    def chargers(self) -> dict[ChargerState, int]:
        """Count the plugged-in vehicles by what their chargers make of their orders."""
        counted = dict.fromkeys(ChargerState, 0)
        for community in self.communities.values():
            for kept in community.sessions.values():
                if not kept.session.unplugged and kept.session.departure > self.clock.newest:
                    counted[charger_state(kept, at=self.clock.newest, policy=self.policy)] += 1
        return counted

    def fold(
        self,
        inputs: Iterable[Input],
        *,
        partition: int,
        limits: Limits,
        others: Sequence[ChargePlan],
    ) -> Step:
        """Take inputs in their order; return what they cause.

        Args:
            inputs: Reports that were judged, closed minutes, orders to draw less.
            partition: Whose they are.
            limits: What connections bear.
            others: Plans of all partitions that still say something.
        """
        self.partition, step = partition, Step()
        for one in inputs:
            match one:
                case EvSession():
                    self._report(one, step, limits)
                case ShedOrder():
                    self._shed(one, step, limits)
                case ClosedMinute():
                    self._minute(one, step, limits, others)
        return step

    def _shed(self, order: ShedOrder, step: Step, limits: Limits) -> None:
        name = order.community_id
        community = self.communities.setdefault(name, Community())
        shed = Shed(order.version, order.valid_from, order.valid_until, order.shed_w)
        if take_newest(community.sheds, order.order_id, shed):
            step.sessions.add(name)
            self._relieve(name, step, limits)

    def _relieve(self, name: str, step: Step, limits: Limits) -> None:
        """Take back at once what chargers were told and their connection no longer has room for.

        Nobody is told more than before; what is taken back comes later, as far as there is room.
        """
        community = self.communities[name]
        now = self.clock.newest + MINUTE_S
        start = now // PERIOD_S * PERIOD_S
        night = Night.of(self.policy, {name: community}, start=start, now=now)
        fixed = min(max(self.clock.planned - start, -PERIOD_S) // PERIOD_S + 1, night.periods)
        base, fleet = self._with_base(night, limits)
        night.keep_orders(fleet, fixed)
        if np.any(fleet.cap[:, :fixed].sum(axis=0) > fleet.headroom[0, :fixed]):
            self._plan_again(night, base, fleet, fixed=fixed, step=step)

    def _plan_again(  # noqa: PLR0913 - of whom, from what, and where it is said
        self,
        night: Night,
        base: Watts,
        fleet: Fleet,
        *,
        fixed: int,
        step: Step,
        new: int | None = None,
    ) -> None:
        """Plan a community's night in the middle of it, and say what that changes.

        Of the first `fixed` quarter-hours it is said to who is `new` in them, and to whom a plan
        gives less than it was told: its connection has no room for all, or an on/off charger needs
        the room now. Nobody is told more.
        """
        (community,) = night.communities
        told = fleet.cap[:, :fixed].copy()
        level = self._level_without(night, base[0] * MWH_PER_W)
        plan = plan_fleet(fleet, level, tolerance=self.policy.tolerance)
        for row, kept in enumerate(night.sessions):
            told_now = planned(kept, row, fleet, plan, at=night.now, policy=self.policy)
            if row == new or is_told_again(kept.told, told_now):
                kept = promise(community, kept, told_now, minute=night.now, step=step)  # noqa: PLW2901
            for period in range(fixed):
                energy = int(plan.charge[row, period])
                if row != new and energy >= told[row, period]:
                    continue
                quarter = night.start + period * PERIOD_S
                kept = direct(  # noqa: PLW2901
                    community, kept, energy, quarter, start=max(quarter, night.now), step=step
                )

    def _with_base(self, night: Night, limits: Limits) -> tuple[Watts, Fleet]:
        """Return (community, period) W without vehicles, 0 where not known, and the sessions."""
        base = np.nan_to_num(
            forecast(
                night.communities,
                start=night.start,
                periods=night.periods,
                policy=self.policy.forecast,
            )
        )
        return base, night.fleet(base, limits)

    def _report(self, session: EvSession, step: Step, limits: Limits) -> None:
        community = self.communities.setdefault(session.community_id, Community())
        before = community.sessions.get(session.session_id)
        kept = take(before, session)
        if kept is None:
            step.too_old += 1
            return
        community.sessions[session.session_id] = kept
        step.sessions.add(session.community_id)
        if before is not None and kept.heard > before.heard:
            done = charged_mwh(session) - charged_mwh(before.session)
            for quarter, part in spread(max(done, 0), before.heard, kept.heard):
                until = min(quarter + PERIOD_S, kept.heard)
                due = 0 if before.lags else ordered_mwh(before, max(before.heard, quarter), until)
                if take_charged(community, quarter, part, assumed_mwh=due):
                    step.histories.add(session.community_id)
        if session.unplugged:
            if before is None or not before.session.unplugged:
                result = Told(
                    charged_mwh(session),
                    Shortage.NONE if kept.told is None else kept.told.shortage,
                    charger_state(kept, at=kept.heard, policy=self.policy),
                    session.departure,
                )
                promise(community, kept, result, minute=kept.heard, step=step, ended=True)
        elif before is None or _wishes(before.session) != _wishes(session):
            self._answer(session, step, limits)

    def _answer(self, session: EvSession, step: Step, limits: Limits) -> None:
        """Say at once what a new or changed session gets, and what its charger does until then."""
        community = self.communities[session.community_id]
        now = max(self.clock.newest + MINUTE_S, heard_at(session))
        if session.departure <= now:
            return
        start = now // PERIOD_S * PERIOD_S
        night = Night.of(self.policy, {session.community_id: community}, start=start, now=now)
        fixed = min(max(self.clock.planned - start, 0) // PERIOD_S + 1, night.periods)
        base, fleet = self._with_base(night, limits)
        row = next(
            row
            for row, kept in enumerate(night.sessions)
            if kept.session.session_id == session.session_id
        )
        night.keep_orders(fleet, fixed, but=row)
        self._plan_again(night, base, fleet, fixed=fixed, step=step, new=row)

    def _level_without(self, night: Night, base: Watts) -> Watts:
        """Return the partition's load as last planned, without a community's own orders, mWh."""
        told = self.clock.plan
        if told is None:
            return base
        charging = aligned(told.planned_w, told, night.start, night.periods, after=0.0)
        # Orders that were given since are not among it.
        others = np.maximum(charging * MWH_PER_W - night.ordered(), 0)
        return aligned(told.base_w, told, night.start, night.periods) * MWH_PER_W + others

    def _minute(
        self, told: ClosedMinute, step: Step, limits: Limits, others: Sequence[ChargePlan]
    ) -> None:
        community = self.communities.setdefault(told.community_id, Community())
        if take_minute(community, told.minute, told.told):
            step.minutes.add(told.community_id)
        if told.minute <= self.clock.newest:
            return
        self.clock.newest = told.minute
        step.clock_moved = True
        due = (told.minute + MINUTE_S + self.policy.lead_s) // PERIOD_S * PERIOD_S
        if due > self.clock.planned:
            self._plan(due, step, limits, others, version=told.told.version)

    def _plan(
        self,
        due: int,
        step: Step,
        limits: Limits,
        others: Sequence[ChargePlan],
        *,
        version: int,
    ) -> None:
        """Plan the quarter-hours from `due` on, and give the orders of the first."""
        for name, community in self.communities.items():
            if close(community, until=due - PERIOD_S):
                step.histories.add(name)
                step.minutes.add(name)
                step.sessions.add(name)
            self._forget(name, community, due, step)
        night = Night.of(self.policy, self.communities, start=due, now=due)
        base, fleet = self._with_base(night, limits)
        own_base = base.sum(axis=0)
        level, share = self._level(own_base, fleet, others, due)
        limit = self.policy.grid_limit_w
        plan = plan_fleet(
            fleet,
            level,
            tolerance=self.policy.tolerance,
            limit=None if limit is None else share * limit * MWH_PER_W,
        )
        for row, kept in enumerate(night.sessions):
            community = self.communities[kept.session.community_id]
            told_now = planned(kept, row, fleet, plan, at=due, policy=self.policy)
            if is_told_again(kept.told, told_now):
                kept = promise(community, kept, told_now, minute=due, step=step)  # noqa: PLW2901
            if had_mwh(kept, at=due, policy=self.policy) < asked_mwh(kept.session):
                direct(community, kept, int(plan.charge[row, 0]), due, start=due, step=step)
        told = ChargePlan(
            partition=self.partition,
            period_start=due,
            version=version,
            base_w=[round(value) for value in own_base.tolist()],
            planned_w=[round(v / MWH_PER_W) for v in plan.charge.sum(axis=0).tolist()],
            sessions=len(night.sessions),
            communities=len(self.communities),
            asked_mwh=int(np.maximum(fleet.asked - fleet.had, 0).sum()),
            planned_mwh=int(plan.charge.sum()),
            gap=max(plan.gap, 0.0),
            sweeps=plan.sweeps,
        )
        step.plans.append(told)
        self.clock.planned, self.clock.plan = due, told

    def _level(
        self, own_base: Watts, fleet: Fleet, others: Sequence[ChargePlan], due: int
    ) -> tuple[Watts, float]:
        """Return this partition's part of the grid's load, mWh a period, less what it charges."""
        periods = len(own_base)
        own_energy = int(np.maximum(fleet.asked - fleet.had, 0).sum())
        load, energy = own_base.copy(), own_energy
        before = np.zeros(periods)
        if self.clock.plan is not None and due - self.clock.plan.period_start < FRESH_S:
            told = self.clock.plan
            before = aligned(told.planned_w, told, due, periods, after=0.0)
        for other in beside(others, partition=self.partition, due=due):
            load += aligned(other.base_w, other, due, periods)
            load += aligned(other.planned_w, other, due, periods, after=0.0)
            energy += other.planned_mwh
        share = own_energy / energy if energy else 1.0
        return (share * (load + before) - before) * MWH_PER_W, share

    def _forget(self, name: str, community: Community, due: int, step: Step) -> None:
        """Let go of sessions and orders that have been over for a day."""
        for session_id, kept in list(community.sessions.items()):
            if max(kept.session.departure, kept.heard) < due - DAY_S:
                del community.sessions[session_id]
                step.sessions.add(name)
        for order_id, shed in list(community.sheds.items()):
            if shed.valid_until < due - DAY_S:
                del community.sheds[order_id]
                step.sessions.add(name)


def _wishes(session: EvSession) -> tuple[object, ...]:
    return (
        session.departure,
        session.energy_wh,
        session.charger_w,
        session.minimum_w,
        session.continuous,
    )
