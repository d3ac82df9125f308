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
    """

    periods: tuple[tuple[int, int], ...] = ()
    start: int = -1
    sum_w: int = 0
    minutes: int = 0

    def with_minute(self, minute: int, demand_w: int) -> "Demand":
        """Return it with a further minute; minutes come in their order, and may be left out."""
        start = minute - minute % PERIOD_S
        if start == self.start:
            return Demand(self.periods, start, self.sum_w + demand_w, self.minutes + 1)
        periods = self.periods
        if self.minutes:
            periods = (*periods[-_KEPT:], (self.start, self.sum_w // self.minutes))
        return Demand(periods, start, demand_w, 1)

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
