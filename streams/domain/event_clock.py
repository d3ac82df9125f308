"""Event time of a partition, which goes on when the partition falls silent."""

from dataclasses import dataclass

from streams.domain.communities import NEVER


@dataclass(slots=True)
class EventClock:
    """The end of the newest minute seen, running on with the wall clock since it was seen.

    In live operation this is the wall clock less the way of a frame; in a replay it is as fast as
    the replay, and once that has ended its windows still close.
    """

    reached: float = NEVER
    since: float = 0.0

    def advance(self, event_time: float, *, now: float) -> None:
        """Take note of event time that was reached at `now` (wall clock)."""
        if event_time > self.reached:
            self.reached, self.since = event_time, now

    def time(self, *, now: float) -> float:
        """Return the event time at `now`, epoch seconds."""
        return self.reached + max(now - self.since, 0.0)
