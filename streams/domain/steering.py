"""Whether control steers: only while its inputs are fresh."""

from dataclasses import dataclass


@dataclass(slots=True)
class Steering:
    """Steers from the first input on, and stops when none has come for too long.

    Attributes:
        stale_s: For how long, by the wall clock.
        heard_at: When the newest input came, epoch seconds; None: none has.
        is_on: Whether it steers.
    """

    stale_s: float
    heard_at: float | None = None
    is_on: bool = False

    def age_s(self, now: float) -> float | None:
        """Return how old the newest input is, None without one."""
        return None if self.heard_at is None else now - self.heard_at

    def turns(self, now: float) -> bool:
        """Say whether it begins or ends to steer at `now`; `is_on` says which."""
        age = self.age_s(now)
        was_on, self.is_on = self.is_on, age is not None and age <= self.stale_s
        return was_on is not self.is_on
