"""Planning a fleet's night: the flattest load that gives every vehicle what it can get.

Minimises `sum over periods of (base + charging)^2` under each charger's power, each session's
window and energy, each community's connection and the grid's limit. Communities are planned in
turn, each exactly, with the charging of all others as a part of its base (block coordinate descent;
`streams.domain.ev_charging_flows`), until the gap to the best response at the marginal prices
`2 x (base + charging)` certifies that the plan is within the tolerance of the optimum (Frank and
Wolfe, "An Algorithm for Quadratic Programming", 1956).

A grid limit that is the same all night needs no constraint: the optimum over a polymatroid is least
majorised (Fujishige 1980), so no other plan has a lower peak, nor less above any level. What is
above the limit then can't be placed elsewhere, and those who charge there share it.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.domain.ev_charging_flows import (
    Energies,
    best_response,
    fair_energies,
    sweep,
)
from streams.domain.ev_charging_rounding import keep_all_least_powers, switch_all_on_off

Levels = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

UNLIMITED_MWH: Final = 2**53
"""More than any connection bears in a period, and exact in every kind of number."""
_MILLION: Final = 1_000_000
_STEPS: Final = 256
"""A community's energy is laid in so many steps: finer changes nothing that is seen in a grid."""
_LIMIT_ROUNDS: Final = 12


@dataclass(frozen=True, slots=True)
class Fleet:
    """Sessions to plan, those of a community next to each other; energies in mWh.

    Attributes:
        firsts: (community + 1,): where the sessions of each begin, and the end.
        asked: (session,): asked for at plug-in.
        had: (session,): charged of it.
        cap: (session, period): what its charger can do while it is there.
        headroom: (community, period): what its connection has left for vehicles.
        on_off: (session,): whether the charger is only on or off.
        least: (session,): the least that a charger that is on takes in a whole period.
    """

    firsts: Energies
    asked: Energies
    had: Energies
    cap: Energies
    headroom: Energies
    on_off: Flags
    least: Energies


@dataclass(frozen=True, slots=True)
class Tolerance:
    """When a plan is good enough.

    Attributes:
        gap: A share of the objective.
        sweeps: At most so many.
    """

    gap: float
    sweeps: int

    def __post_init__(self) -> None:
        """Refuse what can't be.

        Raises:
            ValueError: If so.
        """
        if not 0 < self.gap < 1 or self.sweeps < 1:
            raise ValueError(f"gap {self.gap} must be in (0, 1), sweeps {self.sweeps} at least 1")


@dataclass(frozen=True, slots=True)
class Plan:
    """Who charges when.

    Attributes:
        charge: (session, period) mWh.
        objective: Sum of (base + charging)^2 over the periods, mWh^2.
        lower_bound: Of what any plan with these energies has, mWh^2, even if on/off chargers could
            be set to any power where they fit.
        sweeps: How often each community was planned.
        possible: (session,) mWh that each could have behind its community's connection.
    """

    charge: Energies
    objective: float
    lower_bound: float
    sweeps: int
    possible: Energies

    @property
    def gap(self) -> float:
        """At most so far from the optimum, as a share of the objective; 0 when there is no load."""
        return (self.objective - self.lower_bound) / self.objective if self.objective else 0.0


def plan_fleet(
    fleet: Fleet, base: Levels, *, tolerance: Tolerance, limit: float | None = None
) -> Plan:
    """Return the night's plan.

    Args:
        fleet: Who is to be charged.
        base: (period,): the grid's load without them, mWh in each.
        tolerance: When it is good enough.
        limit: Of base and charging together in each period, mWh; None: none.
    """
    fleet = _with_room_for_whole_chargers(fleet)
    possible = energy = possible_energies(fleet)
    plan = _flattest(fleet, base, energy, tolerance)
    if limit is not None:
        plan, energy = _within(fleet, base, energy, plan, tolerance, limit)
    return replace(_switched(fleet, base, energy, plan), possible=possible)


def compile_planner() -> None:
    """Have everything compiled that a plan needs: a worker does that before it has partitions.

    It takes seconds the first time on a machine, in which no other thread may run for long.
    """
    two = np.array([2, 1], dtype=np.int64)
    fleet = Fleet(
        np.array([0, 2], dtype=np.int64),
        two,
        np.zeros(2, dtype=np.int64),
        np.ones((2, 3), dtype=np.int64),
        np.array([[1, 1, 0]], dtype=np.int64),
        np.array([True, False]),
        two,
    )
    plan_fleet(fleet, np.zeros(3), tolerance=Tolerance(gap=0.01, sweeps=1), limit=1.0)


def possible_energies(fleet: Fleet) -> Energies:
    """Return what each session can get behind its community's connection, mWh, fairly shared."""
    energy: npt.NDArray[np.int64] = np.minimum(
        np.maximum(fleet.asked - fleet.had, 0), fleet.cap.sum(axis=1)
    )
    fair_energies(fleet.firsts, fleet.asked, fleet.had, fleet.cap, fleet.headroom, energy)
    return energy


def least_objective(fleet: Fleet, level: Levels, base: Levels, energy: Energies) -> float:
    """Return what no plan with these energies falls below, mWh^2, as prices 2 x `level` show.

    The objective f is convex, so `f(y) >= level^2 + 2 level (base + y - level)` for every plan y,
    and the best response at these prices has the least of that.
    """
    response = np.zeros_like(fleet.cap)
    best_response(fleet.firsts, level, response, fleet.cap, energy, fleet.headroom)
    return float(level @ (2 * (base + response.sum(axis=0)) - level))


def _with_room_for_whole_chargers(fleet: Fleet) -> Fleet:
    """Let on/off chargers be off where what is left of the connection is less than they take."""
    if not fleet.on_off.any():
        return fleet
    rooms = np.repeat(fleet.headroom, np.diff(fleet.firsts), axis=0)
    fits = ~fleet.on_off[:, None] | (fleet.cap <= rooms)
    return replace(fleet, cap=np.where(fits, fleet.cap, 0))


def _shared_anew(
    fleet: Fleet, charge: Energies, cap: Energies, energy: Energies, headroom: Energies
) -> Energies:
    """Return energies in which the others have what on/off chargers could not take after all."""
    taken = np.where(fleet.on_off[:, None], charge, 0)
    sums = np.zeros_like(headroom)
    whose = np.repeat(np.arange(len(headroom)), np.diff(fleet.firsts))
    np.add.at(sums, whose, taken)
    others = replace(fleet, cap=np.where(fleet.on_off[:, None], 0, cap), headroom=headroom - sums)
    return np.where(fleet.on_off, energy, possible_energies(others))


def _flattest(
    fleet: Fleet,
    base: Levels,
    energy: Energies,
    tolerance: Tolerance,
) -> Plan:
    charge = np.zeros_like(fleet.cap)
    total = np.zeros(len(base), dtype=np.int64)
    sums = np.add.reduceat(np.append(energy, 0), fleet.firsts[:-1]) if len(energy) else energy
    quanta = np.maximum(sums // _STEPS, 1)
    objective = lower_bound = 0.0
    for sweeps in range(1, tolerance.sweeps + 1):  # noqa: B007 - how many it took
        sweep(fleet.firsts, base, total, quanta, charge, fleet.cap, energy, fleet.headroom)
        level = base + total
        objective = float(level @ level)
        lower_bound = least_objective(fleet, level, base, energy)
        if objective - lower_bound <= tolerance.gap * objective:
            break
    return Plan(charge, objective, lower_bound, sweeps, energy)


def _within(  # noqa: PLR0913, PLR0917 - what a plan is made of
    fleet: Fleet,
    base: Levels,
    energy: Energies,
    plan: Plan,
    tolerance: Tolerance,
    limit: float,
) -> tuple[Plan, Energies]:
    """Take what is above the grid's limit from those who charge there, the same share of all."""
    for _ in range(_LIMIT_ROUNDS):
        total = plan.charge.sum(axis=0)
        above = np.ceil(np.minimum(np.maximum(base + total - limit, 0), total)).astype(np.int64)
        if not above.any():
            return plan, energy
        concerned: npt.NDArray[np.bool_] = np.logical_or.reduce(plan.charge[:, above > 0], axis=1)
        energy = _shared_cut(fleet, energy, concerned, int(above.sum()))
        plan = _flattest(fleet, base, energy, tolerance)
    return plan, energy


def _shared_cut(fleet: Fleet, energy: Energies, concerned: Flags, cut: int) -> Energies:
    """Return energies with `cut` mWh less, the share of all who are concerned the same."""
    low, high = 0, _MILLION
    wanted = int(energy.sum()) - cut
    while high - low > 1:
        share = (low + high) // 2
        most = np.maximum(fleet.asked * share // _MILLION - fleet.had, 0)
        if int(np.where(concerned, np.minimum(energy, most), energy).sum()) > wanted:
            high = share
        else:
            low = share
    most = np.maximum(fleet.asked * low // _MILLION - fleet.had, 0)
    return np.where(concerned, np.minimum(energy, most), energy)


def _switched(fleet: Fleet, base: Levels, energy: Energies, plan: Plan) -> Plan:
    """Round what chargers can't do, and let the others make up for it."""
    if not fleet.on_off.any() and not fleet.least.any():
        return plan
    charge, cap = plan.charge.copy(), fleet.cap.copy()
    wanted, energy, headroom = energy, energy.copy(), fleet.headroom.copy()
    if fleet.on_off.any():
        switch_all_on_off(fleet.firsts, fleet.on_off, charge, cap, energy, headroom)
        if (energy < wanted).any() and (wanted == plan.possible).all():
            energy = _shared_anew(fleet, charge, cap, energy, headroom)
        total = charge.sum(axis=0)
        sums = np.add.reduceat(np.append(energy, 0), fleet.firsts[:-1])
        quanta = np.maximum(sums // _STEPS, 1)
        sweep(fleet.firsts, base, total, quanta, charge, cap, energy, headroom)
    level = base + charge.sum(axis=0)
    keep_all_least_powers(fleet.firsts, fleet.least, level, charge, cap, headroom)
    # Energies may have fallen: any prices bound what these cost at least, and both are good ones.
    lower_bound = max(
        least_objective(fleet, prices, base, energy)
        for prices in (base + charge.sum(axis=0), base + plan.charge.sum(axis=0))
    )
    return replace(plan, charge=charge, objective=float(level @ level), lower_bound=lower_bound)
