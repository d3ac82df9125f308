"""What is ordered of a community's switches on a closed minute.

In this order: give back what fits again, renew what goes on, send again what nobody answered, and
shed what is too much. All of it counts back the load that is off, and the load that is coming back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from schemas.regulation import (
    Level,
    RegulationMinute,
    SwitchDirective,
    SwitchReason,
    SwitchState,
)
from schemas.units import MINUTE_S
from streams.domain.regulation import (
    PERCENT,
    Community,
    Registered,
    RegulationPolicy,
    Switch,
    jain,
)
from streams.domain.regulation_deficits import asked_at
from streams.domain.regulation_foresight import Demand
from streams.domain.regulation_inputs import Loads, Measured
from streams.domain.regulation_off import Off
from streams.domain.regulation_orders import given_back, switched_off
from streams.domain.regulation_turns import Candidate, candidates, in_turn


@dataclass(slots=True)
class Decision:
    """What follows from a closed minute.

    Attributes:
        community: The record after it.
        switches: The switches that changed, by meter.
        directives: To be sent, in order.
        told: What is said of the minute.
    """

    community: Community
    switches: dict[str, Switch] = field(default_factory=dict)
    directives: list[SwitchDirective] = field(default_factory=list)
    told: RegulationMinute | None = None


def decide(  # noqa: PLR0913 - what is known of a community
    community: Community,
    switches: Mapping[str, Switch],
    measured: Measured,
    loads: Loads,
    *,
    registered: Registered,
    policy: RegulationPolicy,
) -> Decision:
    """Return what is ordered on a community's newest closed minute.

    The community's `newest` is the minute before it, with `over` as of then.
    """
    off = Off.of(measured.minute, switches, registered=registered, policy=policy)
    demand = community.demand.with_minute(
        measured.minute,
        measured.load_w + off.shed_w(),
        recent=policy.over_minutes if measured.minute - community.newest <= MINUTE_S else 1,
    )
    deciding = _Deciding(
        community, dict(switches), measured, loads, registered, policy, off, demand
    )
    return deciding.decide()


def let_go(
    community: Community, switches: Mapping[str, Switch], *, now: float, policy: RegulationPolicy
) -> Decision:
    """Return the orders that give all switches back, since the inputs are too old at `now`."""
    minute = community.newest + -(-policy.stale_after_s // MINUTE_S) * MINUTE_S
    # Nobody comes back in the past: all would come at once. By the minute, so that who does this
    # again says the same.
    away_s = int(now - community.told_at) // MINUTE_S * MINUTE_S
    earliest = max(minute, community.newest + away_s) + MINUTE_S
    after = replace(community, let_go=True, over=0)
    decision = Decision(after)
    detail = f"no closed minute for {policy.stale_after_s} s"
    for meter, switch in sorted(switches.items()):
        if switch.back_at > minute + MINUTE_S:
            back = given_back(
                community.community_id,
                meter,
                switch,
                minute=minute,
                earliest=earliest,
                reason=SwitchReason.INPUTS_STALE,
                detail=detail,
                policy=policy,
            )
            decision.switches[meter] = back
            decision.directives.append(back.directive)
    return decision


@dataclass(slots=True)
class _Deciding:
    """One minute of one community."""

    community: Community
    switches: dict[str, Switch]
    measured: Measured
    loads: Loads
    registered: Registered
    policy: RegulationPolicy
    off: Off
    demand: Demand
    changed: dict[str, Switch] = field(default_factory=dict)
    directives: list[SwitchDirective] = field(default_factory=list)

    def decide(self) -> Decision:
        policy, limit = self.policy, self.registered.limit_w
        load = self.measured.load_w + self.off.coming_w(MINUTE_S)
        level = self._level_w()
        over = self._over(level)
        excess = self._excess_w(level, over)
        deficit, is_ordered_emergency = self._deficit_w()
        is_emergency = is_ordered_emergency or (
            limit is not None and load * PERCENT > policy.emergency_percent * limit
        )
        self._obey_choices()
        released = 0
        if excess <= 0 and deficit <= self.off.shed_w():
            released = self._release(level, deficit)
        self._renew()
        self._send_again()
        lacking = deficit - self.off.shed_w()
        need, reason = max(
            (excess, SwitchReason.CONNECTION_LIMIT), (lacking, SwitchReason.GRID_DEFICIT)
        )
        found = candidates(
            self.community,
            self.switches,
            self.measured,
            self.loads,
            registered=self.registered,
            policy=policy,
            is_emergency=is_emergency,
        )
        sheddable, ordered = sum(one.relief_w for one in found), 0
        if need > 0:
            chosen = _enough(in_turn(found), need)
            level_of = Level.EMERGENCY if is_emergency else Level.NORMAL
            self._shed(chosen, need, reason=reason, level=level_of, load=load)
            sheddable -= sum(one.relief_w for one in chosen)
            ordered = len(chosen)
            if ordered:
                # It takes effect before it is judged whether it was enough.
                over = 0
        after = replace(
            self.community,
            newest=self.measured.minute,
            over=over,
            let_go=False,
            demand=self.demand,
        )
        told = self._told(
            deficit=deficit,
            sheddable=sheddable,
            ordered=ordered,
            released=released,
            is_emergency=is_emergency,
        )
        return Decision(after, self.changed, self.directives, told)

    @property
    def _now(self) -> int:
        return self.measured.end

    def _level_w(self) -> int:
        """Return what the next minute is expected to draw, W.

        As the last minutes on average: a single one is high or low by chance, and who answers
        chance is off for an hour. One above the limit itself counts alone.
        """
        coming, limit = self.off.coming_w(MINUTE_S), self.registered.limit_w
        usual = self.demand.recent_w - self.off.shed_w() + coming
        # What was ordered on the minute before may not be in this one yet.
        alone = self.measured.load_w + coming - self.off.just_shed_w()
        return usual if limit is None or alone <= limit else max(usual, alone)

    def _over(self, level: int) -> int:
        limit, before = self.registered.limit_w, self.community
        if limit is None or level * PERCENT <= self.policy.shed_above_percent * limit:
            return 0
        gap = self.measured.minute - before.newest
        return before.over + 1 if gap <= self.policy.stale_after_s else 1

    def _excess_w(self, level: int, over: int) -> int:
        """Return what has to go for the sake of the connection, W; 0 or below: nothing."""
        limit, policy = self.registered.limit_w, self.policy
        if limit is None:
            return 0
        # What yesterday's step would make too much is shed before it comes; no more than that, as
        # it may be smaller today.
        foreseen = level + self.demand.step_w(self.measured.minute)
        step = foreseen - policy.at_once_percent * limit // PERCENT
        is_too_much = level * PERCENT > policy.at_once_percent * limit
        if over < policy.over_minutes and not is_too_much:
            return step
        return max(step, level - policy.shed_to_percent * limit // PERCENT)

    def _deficit_w(self) -> tuple[int, bool]:
        """Return what the grid asks to have shed, W, and whether it is an emergency."""
        wanted, is_emergency = 0, False
        for order in asked_at(self.community.deficits, self._now):
            shed = order.shed_w or 0
            if order.target_w is not None:
                would_be = self.measured.load_w + self.off.shed_w()
                shed = max(shed, would_be - order.target_w)
            wanted = max(wanted, shed)
            is_emergency |= order.level is Level.EMERGENCY
        return wanted, is_emergency

    def _obey_choices(self) -> None:
        """Give back what customers want on, unless it is an emergency."""
        for meter in self.community.choices:
            switch = self.switches.get(meter)
            if switch is None or not switch.is_off(self._now):
                continue
            wants = self.community.choice_of(meter, self._now)
            if wants is SwitchState.ON and switch.level is Level.NORMAL:
                self._put(
                    meter,
                    given_back(
                        self.community.community_id,
                        meter,
                        switch,
                        minute=self.measured.minute,
                        earliest=self._now,
                        reason=SwitchReason.CUSTOMER_CHOICE,
                        detail="the customer chose ON",
                        policy=self.policy,
                        at_once=True,
                    ),
                )

    def _release(self, level: int, deficit: int) -> int:
        """Give back what fits; return how many."""
        limit, policy = self.registered.limit_w, self.policy
        # Who comes back can't be asked again for the least time on: what has to come back by then
        # must fit as well.
        soon_s = max(policy.restore_delay_s + policy.min_on_s, MINUTE_S)
        load = level + self.off.coming_w(soon_s) - self.off.coming_w(MINUTE_S)
        released, shed = 0, self.off.shed_w()
        for meter, switch in self.off.to_release():
            is_counted = self.off.is_coming(switch, soon_s)
            after = load + (0 if is_counted else self.off.returning_w(meter))
            if limit is not None and after * PERCENT >= policy.restore_below_percent * limit:
                break
            if shed - switch.relief_w < deficit:
                break
            load, shed, released = after, shed - switch.relief_w, released + 1
            of_limit = "" if limit is None else f" of {limit} W"
            self._put(
                meter,
                given_back(
                    self.community.community_id,
                    meter,
                    switch,
                    minute=self.measured.minute,
                    earliest=self._now,
                    reason=SwitchReason.RELIEVED,
                    detail=f"{load} W{of_limit} with what comes back",
                    policy=policy,
                ),
            )
        return released

    def _renew(self) -> None:
        for meter, switch in self.off.to_renew():
            until = self.off.longest(switch)
            directive = switch.directive.model_copy(
                update={"version": switch.directive.version + 1, "valid_until": until}
            )
            renewed = replace(
                switch, directive=directive, back_at=until, sent_at=self._now, is_answered=False
            )
            self._put(meter, renewed)

    def _send_again(self) -> None:
        now = self._now
        for meter, switch in sorted(self.switches.items()):
            if switch.is_answered or switch.directive.valid_until <= now:
                continue
            if now - switch.sent_at >= self.policy.resend_after_s:
                version = switch.directive.version + 1
                directive = switch.directive.model_copy(update={"version": version})
                self._put(meter, replace(switch, directive=directive, sent_at=now))

    def _shed(
        self,
        chosen: list[Candidate],
        need: int,
        *,
        reason: SwitchReason,
        level: Level,
        load: int,
    ) -> None:
        detail = f"{need} W too much of {load} W"
        if self.registered.limit_w is not None:
            detail += f" at a limit of {self.registered.limit_w} W"
        for one in chosen:
            self._put(
                one.meter,
                switched_off(
                    self.community.community_id,
                    one.meter,
                    self.switches.get(one.meter),
                    minute=self.measured.minute,
                    relief_w=one.relief_w,
                    level=level,
                    reason=reason,
                    detail=detail,
                    policy=self.policy,
                ),
            )

    def _put(self, meter: str, switch: Switch) -> None:
        self.switches[meter] = self.changed[meter] = self.off.switches[meter] = switch
        self.directives.append(switch.directive)

    def _told(
        self, *, deficit: int, sheddable: int, ordered: int, released: int, is_emergency: bool
    ) -> RegulationMinute:
        able = self.registered.able(self.policy.guaranteed_w)
        now = self._now
        shed = (
            0 if (switch := self.switches.get(meter)) is None else switch.seconds_shed(now)
            for meter in able
        )
        return RegulationMinute(
            community_id=self.community.community_id,
            minute=self.measured.minute,
            version=self.measured.version,
            is_steering=True,
            load_w=self.measured.load_w,
            silent_meters=len(self.measured.silent),
            silent_w=self.measured.silent_w,
            coming_w=self.off.coming_w(self.policy.restore_delay_s),
            limit_w=self.registered.limit_w,
            deficit_w=deficit,
            shed_w=self.off.shed_w(),
            sheddable_w=sheddable,
            meters_off=self.off.count(),
            meters_flexible=len(able),
            ordered_off=ordered,
            released=released,
            is_emergency=is_emergency,
            fairness=jain(shed),
        )


def _enough(ordered: list[Candidate], need: int) -> list[Candidate]:
    """Return the first of them that take away what is needed, W; all where that is not enough."""
    chosen = []
    for one in ordered:
        if need <= 0:
            break
        chosen.append(one)
        need -= one.relief_w
    return chosen
