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
    directive_id,
    jain,
)
from streams.domain.regulation_foresight import Demand
from streams.domain.regulation_inputs import Loads, Measured
from streams.domain.regulation_orders import given_back


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
    deciding = _Deciding(community, dict(switches), measured, loads, registered, policy)
    return deciding.decide()


def let_go(
    community: Community, switches: Mapping[str, Switch], *, policy: RegulationPolicy
) -> Decision:
    """Return the orders that give all switches back, since the inputs are too old."""
    minute = community.newest + -(-policy.stale_after_s // MINUTE_S) * MINUTE_S
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
                earliest=minute + MINUTE_S,
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
    _demand: Demand = field(default_factory=Demand)
    off: dict[str, Switch] = field(default_factory=dict)
    """Those of them that are off, or were in the minute, or are still to come back."""
    changed: dict[str, Switch] = field(default_factory=dict)
    directives: list[SwitchDirective] = field(default_factory=list)

    def decide(self) -> Decision:
        policy, limit, start = self.policy, self.registered.limit_w, self.measured.minute
        self.off = {name: one for name, one in self.switches.items() if one.back_at > start}
        self._demand = self.community.demand.with_minute(
            start, self.measured.load_w + self._shed_w()
        )
        load = self.measured.load_w + self._coming_w()
        over = self._over(load)
        excess = self._excess_w(load, over)
        deficit, is_ordered_emergency = self._deficit_w()
        is_emergency = is_ordered_emergency or (
            limit is not None and load * PERCENT > policy.emergency_percent * limit
        )
        self._obey_choices()
        released = 0
        if excess <= 0 and deficit <= self._shed_w():
            released = self._release(load, deficit)
        self._renew()
        self._send_again()
        lacking = deficit - self._shed_w()
        need, reason = max(
            (excess, SwitchReason.CONNECTION_LIMIT), (lacking, SwitchReason.GRID_DEFICIT)
        )
        candidates = self._candidates(is_emergency=is_emergency)
        ordered = 0
        if need > 0:
            level = Level.EMERGENCY if is_emergency else Level.NORMAL
            ordered = self._shed(candidates, need, reason=reason, level=level, load=load)
            if ordered:
                # It takes effect before it is judged whether it was enough.
                over = 0
        after = replace(
            self.community,
            newest=self.measured.minute,
            over=over,
            let_go=False,
            demand=self._demand,
        )
        told = self._told(
            deficit=deficit,
            sheddable=sum(relief for _, relief in candidates[ordered:]),
            ordered=ordered,
            released=released,
            is_emergency=is_emergency,
        )
        return Decision(after, self.changed, self.directives, told)

    @property
    def _now(self) -> int:
        return self.measured.end

    def _over(self, load: int) -> int:
        limit, before = self.registered.limit_w, self.community
        if limit is None or load * PERCENT <= self.policy.shed_above_percent * limit:
            return 0
        gap = self.measured.minute - before.newest
        return before.over + 1 if gap <= self.policy.stale_after_s else 1

    def _excess_w(self, load: int, over: int) -> int:
        """Return what has to go for the sake of the connection, W; 0 or below: nothing."""
        limit, policy = self.registered.limit_w, self.policy
        if limit is None:
            return 0
        # What was ordered on the minute before may not be in this one yet.
        expected = load - sum(
            switch.relief_w
            for switch in self.off.values()
            if switch.is_off(self._now) and switch.off_at >= self.measured.minute
        )
        # What yesterday's step would make of it is shed before it comes.
        expected += self._demand.step_w(self.measured.minute)
        is_too_much = expected * PERCENT > policy.at_once_percent * limit
        if over < policy.over_minutes and not is_too_much:
            return 0
        return expected - policy.shed_to_percent * limit // PERCENT

    def _deficit_w(self) -> tuple[int, bool]:
        """Return what the grid asks to have shed, W, and whether it is an emergency."""
        wanted, is_emergency = 0, False
        for order in self.community.deficits.values():
            if order.valid_from <= self._now < order.valid_until:
                shed = order.shed_w or 0
                if order.target_w is not None:
                    would_be = self.measured.load_w + self._shed_w()
                    shed = max(shed, would_be - order.target_w)
                wanted = max(wanted, shed)
                is_emergency |= order.level is Level.EMERGENCY
        return wanted, is_emergency

    def _shed_w(self) -> int:
        return sum(switch.relief_w for switch in self.off.values() if switch.is_off(self._now))

    def _coming_w(self) -> int:
        """Return what comes back and is not in the measured minute yet, W.

        All of it: a water heater that was off is cold.
        """
        until = self._now + self.policy.restore_delay_s
        return sum(
            self._returning_w(meter, switch)
            for meter, switch in self.off.items()
            if self.measured.minute < switch.back_at <= until and not self._goes_on(switch)
        )

    def _returning_w(self, meter: str, switch: Switch) -> int:
        flexible = self.registered.flexible.get(meter)
        return switch.relief_w if flexible is None else flexible.flexible_w

    def _goes_on(self, switch: Switch) -> bool:
        """Say whether a switch that is off can be kept off beyond its directive's end."""
        return (
            switch.is_off(self._now)
            and switch.directive.state is SwitchState.OFF
            and self._longest(switch) > switch.back_at
        )

    def _longest(self, switch: Switch) -> int:
        """Return until when a switch that is off may be kept so, as a renewal would say now."""
        policy = self.policy
        name = switch.directive.directive_id
        renewed = self._now + policy.validity_s - policy.delay_s(name)
        return min(renewed, switch.off_at + policy.longest_s(name))

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

    def _release(self, load: int, deficit: int) -> int:
        """Give back what fits, who was off longest first; return how many."""
        limit, policy, now = self.registered.limit_w, self.policy, self._now
        least_s = max(policy.min_off_s, policy.calm_s)
        off = sorted(
            (switch.off_at, meter)
            for meter, switch in self.off.items()
            if switch.is_off(now)
            and switch.directive.state is SwitchState.OFF
            and now - switch.off_at >= least_s
        )
        released, shed = 0, self._shed_w()
        for _, meter in off:
            switch = self.switches[meter]
            after = load + self._returning_w(meter, switch)
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
                    earliest=now,
                    reason=SwitchReason.RELIEVED,
                    detail=f"{load} W{of_limit} with what comes back",
                    policy=policy,
                ),
            )
        return released

    def _renew(self) -> None:
        now = self._now
        for meter, switch in sorted(self.off.items()):
            if not self._goes_on(switch) or switch.back_at - now > self.policy.renew_within_s:
                continue
            until = self._longest(switch)
            directive = switch.directive.model_copy(
                update={"version": switch.directive.version + 1, "valid_until": until}
            )
            self._put(meter, replace(switch, directive=directive, back_at=until, sent_at=now))

    def _send_again(self) -> None:
        now = self._now
        for meter, switch in sorted(self.switches.items()):
            if switch.is_answered or switch.directive.valid_until <= now:
                continue
            if (
                now - switch.sent_at >= self.policy.resend_after_s
                and switch.directive.valid_until > now
            ):
                version = switch.directive.version + 1
                directive = switch.directive.model_copy(update={"version": version})
                self._put(meter, replace(switch, directive=directive, sent_at=now))

    def _candidates(self, *, is_emergency: bool) -> list[tuple[str, int]]:
        """Return whom load can be taken from and how much, W, in the order of their turn.

        Least recently shed first, then who gives most; who was not shed within memory is equal.
        """
        off_peak, now = self.policy.off_peak, self._now
        if off_peak is not None and not off_peak.holds(now, zone=self.registered.zone):
            wanted = {SwitchState.ON}  # AUTO is off already
        else:
            wanted = {SwitchState.AUTO, SwitchState.ON}
        bursts, silent = self.loads.bursts_w(at=now), self.measured.silent
        switches, has_choices = self.switches, bool(self.community.choices)
        # In an emergency as well it comes on in between: nobody is off for longer than the longest.
        rest_s = min(MINUTE_S, self.policy.min_on_s) if is_emergency else self.policy.min_on_s
        forgotten = now - self.policy.memory_s
        found = []
        for meter, flexible_w in self.registered.able(self.policy.guaranteed_w).items():
            switch = switches.get(meter)
            back_at = 0 if switch is None else switch.back_at
            if switch is not None and not (switch.refused_until <= now and back_at + rest_s <= now):
                continue
            choice = self.community.choice_of(meter, now) if has_choices else SwitchState.AUTO
            if (
                choice not in wanted
                or (choice is SwitchState.ON and not is_emergency)
                or meter in silent
            ):
                continue
            relief = self.policy.relief_w(bursts.get(meter, 0), flexible_w)
            if relief >= self.policy.least_relief_w:
                found.append((back_at if back_at > forgotten else 0, -relief, meter))
        return [(meter, -negative) for _, negative, meter in sorted(found)]

    def _shed(
        self,
        candidates: list[tuple[str, int]],
        need: int,
        *,
        reason: SwitchReason,
        level: Level,
        load: int,
    ) -> int:
        """Switch off as many as it takes; return how many."""
        policy, now, ordered = self.policy, self._now, 0
        detail = f"{need} W too much of {load} W"
        if self.registered.limit_w is not None:
            detail += f" at a limit of {self.registered.limit_w} W"
        for meter, relief in candidates:
            if need <= 0:
                break
            name = directive_id(
                self.community.community_id, meter, self.measured.minute, SwitchState.OFF
            )
            until = now + min(policy.validity_s - policy.delay_s(name), policy.longest_s(name))
            before = self.switches.get(meter)
            directive = SwitchDirective(
                directive_id=name,
                community_id=self.community.community_id,
                meter_id=meter,
                minute=self.measured.minute,
                version=1,
                state=SwitchState.OFF,
                level=level,
                limit_w=None,
                reason=reason,
                detail=detail,
                valid_from=now,
                valid_until=until,
            )
            self._put(
                meter,
                Switch(
                    directive,
                    off_at=now,
                    back_at=until,
                    relief_w=relief,
                    level=level,
                    shed_s=0 if before is None else before.seconds_shed(now),
                    sent_at=now,
                ),
            )
            need -= relief
            ordered += 1
        return ordered

    def _put(self, meter: str, switch: Switch) -> None:
        self.switches[meter] = self.changed[meter] = self.off[meter] = switch
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
            coming_w=self._coming_w(),
            limit_w=self.registered.limit_w,
            deficit_w=deficit,
            shed_w=self._shed_w(),
            sheddable_w=sheddable,
            meters_off=sum(switch.is_off(now) for switch in self.off.values()),
            meters_flexible=len(able),
            ordered_off=ordered,
            released=released,
            is_emergency=is_emergency,
            fairness=jain(shed),
        )
