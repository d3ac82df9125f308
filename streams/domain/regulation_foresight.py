"""What the next quarter-hour will draw, seen from the same time yesterday.

Loads step where tariffs, clocks and habits do, on the quarter of the hour, and a controller that
waits for a closed minute sees a step only when the limit is passed. So the step of yesterday is
expected today.
"""

from dataclasses import dataclass
from typing import Final

from schemas.units import MINUTE_S, PERIOD_S

_DAY_S: Final = 86_400
_KEPT: Final = _DAY_S // PERIOD_S + 2


@dataclass(frozen=True, slots=True)
class Demand:
    """What a community would have drawn without any shedding, by quarter-hour.

    Attributes:
        periods: Start and mean W of the last day's quarter-hours, oldest first.
        start: Of the quarter-hour under way; -1: none yet.
        sum_w: Of the minutes of it that were told, W.
        minutes: How many these are.
        recent: What the last minutes of it would have drawn, W, oldest first.
    """

    periods: tuple[tuple[int, int], ...] = ()
    start: int = -1
    sum_w: int = 0
    minutes: int = 0
    recent: tuple[int, ...] = ()

    @property
    def recent_w(self) -> int:
        """What the last minutes would have drawn on average, W, rounded up; 0: none was told."""
        return -(-sum(self.recent) // len(self.recent)) if self.recent else 0

    def with_minute(self, minute: int, demand_w: int, *, recent: int) -> "Demand":
        """Return it with a further minute; minutes come in their order, and may be left out.

        Args:
            minute: Its start, epoch seconds.
            demand_w: What it would have drawn.
            recent: How many minutes are kept as the recent ones, this one among them. Those of
                another quarter-hour never are, as loads step in between.
        """
        start = minute - minute % PERIOD_S
        if start == self.start:
            return Demand(
                self.periods,
                start,
                self.sum_w + demand_w,
                self.minutes + 1,
                (*self.recent, demand_w)[-recent:],
            )
        periods = self.periods
        if self.minutes:
            periods = (*periods[-_KEPT:], (self.start, self.sum_w // self.minutes))
        return Demand(periods, start, demand_w, 1, (demand_w,))

    def step_w(self, minute: int) -> int:
        """Return by how much yesterday's demand rose when this minute ended, W; 0 if it did not.

        0 as well within a quarter-hour, and where yesterday is not known.
        """
        end = minute + MINUTE_S
        if end % PERIOD_S:
            return 0
        known = dict(self.periods)
        before, after = known.get(end - _DAY_S - PERIOD_S), known.get(end - _DAY_S)
        return 0 if before is None or after is None else max(after - before, 0)
