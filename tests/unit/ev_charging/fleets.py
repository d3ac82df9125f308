"""Small fleets to plan, and the exact optimum of their nights by a solver."""

from dataclasses import dataclass

import clarabel
import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from streams.domain.ev_charging_planning import UNLIMITED_MWH, Fleet, Levels

KWH = 1_000_000
"""mWh."""
QUARTER_OF_A_KW = 250_000
"""mWh that 1 kW gives in a period."""


@dataclass(frozen=True)
class Car:
    """A session as a test tells it: at its charger in periods [arrives, leaves)."""

    wants_mwh: int
    arrives: int = 0
    leaves: int = 8
    power_w: int = 4000
    had_mwh: int = 0
    on_off: bool = False
    least_w: int = 0


def a_fleet(
    *communities: list[Car], periods: int = 8, rooms: list[list[int] | int | None] | None = None
) -> Fleet:
    """Return the cars of communities, each with its headroom in mWh a period; None: no limit."""
    cars = [car for community in communities for car in community]
    times = np.arange(periods)
    cap = [
        np.where((times >= car.arrives) & (times < car.leaves), car.power_w * 250, 0)
        for car in cars
    ]
    headroom = np.full((len(communities), periods), UNLIMITED_MWH, dtype=np.int64)
    for place, room in enumerate(rooms or []):
        if room is not None:
            headroom[place] = room
    return Fleet(
        np.cumsum([0, *(len(community) for community in communities)]),
        np.array([car.wants_mwh for car in cars], dtype=np.int64),
        np.array([car.had_mwh for car in cars], dtype=np.int64),
        np.array(cap, dtype=np.int64).reshape(len(cars), periods),
        headroom,
        np.array([car.on_off for car in cars], dtype=np.bool_),
        np.array([car.least_w * 250 for car in cars], dtype=np.int64),
    )


@st.composite
def fleets(
    draw: st.DrawFn, *, only_continuous: bool = True, roomy: bool = False, step: int = 10_000
) -> Fleet:
    """Return fleets of up to 3 communities with up to 4 cars, in 6 periods.

    Energies are whole steps of so many mWh: the solver takes less than 0.1 Wh for nothing.
    """
    periods = 6

    def car() -> Car:
        arrives = draw(st.integers(0, periods - 1))
        leaves = draw(st.integers(arrives + 1, periods))
        on_off = not only_continuous and draw(st.booleans())
        power_w = draw(st.sampled_from([1000, 2300, 3700]))
        return Car(
            draw(st.integers(0, power_w * 250 * periods // step)) * step,
            arrives,
            leaves,
            power_w,
            on_off=on_off,
            least_w=0 if on_off or only_continuous else draw(st.sampled_from([0, 500])),
        )

    communities = [
        [car() for _ in range(draw(st.integers(0, 4)))] for _ in range(draw(st.integers(1, 3)))
    ]
    rooms: list[list[int] | int | None] = [
        None
        if roomy or draw(st.booleans())
        else [draw(st.integers(0, 2 * KWH // step)) * step for _ in range(periods)]
        for _ in communities
    ]
    return a_fleet(*communities, periods=periods, rooms=rooms)


bases = st.lists(st.integers(0, 500), min_size=6, max_size=6).map(
    lambda values: np.array(values, dtype=np.float64) * KWH / 100
)


def optimum(fleet: Fleet, base: Levels, energy: npt.NDArray[np.int64]) -> float:
    """Return the least sum of (base + charging)^2 with these energies, mWh^2, by Clarabel."""
    sessions, periods = fleet.cap.shape
    at = np.flatnonzero(fleet.cap)  # a variable for each period that a session is there in
    if not energy.any():
        return float(base @ base)
    of_session, of_period = _sums(fleet, at)
    of_communities = _community_sums(fleet, at)
    size = len(at) + periods
    quadratic = sparse.diags([0.0] * len(at) + [2.0] * periods, format="csc")
    totals = sparse.hstack([of_period, -sparse.identity(periods)])
    energies = sparse.hstack([of_session, sparse.csc_matrix((sessions, periods))])
    only_charge = sparse.identity(size, format="csr")[: len(at)]
    rooms = sparse.hstack([of_communities, sparse.csc_matrix((of_communities.shape[0], periods))])
    constraints = sparse.vstack([totals, energies, -only_charge, only_charge, rooms], format="csc")
    bounds = np.concatenate(
        [
            -base,
            energy,
            np.zeros(len(at)),
            fleet.cap.ravel()[at],
            np.minimum(fleet.headroom.ravel(), 100 * KWH),
        ]
    )
    cones = [
        clarabel.ZeroConeT(periods + sessions),
        clarabel.NonnegativeConeT(2 * len(at) + of_communities.shape[0]),
    ]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    solver = clarabel.DefaultSolver(
        quadratic, np.zeros(size), constraints, bounds / KWH, cones, settings
    )
    solution = solver.solve()
    assert solution.status in {clarabel.SolverStatus.Solved, clarabel.SolverStatus.AlmostSolved}
    return float(solution.obj_val) * KWH**2


def most_energy(fleet: Fleet) -> float:
    """Return the most that all sessions together can be given, mWh, by HiGHS."""
    at = np.flatnonzero(fleet.cap)
    if not len(at):
        return 0.0
    of_session, _ = _sums(fleet, at)
    rows = sparse.vstack([of_session, _community_sums(fleet, at)])
    limits = np.concatenate([fleet.asked, fleet.headroom.ravel()]) / KWH
    bounds = np.column_stack([np.zeros(len(at)), fleet.cap.ravel()[at] / KWH])
    solved = linprog(-np.ones(len(at)), A_ub=rows, b_ub=limits, bounds=bounds)
    return -float(solved.fun) * KWH


def least_share(fleet: Fleet, community: int) -> float:
    """Return how large the least share in a community can be at most, by HiGHS."""
    at = np.flatnonzero(fleet.cap)
    of_session, _ = _sums(fleet, at)
    of_communities = _community_sums(fleet, at)
    first, last = fleet.firsts[community], fleet.firsts[community + 1]
    share = np.zeros((len(fleet.asked), 1))
    share[first:last, 0] = fleet.asked[first:last] / KWH
    rows = sparse.vstack(
        [
            sparse.hstack([of_communities, sparse.csc_matrix((of_communities.shape[0], 1))]),
            sparse.hstack([-of_session, share]),
        ]
    )
    limits = np.concatenate([fleet.headroom.ravel() / KWH, np.zeros(len(fleet.asked))])
    bounds = np.column_stack([np.zeros(len(at) + 1), np.append(fleet.cap.ravel()[at] / KWH, 1.0)])
    cost = np.append(np.zeros(len(at)), -1.0)
    return -float(linprog(cost, A_ub=rows, b_ub=limits, bounds=bounds).fun)


def _sums(fleet: Fleet, at: npt.NDArray[np.int64]) -> tuple[sparse.csc_matrix, sparse.csc_matrix]:
    """Return the matrices that add charges up by session and by period."""
    sessions, periods = fleet.cap.shape
    ones, columns = np.ones(len(at)), np.arange(len(at))
    return (
        sparse.csc_matrix((ones, (at // periods, columns)), shape=(sessions, len(at))),
        sparse.csc_matrix((ones, (at % periods, columns)), shape=(periods, len(at))),
    )


def _community_sums(fleet: Fleet, at: npt.NDArray[np.int64]) -> sparse.csc_matrix:
    """Return the matrix that adds charges up by community and period."""
    periods = fleet.cap.shape[1]
    communities = len(fleet.firsts) - 1
    whose = np.searchsorted(fleet.firsts, at // periods, side="right") - 1
    return sparse.csc_matrix(
        (np.ones(len(at)), (whose * periods + at % periods, np.arange(len(at)))),
        shape=(communities * periods, len(at)),
    )
