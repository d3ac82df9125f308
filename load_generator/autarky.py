"""Autarky as plainly as it can be said: a walk over a run's periods, from the first on.

What a worker must come to in whatever order, repetition and batches the periods reach it. Nothing
of it is shared with what it judges but the words of the states.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, NamedTuple, Protocol

import pyarrow as pa

from schemas.autarky import AutarkyState

QUARTER_S: Final = 900
UNKNOWN, DEPENDENT, AUTARKIC = AutarkyState


class Flows(Protocol):
    """What a household's meter measured in a period, mWh; None: never measured in it."""

    @property
    def consumption(self) -> int | None: ...  # noqa: D102 - as above
    @property
    def production(self) -> int | None: ...  # noqa: D102
    @property
    def charge(self) -> int | None: ...  # noqa: D102
    @property
    def discharge(self) -> int | None: ...  # noqa: D102
    @property
    def measured_minutes(self) -> int: ...  # noqa: D102


class MeasuredFlows(NamedTuple):
    """A row of the truth."""

    consumption: int | None
    production: int | None
    charge: int | None
    discharge: int | None
    measured_minutes: int


class PlainFigures(NamedTuple):
    """A period's figures, mWh; `production` is None without panels, in a community 0."""

    consumption: int
    production: int | None
    solar_used: int
    self_consumed: int
    surplus: int
    need: int


Told = Mapping[int, Mapping[str, Flows]]
"""A community's periods: by start (epoch s), each household's flows."""

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
    """The outcome of a community's periods, by the rules of the default settings.

    Attributes:
        subjects: Everyone's state after the last period.
        flips: The changes that stand.
        figures: By subject and start; None where it was not measured throughout.
    """

    enter: Fraction = Fraction(99, 100)
    leave: Fraction = Fraction(95, 100)
    hold_s: int = 900
    efficiency_percent: int = 90
    retention_s: int = 49 * 3600
    subjects: dict[str, _Subject] = field(default_factory=dict)
    flips: list[Flip] = field(default_factory=list)
    figures: dict[tuple[str, int], PlainFigures | None] = field(default_factory=dict)

    def play(self, told: Told) -> "PlainAutarky":
        """Go through all periods in the order of time."""
        starts = sorted(told)
        for start in range(starts[0], starts[-1] + 1, QUARTER_S) if starts else ():
            households = told.get(start, {})
            figures: list[PlainFigures | None] = []
            for meter, flows in households.items():
                subject = self._subject(meter, start)
                figures.append(self._household(meter, subject, flows, start))
                subject.seen = start
            if start in told:
                self._subject("", start).seen = start
                self._community(start, figures)
            for name, subject in self.subjects.items():
                if name not in households and (name or not figures or None in figures):
                    subject.row.clear()
        return self

    def _subject(self, name: str, start: int) -> _Subject:
        subject = self.subjects.get(name)
        if subject is None or start - subject.seen > self.retention_s:
            subject = self.subjects[name] = _Subject()
        return subject

    def _household(
        self, meter: str, subject: _Subject, flows: Flows, start: int
    ) -> PlainFigures | None:
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
        if flows.consumption is None or flows.measured_minutes < QUARTER_S // 60:
            subject.row.clear()
            self.figures[meter, start] = None
            return None
        figures = self.figures[meter, start] = PlainFigures(
            consumption,
            flows.production,
            own,
            direct + sun_charged,
            production - direct - sun_charged,
            consumption - direct - to_load,
        )
        self._judge(meter, start, consumption, own, 0)
        return figures

    def _community(self, start: int, households: list[PlainFigures | None]) -> None:
        known = [one for one in households if one is not None]
        if not known or len(known) < len(households):
            self.figures["", start] = None
            return
        columns = zip(*(one._replace(production=one.production or 0) for one in known), strict=True)
        sums = self.figures["", start] = PlainFigures(*(sum(column) for column in columns))
        self._judge("", start, sums.consumption, sums.solar_used, min(sums.surplus, sums.need))

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


def autarky_of(truth: pa.Table) -> dict[str, PlainAutarky]:
    """Return what comes of a run's truth, by community; a run is shorter than the retention."""
    told: dict[str, dict[int, dict[str, Flows]]] = defaultdict(lambda: defaultdict(dict))
    for row in truth.to_pylist():
        start = int(row["period_start"].timestamp())
        told[row["community_id"]][start][row["meter_id"]] = MeasuredFlows(
            row["consumption_mwh"],
            row["production_mwh"],
            row["battery_charge_mwh"],
            row["battery_discharge_mwh"],
            row["measured_minutes"],
        )
    return {community: PlainAutarky().play(periods) for community, periods in told.items()}
