"""What a community draws without its vehicles, remembered by quarter-hour, for the forecast."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.units import PERIOD_S
from streams.domain.ev_charging import Kept, ordered_mwh
from streams.domain.forecast import ForecastPolicy, blend
from streams.domain.newest import take_newest

HISTORY_PERIODS: Final = 8 * 96
"""A week and a day: the same time last week is among it."""

Watts = npt.NDArray[np.float64]
Limits = Callable[[str], int | None]
"""What a community's connection bears, W; None where it is not registered."""


class Minute(NamedTuple):
    """A closed minute: import less export, mWh."""

    version: int
    net_mwh: int


class Shed(NamedTuple):
    """Regulation's order to draw less, W, from one minute to another."""

    version: int
    valid_from: int
    valid_until: int
    shed_w: int


@dataclass(slots=True)
class Community:
    """What is known of a community.

    Attributes:
        sessions: By id, those that ended a day ago at most included.
        minutes: Closed minutes of quarter-hours that are not in the history yet.
        vehicles: mWh that vehicles reported, by quarter-hour, those not in the history yet.
        sheds: By order.
        history: (period,) W without vehicles, NaN where not known.
        history_end: Where it ends.
    """

    sessions: dict[str, Kept] = field(default_factory=dict)
    minutes: dict[int, Minute] = field(default_factory=dict)
    vehicles: dict[int, int] = field(default_factory=dict)
    sheds: dict[str, Shed] = field(default_factory=dict)
    history: Watts = field(default_factory=lambda: np.empty(0))
    history_end: int = 0


def take_minute(community: Community, minute: int, told: Minute) -> bool:
    """Take a closed minute; say whether that is news that can still be used."""
    return minute >= community.history_end and take_newest(community.minutes, minute, told)


def close(community: Community, *, until: int) -> bool:
    """Put the quarter-hours before `until` into the history; say whether there were any."""
    if not community.history_end:
        if not community.minutes:
            return False
        community.history_end = min(community.minutes) // PERIOD_S * PERIOD_S
    first = max(community.history_end, until - HISTORY_PERIODS * PERIOD_S)
    if until <= first:
        return False
    new = [_mean_w(community, quarter) for quarter in range(first, until, PERIOD_S)]
    gap = np.full((first - community.history_end) // PERIOD_S, np.nan)
    community.history = np.concatenate([community.history, gap, new])[-HISTORY_PERIODS:]
    community.history_end = until
    community.minutes = {at: told for at, told in community.minutes.items() if at >= until}
    community.vehicles = {at: told for at, told in community.vehicles.items() if at >= until}
    return True


def take_charged(community: Community, quarter: int, energy_mwh: int, *, assumed_mwh: int) -> bool:
    """Take what a vehicle reported of a quarter-hour; say whether that changes the history.

    Args:
        community: Whose.
        quarter: When, epoch seconds.
        energy_mwh: What it charged.
        assumed_mwh: What the history was told that it would, in its place.
    """
    if quarter >= community.history_end:
        community.vehicles[quarter] = community.vehicles.get(quarter, 0) + energy_mwh
        return False
    place = len(community.history) - (community.history_end - quarter) // PERIOD_S
    if place < 0 or energy_mwh == assumed_mwh:
        return False
    community.history[place] -= (energy_mwh - assumed_mwh) * 3600 / PERIOD_S / 1000
    return True


def forecast(
    communities: Sequence[Community], *, start: int, periods: int, policy: ForecastPolicy
) -> Watts:
    """Return (community, period) W without vehicles from `start` on; NaN where nothing is known."""
    histories = np.full((len(communities), HISTORY_PERIODS), np.nan)
    for row, community in zip(histories, communities, strict=True):
        # What has come of the last quarter-hours stands for the whole of them.
        ongoing = [
            _mean_w(community, quarter)
            for quarter in range(community.history_end, start, PERIOD_S)
            if community.history_end
        ]
        known = np.concatenate([community.history, ongoing[-HISTORY_PERIODS:]])[-HISTORY_PERIODS:]
        if len(known):
            row[-len(known) :] = known
    return blend(histories, period_start=start, horizon_periods=periods, policy=policy)


def shed_w(community: Community, *, start: int, periods: int) -> Watts:
    """Return (period,) W that regulation wants less of the community."""
    begins = start + PERIOD_S * np.arange(periods)
    result = np.zeros(periods)
    for shed in community.sheds.values():
        concerned = (begins < shed.valid_until) & (begins + PERIOD_S > shed.valid_from)
        result[concerned] += shed.shed_w
    return result


def _mean_w(community: Community, quarter: int) -> float:
    told = [
        community.minutes[minute].net_mwh
        for minute in range(quarter, quarter + PERIOD_S, 60)
        if minute in community.minutes
    ]
    if not told:
        return float("nan")
    # What is not reported yet was charged as ordered, up to where minutes have been told.
    end = max(minute for minute in community.minutes if quarter <= minute < quarter + PERIOD_S) + 60
    vehicles = community.vehicles.get(quarter, 0) + sum(
        ordered_mwh(kept, max(kept.heard, quarter), end)
        for kept in community.sessions.values()
        if not kept.lags and kept.heard < end
    )
    return sum(told) / len(told) * 60 / 1000 - vehicles * 3600 / (end - quarter) / 1000
