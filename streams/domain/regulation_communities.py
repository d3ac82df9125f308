"""A partition's communities under regulation: what is told of them in, what is ordered out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from schemas.regulation import AckOutcome, DirectiveAck, RegulationMinute, SwitchChoice
from schemas.regulation import SwitchDirective as Directive
from schemas.units import MINUTE_S
from streams.domain.regulation import Community, Registered, RegulationPolicy, Switch
from streams.domain.regulation_answers import answered
from streams.domain.regulation_deciding import Decision, decide, let_go
from streams.domain.regulation_deficits import Deficit
from streams.domain.regulation_inputs import ClosedMinute, ClosedPeriod, Loads, measure
from streams.domain.regulation_orders import violations


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order of the grid to a community."""

    community_id: str
    deficit: Deficit


Input = ClosedMinute | ClosedPeriod | Ordered | DirectiveAck | SwitchChoice
Switches = dict[str, Switch]


@dataclass(slots=True)
class Step:
    """What a batch causes.

    Attributes:
        communities: Records to write.
        switches: Records to write, by community and meter.
        periods: Quarter-hours of households to write, in parts, ...
        forgotten: ... and those to delete, by community and start.
        directives: To be sent, in order.
        told: What is said of minutes.
        broken: Rules that a directive would have broken, which is not sent therefore.
        let_go: Communities whose switches were given back, as their inputs are too old.
        resumed: Communities that are steered again.
        too_old: Minutes that steered nothing, as they were too old when they were read.
        acknowledged: By outcome, answers of terminals.
    """

    communities: dict[str, Community] = field(default_factory=dict)
    switches: dict[tuple[str, str], Switch] = field(default_factory=dict)
    periods: list[ClosedPeriod] = field(default_factory=list)
    forgotten: list[tuple[str, int]] = field(default_factory=list)
    directives: list[Directive] = field(default_factory=list)
    told: list[RegulationMinute] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    let_go: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    too_old: int = 0
    acknowledged: dict[AckOutcome, int] = field(default_factory=dict)


class Regulation:
    """The communities of a partition, by name, with their switches and their households' loads."""

    def __init__(
        self,
        policy: RegulationPolicy,
        *,
        communities: Mapping[str, Community] | None = None,
        switches: Mapping[str, Switches] | None = None,
        loads: Mapping[str, Loads] | None = None,
        since: float = 0.0,
    ) -> None:
        """Start from what the tables hold, at a time of the wall clock, epoch seconds."""
        self.policy = policy
        self._since = since
        self.communities: dict[str, Community] = dict(communities or {})
        self.switches: dict[str, Switches] = dict(switches or {})
        self.loads: dict[str, Loads] = dict(loads or {})

    def fold(
        self, inputs: Iterable[Input], *, now: float, registered: Callable[[str, int], Registered]
    ) -> Step:
        """Take inputs in the order of their places; return what that causes.

        Args:
            inputs: Of this partition.
            now: The wall clock, epoch seconds.
            registered: What the registry says of a community at a time, epoch seconds.
        """
        step = Step()
        for given in inputs:
            match given:
                case ClosedMinute():
                    self._close(given, step, now=now, registered=registered)
                case ClosedPeriod():
                    self._draw(given, step)
                case Ordered():
                    before = self._community(given.community_id)
                    self._keep(before.with_deficit(given.deficit), step)
                case SwitchChoice():
                    before = self._community(given.community_id)
                    self._keep(before.with_choice(given), step)
                case DirectiveAck():
                    self._acknowledge(given, step)
        self._let_go_of_the_silent(step, now=now)
        return step

    def age_s(self, *, now: float) -> float:
        """Return for how long the community that waits longest has told nothing, seconds.

        At most since the start, as what was told before may wait to be read. Those that were let go
        wait no more; 0 when there is none.
        """
        return max(
            (
                self._unheard_s(community, now=now)
                for community in self.communities.values()
                if community.newest >= 0 and not community.let_go
            ),
            default=0.0,
        )

    def switches_off(self) -> int:
        """Return how many switches are off, each by the event time of its community."""
        return sum(
            switch.is_off(community.newest + MINUTE_S)
            for name, community in self.communities.items()
            for switch in self.switches.get(name, {}).values()
        )

    def _unheard_s(self, community: Community, *, now: float) -> float:
        return now - max(community.told_at, self._since)

    def _community(self, name: str) -> Community:
        return self.communities.get(name) or Community(community_id=name)

    def _keep(self, community: Community, step: Step) -> None:
        name = community.community_id
        if self.communities.get(name) is not community:
            self.communities[name] = step.communities[name] = community

    def _close(
        self,
        told: ClosedMinute,
        step: Step,
        *,
        now: float,
        registered: Callable[[str, int], Registered],
    ) -> None:
        name, before = told.community_id, self._community(told.community_id)
        if told.minute <= before.newest:
            return  # It has been decided on, and is decided once.
        if now - told.told_at > self.policy.stale_after_s:
            step.too_old += 1
            self._keep(replace(before, newest=told.minute, told_at=told.told_at, over=0), step)
            return
        if before.let_go:
            step.resumed.append(name)
        of = registered(name, told.minute)
        loads = self.loads.get(name) or Loads()
        measured = measure(told, loads, registered=of, policy=self.policy)
        switches = self.switches.get(name) or {}
        decision = decide(before, switches, measured, loads, registered=of, policy=self.policy)
        self._apply(replace(decision.community, told_at=told.told_at), decision, step, of=of)

    def _apply(
        self, community: Community, decision: Decision, step: Step, *, of: Registered | None
    ) -> None:
        name = community.community_id
        refused = set()
        for directive in decision.directives:
            meter = directive.meter_id
            flexible = None if of is None else of.flexible.get(meter)
            wrong = list(violations(directive, flexible, policy=self.policy))
            if wrong:
                refused.add(meter)
                step.broken += [f"{name} {meter}: {rule}" for rule in wrong]
            else:
                step.directives.append(directive)
        for meter, switch in decision.switches.items():
            if meter not in refused:
                self.switches.setdefault(name, {})[meter] = switch
                step.switches[name, meter] = switch
        if decision.told is not None:
            step.told.append(decision.told)
        self._keep(community, step)

    def _draw(self, told: ClosedPeriod, step: Step) -> None:
        loads = self.loads.setdefault(told.community_id, Loads())
        forgotten = loads.take(told)
        if told.start in loads.periods:
            step.periods.append(told)
        step.forgotten += [(told.community_id, start) for start in forgotten]

    def _acknowledge(self, ack: DirectiveAck, step: Step) -> None:
        switch = self.switches.get(ack.community_id, {}).get(ack.meter_id)
        if switch is None or switch.directive.directive_id != ack.directive_id:
            return
        after = answered(switch, ack.outcome, at=ack.minute)
        if after is switch:
            return
        step.acknowledged[ack.outcome] = step.acknowledged.get(ack.outcome, 0) + 1
        self.switches[ack.community_id][ack.meter_id] = after
        step.switches[ack.community_id, ack.meter_id] = after

    def _let_go_of_the_silent(self, step: Step, *, now: float) -> None:
        for name, community in list(self.communities.items()):
            if community.let_go or community.newest < 0:
                continue
            if self._unheard_s(community, now=now) > self.policy.stale_after_s:
                switches = self.switches.get(name, {})
                decision = let_go(community, switches, now=now, policy=self.policy)
                step.let_go.append(name)
                self._apply(decision.community, decision, step, of=None)
