"""What the grid drew, as far as forecasts need it: minutes for a while, quarter-hours for weeks.

A quarter-hour is the mean of its minutes that are known. It is computed anew from these as long as
they can be told anew, so that taking a minute twice changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.communities import NEVER
from streams.domain.forecast import Watts
from streams.domain.forecast_times import DAY_S

DAYS: Final = 29
"""The forecasts look four weeks back; a day more for what is asked of tomorrow."""

_PERIODS: Final = DAYS * DAY_S // PERIOD_S


class Load(NamedTuple):
    """A minute of the grid, W: import less export, and what sun and wind plants could give."""

    version: int
    net_w: int
    volatile_w: int


class Quarter(NamedTuple):
    """The means of a quarter-hour, W, and of how many minutes."""

    net_w: float
    volatile_w: float
    minutes: int


@dataclass(slots=True)
class Changes:
    """What a minute changes: records to write, and to delete."""

    minutes: dict[int, Load | None] = field(default_factory=dict)
    quarters: dict[int, Quarter | None] = field(default_factory=dict)


class History:
    """Minutes and quarter-hours of one grid.

    Attributes:
        newest: The newest minute; `NEVER` while there is none.
    """

    def __init__(
        self,
        *,
        retention_s: int,
        minutes: Iterable[tuple[int, Load]] = (),
        quarters: Iterable[tuple[int, Quarter]] = (),
    ) -> None:
        """Begin with what was remembered; `retention_s`: how long a minute can be told anew."""
        self._kept_s = retention_s + PERIOD_S
        self._minutes: dict[int, Load] = dict(minutes)
        self._quarters: dict[int, Quarter] = dict(quarters)
        self.newest = max(self._minutes, default=NEVER)

    @property
    def oldest(self) -> int:
        """The oldest minute that can be told anew, epoch seconds."""
        return self.newest - self._kept_s

    def load_of(self, minute: int) -> Load:
        """Return a minute that is known."""
        return self._minutes[minute]

    def get(self, minute: int) -> Load | None:
        """Return a minute; None when nothing is known of it, or any more."""
        return self._minutes.get(minute)

    def take(self, minute: int, load: Load) -> Changes:
        """Take a minute, the higher version; nothing changes by what is known or forgotten."""
        changes, known = Changes(), self._minutes.get(minute)
        if minute < self.oldest or (known and known.version >= load.version):
            return changes
        self._minutes[minute] = changes.minutes[minute] = load
        self.newest = max(self.newest, minute)
        start = quarter_of(minute)
        loads = [
            self._minutes[at]
            for at in range(start, start + PERIOD_S, MINUTE_S)
            if at in self._minutes
        ]
        # A quarter-hour of which minutes are forgotten already keeps what it had of them.
        if start >= self.oldest:
            self._quarters[start] = changes.quarters[start] = Quarter(
                sum(one.net_w for one in loads) / len(loads),
                sum(one.volatile_w for one in loads) / len(loads),
                len(loads),
            )
        self._forget(changes)
        return changes

    def net_w(self, until: int) -> Watts:
        """Return the mean net load of the quarter-hours before one, W, NaN where not known."""
        return self._series(until, volatile=False)

    def volatile_w(self, until: int) -> Watts:
        """Return what sun and wind plants could give in the quarter-hours before one, W."""
        return self._series(until, volatile=True)

    def _series(self, until: int, *, volatile: bool) -> Watts:
        oldest = min(self._quarters, default=until)
        periods = min(max((until - oldest) // PERIOD_S, 0), _PERIODS)
        series = np.full(periods, np.nan)
        for start, quarter in self._quarters.items():
            place = periods - (until - start) // PERIOD_S
            if 0 <= place < periods:
                series[place] = quarter.volatile_w if volatile else quarter.net_w
        return series

    def _forget(self, changes: Changes) -> None:
        for minute in [at for at in self._minutes if at < self.oldest]:
            del self._minutes[minute]
            changes.minutes[minute] = None
        for start in [at for at in self._quarters if at < self.newest - DAYS * DAY_S]:
            del self._quarters[start]
            changes.quarters[start] = None


def forecast_minutes(
    history: History, *, minute: int, minutes: int, curve: Watts, anchor_periods: float
) -> tuple[int, ...]:
    """Return the net load that is expected in the minutes after a known one, W.

    The last measured value, moved along the curve of the quarter-hours: it is laid through their
    middles, and the difference of the last value from it decays as the blend's own anchor does.
    Without a curve the load is expected to stay.

    Args:
        history: Knows the minute.
        minute: The last that is known, epoch seconds.
        minutes: How many after it.
        curve: Forecast of the quarter-hours from that of the next minute on, W.
        anchor_periods: The difference falls to 1/e in so many quarter-hours.
    """
    last = float(history.load_of(minute).net_w)
    if not np.isfinite(curve).all():
        return (round(last),) * minutes
    start = quarter_of(minute + MINUTE_S)
    before = history.net_w(start)[-1:]
    first = before if np.isfinite(before).all() and len(before) else curve[:1]
    middles = start + PERIOD_S / 2 + PERIOD_S * np.arange(-1, len(curve))
    ahead = minute + MINUTE_S * np.arange(minutes + 1)
    at_last, *expected = np.interp(ahead + MINUTE_S / 2, middles, np.concatenate((first, curve)))
    decay = np.exp(-(ahead[1:] - minute) / (anchor_periods * PERIOD_S))
    return tuple(round(value) for value in (expected + (last - at_last) * decay).tolist())


def quarter_of(minute: int) -> int:
    """Return when the quarter-hour of a minute began, epoch seconds."""
    return minute - minute % PERIOD_S
