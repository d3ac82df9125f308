"""The switches of a community that are off: what they hold back, and what comes back when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.regulation import SwitchState
from schemas.units import MINUTE_S
from streams.domain.regulation import Registered, RegulationPolicy, Switch


@dataclass(slots=True)
class Off:
    """Those that are off at the end of a minute, or were in it, or are still to come back.

    Attributes:
        minute: The closed minute's start, epoch seconds.
        switches: By meter; who is ordered off or back is put in.
    """

    minute: int
    switches: dict[str, Switch]
    registered: Registered
    policy: RegulationPolicy

    @classmethod
    def of(
        cls,
        minute: int,
        switches: Mapping[str, Switch],
        *,
        registered: Registered,
        policy: RegulationPolicy,
    ) -> "Off":
        """Return those of a community's switches."""
        mine = {meter: switch for meter, switch in switches.items() if switch.back_at > minute}
        return cls(minute, mine, registered, policy)

    @property
    def now(self) -> int:
        """The end of the minute, which is when it is decided on."""
        return self.minute + MINUTE_S

    def count(self) -> int:
        """Return how many are off now."""
        return sum(switch.is_off(self.now) for switch in self.switches.values())

    def shed_w(self) -> int:
        """Return what those that are off now drew when they were switched off, W."""
        now = self.now
        return sum(switch.relief_w for switch in self.switches.values() if switch.is_off(now))

    def just_shed_w(self) -> int:
        """Return what of that was ordered on the minute before, W."""
        now, start = self.now, self.minute
        return sum(
            switch.relief_w
            for switch in self.switches.values()
            if switch.is_off(now) and switch.off_at >= start
        )

    def coming_w(self, within_s: int) -> int:
        """Return what comes back within a time from now and is not in the closed minute yet, W.

        All of it: a water heater that was off is cold.
        """
        return sum(
            self.returning_w(meter)
            for meter, switch in self.switches.items()
            if self.is_coming(switch, within_s)
        )

    def is_coming(self, switch: Switch, within_s: int) -> bool:
        """Say whether a switch comes back within a time from now, or has within the minute."""
        until = self.now + within_s
        return self.minute < switch.back_at <= until and not self.goes_on(switch)

    def returning_w(self, meter: str) -> int:
        """Return what a household draws more once it is back, W."""
        flexible = self.registered.flexible.get(meter)
        return self.switches[meter].relief_w if flexible is None else flexible.flexible_w

    def goes_on(self, switch: Switch) -> bool:
        """Say whether a switch that is off can be kept off beyond its directive's end."""
        return (
            switch.is_off(self.now)
            and switch.directive.state is SwitchState.OFF
            and self.longest(switch) > switch.back_at
        )

    def longest(self, switch: Switch) -> int:
        """Return until when a switch that is off may be kept so, as a renewal would say now."""
        policy = self.policy
        name = switch.directive.directive_id
        renewed = self.now + policy.validity_s - policy.delay_s(name)
        return min(renewed, switch.off_at + policy.longest_s(name, before_s=switch.before_s))

    def to_renew(self) -> Iterable[tuple[str, Switch]]:
        """Return whose directive ends soon although it can go on, by meter."""
        soon = self.now + self.policy.renew_within_s
        return [
            (meter, switch)
            for meter, switch in sorted(self.switches.items())
            if switch.back_at <= soon and self.goes_on(switch)
        ]

    def to_release(self) -> Iterable[tuple[str, Switch]]:
        """Return who has been off long enough to come back, in the order of their turn.

        Who has been off for longest in all, this time and before, comes back first.
        """
        policy, now = self.policy, self.now
        least_s = max(policy.min_off_s, policy.calm_s)
        found = [
            (-switch.seconds_shed(now), switch.off_at, meter)
            for meter, switch in self.switches.items()
            if switch.is_off(now)
            and switch.directive.state is SwitchState.OFF
            and now - max(switch.off_at, switch.obeyed_at) >= least_s
        ]
        return [(meter, self.switches[meter]) for *_, meter in sorted(found)]
