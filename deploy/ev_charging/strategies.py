"""Four ways to charge a fleet, and what each comes to."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from deploy.ev_charging.nights import Night
from streams.domain.ev_charging_planning import (
    Fleet,
    Tolerance,
    compile_planner,
    plan_fleet,
    possible_energies,
)

Charges = npt.NDArray[np.int64]
_MWH_PER_KWH: Final = 1_000_000
_MWH_PER_KW: Final = 250_000


@dataclass(frozen=True)
class Outcome:
    """What a night comes to.

    Attributes:
        load_kw: (period,) of the whole grid.
        cost: Sum of squared loads, as a share of that of charging at plug-in.
        unmet_kwh: Asked for and not charged.
        avoidable_kwh: Of that, what could have been charged within all limits.
        starved: Communities whose vehicles got less than half of what they asked for.
        overloads: Quarter-hours of communities above what their connections bear.
        gap: Certified distance from the optimum, a share of the objective; None: not planned.
        seconds: Time of a processor to plan it; None: not planned.
    """

    name: str
    load_kw: npt.NDArray[np.float64]
    cost: float
    unmet_kwh: float
    avoidable_kwh: float
    starved: int
    overloads: int
    gap: float | None = None
    seconds: float | None = None

    @property
    def peak_kw(self) -> float:
        """The highest load."""
        return float(self.load_kw.max())


def at_plug_in(fleet: Fleet) -> Charges:
    """Charge with all power from plug-in on, as a charger does without orders."""
    return _in_order(fleet.cap, fleet.asked)


def as_late_as_possible(fleet: Fleet) -> Charges:
    """Charge with all power, so that the energy is there at departure and not before."""
    return _in_order(fleet.cap[:, ::-1], fleet.asked)[:, ::-1]


def rotating_slots(fleet: Fleet) -> Charges:
    """Let one community at a time charge, each for a quarter-hour, in turn: the original's rule."""
    communities, periods = fleet.headroom.shape
    whose = np.repeat(np.arange(communities), np.diff(fleet.firsts))
    is_turn = whose[:, None] == np.arange(periods) % communities
    return _in_order(np.where(is_turn, fleet.cap, 0), fleet.asked)


def compare(night: Night, *, tolerance: Tolerance) -> list[Outcome]:
    """Return what each way comes to, ours last."""
    compile_planner()  # not part of what is timed
    rules: Mapping[str, Callable[[Fleet], Charges]] = {
        "all at plug-in": at_plug_in,
        "all as late as possible": as_late_as_possible,
        "rotating slots": rotating_slots,
    }
    possible = possible_energies(night.fleet)
    outcomes = []
    for name, rule in rules.items():
        outcomes.append(_outcome(name, night, rule(night.fleet), possible))
    began = time.process_time()
    plan = plan_fleet(night.fleet, night.base, tolerance=tolerance)
    seconds = time.process_time() - began
    ours = _outcome("planned", night, plan.charge, possible, gap=plan.gap, seconds=seconds)
    outcomes.append(ours)
    reference = outcomes[0].cost
    return [
        Outcome(**{**outcome.__dict__, "cost": outcome.cost / reference}) for outcome in outcomes
    ]


def _in_order(cap: Charges, asked: Charges) -> Charges:
    """Charge in each period in turn whatever can be, until the energy is there."""
    charge = np.zeros_like(cap)
    left = asked.copy()
    for period in range(cap.shape[1]):
        charge[:, period] = np.minimum(cap[:, period], left)
        left -= charge[:, period]
    return charge


def _outcome(  # noqa: PLR0913 - what a night is told by
    name: str,
    night: Night,
    charge: Charges,
    possible: Charges,
    *,
    gap: float | None = None,
    seconds: float | None = None,
) -> Outcome:
    fleet = night.fleet
    sums = np.array(
        [
            charge[first:last].sum(axis=0)
            for first, last in zip(fleet.firsts[:-1], fleet.firsts[1:], strict=True)
        ]
    )
    load = night.base + charge.sum(axis=0)
    got = charge.sum(axis=1)
    whose = np.repeat(np.arange(len(sums)), np.diff(fleet.firsts))
    asked_by = np.bincount(whose, fleet.asked, minlength=len(sums))
    got_by = np.bincount(whose, got, minlength=len(sums))
    return Outcome(
        name=name,
        load_kw=load / _MWH_PER_KW,
        cost=float(load @ load),
        unmet_kwh=float((fleet.asked - got).sum()) / _MWH_PER_KWH,
        avoidable_kwh=float(np.maximum(possible - got, 0).sum()) / _MWH_PER_KWH,
        starved=int((got_by < asked_by / 2).sum()),
        overloads=int((sums + night.community_base > night.limits[:, None]).sum()),
        gap=gap,
        seconds=seconds,
    )
