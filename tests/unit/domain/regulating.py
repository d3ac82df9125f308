"""Communities under regulation; each builder names what a test is about."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from schemas.regulation import AckOutcome, DirectiveAck, SwitchChoice, SwitchState
from streams.domain.regulation import Flexible, Registered, RegulationPolicy
from streams.domain.regulation_communities import Input, Ordered, Regulation, Step
from streams.domain.regulation_deficits import Deficit
from streams.domain.regulation_inputs import ClosedMinute, ClosedPeriod, Drawn
from tests.builders import MINUTE_S, NOON, QUARTER_S

POLICY = RegulationPolicy(
    shed_above_percent=95,
    over_minutes=2,
    at_once_percent=100,
    shed_to_percent=90,
    restore_below_percent=85,
    emergency_percent=110,
    min_off_s=900,
    min_on_s=600,
    max_off_s=7_200,
    calm_s=0,
    restore_delay_s=300,
    validity_s=1_800,
    resend_after_s=120,
    stale_after_s=180,
    guaranteed_w=4_200,
    least_relief_w=100,
    burst_percent=100,
    idle_percent=0,
    memory_s=86_400,
)
LIMIT_W = 100_000
HEATER_W = 2_000
BELOW, HIGH, OVER, EMERGENCY = 80_000, 97_000, 103_000, 115_000
"""Loads around the limit, W."""

METERS = tuple(f"m{number:02d}" for number in range(20))

GRID = Registered(
    limit_w=LIMIT_W,
    zone="Europe/Berlin",
    flexible=dict.fromkeys(METERS, Flexible(HEATER_W, 12_000)),
    contract_w=dict.fromkeys(METERS, 12_000),
)


def at(number: int) -> int:
    """Return the start of a minute, counted from noon."""
    return NOON + number * MINUTE_S


def a_minute(
    number: int, load_w: int, *, missing: Iterable[str] = (), community: str = "c1"
) -> ClosedMinute:
    """Return a closed minute, told at its end."""
    energy = load_w * 1000 // 60
    return ClosedMinute(community, at(number), 1, energy, tuple(missing), at(number + 1))


def quarters(
    used_w: Mapping[str, int] | None = None, *, community: str = "c1", version: int = 1
) -> list[ClosedPeriod]:
    """Return two quarter-hours that are over: idle in the first, `used_w` in the second.

    The second ended a quarter of an hour before noon; a later version is an hour later.
    """
    drawn = dict.fromkeys(METERS, HEATER_W) if used_w is None else used_w
    return [
        ClosedPeriod(
            community,
            NOON - (3 - place - 4 * (version - 1)) * QUARTER_S,
            0,
            {meter: Drawn(version, watts * place, watts * place) for meter, watts in drawn.items()},
        )
        for place in (0, 1)
    ]


def an_answer(
    directive_id: str, meter: str, outcome: AckOutcome = AckOutcome.OBEYED, *, minute: int = 0
) -> DirectiveAck:
    return DirectiveAck(
        directive_id=directive_id,
        community_id="c1",
        meter_id=meter,
        minute=at(minute),
        outcome=outcome,
    )


def a_choice(meter: str, state: SwitchState, version: int = 1) -> SwitchChoice:
    return SwitchChoice(
        community_id="c1", meter_id=meter, version=version, state=state, valid_from=0
    )


def a_deficit(shed_w: int, *, until: int, since: int = 0, version: int = 1) -> Ordered:
    """Return what the grid asks of the community, from a minute until another."""
    return Ordered("c1", Deficit("d1", version, at(since), at(until), shed_w, None))


class Played:
    """A community whose terminals answer at once, minute by minute."""

    def __init__(
        self,
        policy: RegulationPolicy = POLICY,
        grid: Registered = GRID,
        *,
        answers: bool = True,
        used_w: Mapping[str, int] | None = None,
    ) -> None:
        self.policy = policy
        self.regulation = Regulation(policy)
        self.grid = grid
        self.answers = answers
        self.steps: list[Step] = []
        self.tell(*quarters(used_w), now=NOON)

    def tell(self, *inputs: Input, now: float) -> Step:
        step = self.regulation.fold(inputs, now=now, registered=lambda _, __: self.grid)
        self.steps.append(step)
        if self.answers and step.directives:
            self.regulation.fold(
                [an_answer(one.directive_id, one.meter_id) for one in step.directives],
                now=now,
                registered=lambda _, __: self.grid,
            )
        return step

    def restart(self, *, now: float) -> None:
        """Let another worker go on from what is kept."""
        before = self.regulation
        self.regulation = Regulation(
            self.policy,
            communities=before.communities,
            switches=before.switches,
            loads=before.loads,
            since=now,
        )

    def minute(self, number: int, load_w: int, *also: Input, missing: Iterable[str] = ()) -> Step:
        told = a_minute(number, load_w, missing=missing)
        return self.tell(*also, told, now=at(number + 1))

    def off(self, number: int) -> set[str]:
        """Return who is off in a minute, as ordered."""
        switches = self.regulation.switches.get("c1", {})
        return {meter for meter, switch in switches.items() if switch.is_off(at(number))}


def with_calm(seconds: int) -> RegulationPolicy:
    return replace(POLICY, calm_s=seconds)
