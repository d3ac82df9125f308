"""What a rule came to: overload, switchings, fairness and what was put off, from the truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deploy.regulation.playing import Played, Watts
from schemas.units import MINUTE_S
from streams.domain.regulation import jain

FLAP_MINUTES = 60
_WH_A_MWH = 1 / 1000
_MINUTES_AN_HOUR = 60

Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a rule came to, without the first day.

    Attributes:
        overloaded: Minutes of communities above their limit.
        worst: The highest load, as a share of the limit.
        avoided: Of the minutes that were overloaded without control although enough could have
            been shed, the share that is not; None where there are none.
        episodes: How often a community went above its limit.
        reaction_min: From the first minute of each episode until the load is at the limit again,
            minutes: median, 95th percentile, longest; None without any.
        switchings: By switchable household and day.
        flaps: How often a switch was on, off and on again within an hour.
        shed_kwh: What heaters had to put off, as it stood when each was given back.
        cold_kwh: Hot water that was wanted and not there.
        fairness: Jain's index of minutes shed over those who may be shed; the lowest of the
            communities, and their mean; None where nobody was shed.
        below_minimum: Households that were left with less than the guaranteed minimum.
    """

    overloaded: int
    worst: float
    avoided: float | None
    episodes: int
    reaction_min: tuple[float, float, float] | None
    switchings: float
    flaps: int
    shed_kwh: float
    cold_kwh: float
    fairness: tuple[float, float] | None
    below_minimum: int


@dataclass(frozen=True)
class Truth:
    """What the rules are measured with.

    Attributes:
        limits_w: By community.
        community: By heater.
        may_shed: By heater, whether the guaranteed minimum is left without it.
        first: The first minute that counts, by number: the day before it is the meters' first.
        avoidable: (minutes, communities): without control above the limit, and at the target or
            below it if all that may be shed were.
        days: How many count.
    """

    limits_w: NDArray[np.int64]
    community: NDArray[np.int64]
    may_shed: Flags
    first: int
    avoidable: Flags
    days: float


def truth_of(  # noqa: PLR0913 - what is known of a grid
    uncontrolled: Played,
    *,
    limits_w: NDArray[np.int64],
    community: NDArray[np.int64],
    may_shed: Flags,
    heater_w: NDArray[np.int64],
    target_percent: int,
    first: int,
) -> Truth:
    """Return what rules are measured with.

    Who heats when is not kept by heater: of what a community's heaters draw, those that may be
    shed have the share of their power.
    """
    shares = sheddable_shares(
        heater_w, may_shed=may_shed, community=community, communities=len(limits_w)
    )
    least = uncontrolled.load_w - uncontrolled.heaters_w * shares
    is_over = uncontrolled.load_w > limits_w
    avoidable = is_over & (least <= limits_w * target_percent / 100)
    days = (len(is_over) - first) * MINUTE_S / 86_400
    return Truth(limits_w, community, may_shed, first, avoidable[first:], days)


def sheddable_shares(
    heater_w: NDArray[np.int64], *, may_shed: Flags, community: NDArray[np.int64], communities: int
) -> NDArray[np.float64]:
    """Return by community the share of its heaters' power that may be shed; 0 without heaters."""
    all_of_it = np.bincount(community, weights=heater_w, minlength=communities)
    of_it = np.bincount(community, weights=heater_w * may_shed, minlength=communities)
    return np.asarray(of_it / np.maximum(all_of_it, 1), np.float64)


def measure(played: Played, truth: Truth) -> Figures:
    """Return what a rule came to."""
    load, is_off = played.load_w[truth.first :], played.is_off[truth.first :]
    is_over = load > truth.limits_w
    reactions = [length for _, length in runs(is_over)]
    avoidable = int(truth.avoidable.sum())
    fair = [
        index
        for place in range(len(truth.limits_w))
        if (index := _fairness(is_off, truth, place)) is not None
    ]
    changes = int(np.abs(np.diff(is_off.astype(np.int8), axis=0)).sum())
    below = is_off.any(axis=0) & ~truth.may_shed
    return Figures(
        overloaded=int(is_over.sum()),
        worst=float((load / truth.limits_w).max()),
        avoided=1 - int((is_over & truth.avoidable).sum()) / avoidable if avoidable else None,
        episodes=len(reactions),
        reaction_min=_percentiles(reactions),
        switchings=changes / is_off.shape[1] / truth.days,
        flaps=sum(
            length < FLAP_MINUTES
            for start, length in runs(is_off)
            if start > 0 and start + length < len(is_off)
        ),
        shed_kwh=_put_off_kwh(is_off, played.lacking_mwh[truth.first :]),
        cold_kwh=played.cold_mwh / 1e6,
        fairness=(min(fair), float(np.mean(fair))) if fair else None,
        below_minimum=int(below.sum()),
    )


def runs(flags: Flags) -> list[tuple[int, int]]:
    """Return where each run of true values in each column begins, and how long it is.

    >>> runs(np.array([[True], [True], [False], [True]]))
    [(0, 2), (3, 1)]
    """
    edges = np.diff(np.pad(flags.astype(np.int8), ((1, 1), (0, 0))), axis=0)
    found = []
    for column in edges.T:
        starts, ends = np.flatnonzero(column == 1), np.flatnonzero(column == -1)
        found += list(zip(starts.tolist(), (ends - starts).tolist(), strict=True))
    return found


def overload_by_hour(load_w: Watts, limits_w: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return in how many minutes communities were above their limits, by hour of the time."""
    over = (load_w > limits_w).sum(axis=1)
    hours: NDArray[np.int64] = over.reshape(-1, _MINUTES_AN_HOUR).sum(axis=1)
    return hours


def _fairness(is_off: Flags, truth: Truth, place: int) -> float | None:
    mine = truth.may_shed & (truth.community == place)
    return jain(is_off[:, mine].sum(axis=0).tolist())


def _percentiles(minutes: list[int]) -> tuple[float, float, float] | None:
    if not minutes:
        return None
    middle, high, most = np.percentile(minutes, [50, 95, 100]).tolist()
    return middle, high, most


def _put_off_kwh(is_off: Flags, lacking_mwh: NDArray[np.int64]) -> float:
    returned = is_off[:-1] & ~is_off[1:]
    return float(lacking_mwh[:-1][returned].sum()) * _WH_A_MWH / 1000
