"""Autarky as plainly as it can be said: the last version of each period, from the first on.

Nothing of it is shared with the domain but the words of the states.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from schemas.autarky import AutarkyState
from streams.domain.autarky import Flows

QUARTER_S = 900
UNKNOWN, DEPENDENT, AUTARKIC = AutarkyState

Told = Mapping[int, Mapping[str, Flows]]
"""A community's periods: by start, each household's flows."""

Flip = tuple[str, int, AutarkyState, AutarkyState, int, int, int]
"""Subject ("" is the community), start, from, to, consumption, own sun, shared; mWh."""


@dataclass
class _Subject:
    state: AutarkyState = UNKNOWN
    row: list[tuple[int, AutarkyState]] = field(default_factory=list)
    seen: int = 0
    solar: int = 0
    grid: int = 0


@dataclass
class PlainAutarky:
    """The outcome of a community's periods: the flips that stand, and everyone's state."""

    enter: Fraction = Fraction(99, 100)
    leave: Fraction = Fraction(95, 100)
    hold_s: int = 900
    efficiency_percent: int = 90
    retention_s: int = 48 * 3600
    subjects: dict[str, _Subject] = field(default_factory=dict)
    flips: list[Flip] = field(default_factory=list)
    own: dict[tuple[str, int], tuple[int, int] | None] = field(default_factory=dict)

    def play(self, told: Told) -> "PlainAutarky":
        """Go through all periods in the order of time."""
        starts = sorted(told)
        for start in range(starts[0], starts[-1] + 1, QUARTER_S) if starts else ():
            households = told.get(start, {})
            sums: list[tuple[int, int, int, int] | None] = []
            for meter, flows in households.items():
                subject = self._subject(meter, start)
                sums.append(self._household(meter, subject, flows, start))
                subject.seen = start
            if start in told:
                self._subject("", start).seen = start
            if sums and None not in sums:
                known = [one for one in sums if one is not None]
                consumption, own, surplus, need = (
                    sum(column) for column in zip(*known, strict=True)
                )
                self._judge("", start, consumption, own, min(surplus, need))
            for name, subject in self.subjects.items():
                if name not in households and (name or not sums or None in sums):
                    subject.row.clear()
        return self

    def _subject(self, name: str, start: int) -> _Subject:
        subject = self.subjects.get(name)
        if subject is None or start - subject.seen > self.retention_s:
            subject = self.subjects[name] = _Subject()
        return subject

    def _household(
        self, meter: str, subject: _Subject, flows: Flows, start: int
    ) -> tuple[int, int, int, int] | None:
        consumption, production = flows.consumption or 0, flows.production or 0
        charge, discharge = flows.charge or 0, flows.discharge or 0
        direct = min(consumption, production)
        sun_charged = min(charge, production - direct)
        subject.solar += sun_charged * self.efficiency_percent // 100
        subject.grid += (
            charge * self.efficiency_percent // 100 - sun_charged * self.efficiency_percent // 100
        )
        stored = subject.solar + subject.grid
        out = min(discharge, stored)
        sun_out = int(Fraction(out * subject.solar, stored)) if stored else 0
        subject.solar -= sun_out
        subject.grid -= out - sun_out
        to_load = min(discharge, consumption - direct)
        own = direct + (int(Fraction(sun_out * to_load, discharge)) if discharge else 0)
        if flows.consumption is None or flows.measured_minutes < 15:
            subject.row.clear()
            self.own[meter, start] = None
            return None
        self.own[meter, start] = (own, consumption)
        self._judge(meter, start, consumption, own, 0)
        return (
            consumption,
            own,
            production - direct - sun_charged,
            consumption - direct - to_load,
        )

    def _judge(self, name: str, start: int, consumption: int, own: int, shared: int) -> None:
        subject = self.subjects[name]
        if consumption == 0:
            subject.row.clear()
            return
        share = Fraction(own + shared, consumption)
        limit = self.leave if subject.state is AUTARKIC else self.enter
        says = AUTARKIC if share >= limit else DEPENDENT
        if subject.row and subject.row[-1][1] is not says:
            subject.row.clear()
        subject.row.append((start, says))
        if says is subject.state:
            subject.row.clear()
        elif start - subject.row[0][0] >= self.hold_s:
            if subject.state is not UNKNOWN:
                self.flips.append((name, start, subject.state, says, consumption, own, shared))
            subject.state = says
            subject.row.clear()


def naive_flips(shares: Iterable[Fraction | None], *, threshold: Fraction) -> int:
    """Return how often a state flips that follows each share at once."""
    flips, before = 0, None
    for share in shares:
        if share is None:
            continue
        state = share >= threshold
        flips += before is not None and state is not before
        before = state
    return flips
