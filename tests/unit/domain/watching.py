"""A community as a test tells it, and what comes of that; the rules are those of the defaults."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from schemas.malfunction import Malfunction, MalfunctionKind, TicketEvent
from schemas.units import PERIOD_S
from streams.domain.malfunction import MalfunctionPolicy
from streams.domain.malfunction_communities import Input, Proof, Registered, Step, Watches
from streams.domain.malfunction_inputs import Failed, Refusal, ToldMinute
from tests.builders import DAY_S, HOUR_S, MINUTE_S, NOON

POLICY = MalfunctionPolicy(
    missed_minutes=3,
    good_minutes=3,
    terminal_percent=50,
    failures=5,
    failures_within_s=HOUR_S,
    grace_s=0,
    lateness_s=2 * MINUTE_S,
    remind_after_s=(HOUR_S, DAY_S),
    reopen_within_s=DAY_S,
    live_within_s=HOUR_S,
)
METERS = ("m1", "m2", "m3", "m4", "m5")


def at(minute: int) -> int:
    """Return the start of a minute, counted from noon."""
    return NOON + minute * MINUTE_S


def a_minute(  # noqa: PLR0913 - what a test may be about
    minute: int,
    missing: Collection[str] = (),
    *,
    community: str = "c1",
    version: int = 1,
    meters: int = len(METERS),
    lag_s: float = 2,
) -> ToldMinute:
    """Return a closed minute; `lag_s` after its end it was told."""
    return ToldMinute(
        community,
        at(minute),
        version,
        meters - len(missing),
        frozenset(missing),
        at(minute + 1) + lag_s,
    )


def a_refusal(
    minute: int,
    meters: Sequence[str] = ("m1",),
    *,
    rule: str = "negative_energy",
    place: int | None = None,
    community: str = "c1",
) -> Refusal:
    """Return what a rule refused of the frame of a minute."""
    number = minute if place is None else place
    told_at = at(minute + 1) + 1
    return Refusal(community, rule, at(minute), tuple(meters), number, number, told_at)


def a_verdict(
    minutes: Sequence[int],
    meters: Sequence[str] = ("m1",),
    *,
    rule: str = "swapped_unit",
    place: int,
) -> Failed:
    """Return what validation failed of the quarter-hour of some minutes."""
    end = at(minutes[0]) - at(minutes[0]) % PERIOD_S + PERIOD_S
    readings = tuple((rule, meter, at(minute)) for meter in meters for minute in minutes)
    return Failed("c1", end, readings, place, end + POLICY.lateness_s + 1)


@dataclass
class Watching:
    """A partition under watch, and all that was told of it, each step when it was decided."""

    watches: Watches = field(default_factory=lambda: Watches(POLICY))
    told: list[Malfunction] = field(default_factory=list)
    registered: Registered = field(default_factory=Registered)

    def give(self, *inputs: Input, now: float, proof: Proof | None = None) -> Step:
        """Let a batch come, and then one more in which it is told what was decided."""
        step = self.watches.fold(inputs, now=now, registered=self._of, proof=proof)
        self.told += step.told
        said = self.watches.fold([], now=now, registered=self._of)
        self.told += said.told
        return replace(step, watches={**step.watches, **said.watches})

    def prove(self, *, now: float) -> Step:
        """Let everything be read that there was."""
        return self.give(now=now, proof=Proof(dict(self.watches.asking)))

    def minutes(self, first: int, last: int, missing: Collection[str] = ()) -> None:
        """Tell minutes in a row, each soon after its end, with a proof where one is asked for."""
        for minute in range(first, last + 1):
            self.give(a_minute(minute, missing), now=at(minute + 1) + 2)
            if self.watches.asking:
                self.prove(now=at(minute + 1) + 2)

    def silence(self, until: int, *, proven: bool = True) -> None:
        """Let time go by in which nothing comes."""
        self.give(now=at(until))
        if self.watches.asking and proven:
            self.prove(now=at(until))

    @property
    def events(self) -> list[tuple[TicketEvent, MalfunctionKind, tuple[str, ...]]]:
        """What was told: what happened, to what, and whose."""
        return [(told.event, told.kind, tuple(told.meter_id)) for told in self.told]

    def _of(self, community_id: str) -> Registered:
        assert community_id
        return self.registered
