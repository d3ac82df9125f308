"""Off-peak hours, in which AUTO means on, and what a switch does of all that it is told."""

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from schemas.regulation import Level, SwitchState


@dataclass(frozen=True, slots=True)
class OffPeak:
    """Hours of the civil day, from `begin` up to `end`, over midnight where that is earlier."""

    begin: time
    end: time

    def holds(self, at: int, *, zone: str) -> bool:
        """Say whether it is off-peak at a time, epoch seconds, in an IANA zone.

        >>> OffPeak(time(22), time(6)).holds(1_750_111_200, zone="Europe/Berlin")  # 00:00
        True
        """
        now = datetime.fromtimestamp(at, ZoneInfo(zone)).time()
        if self.begin <= self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end


def is_on(
    ordered: SwitchState, level: Level, *, choice: SwitchState, is_off_peak: bool = True
) -> bool:
    """Say whether a switch is on.

    An emergency beats the customer's own choice, that one beats every other order, and that
    beats AUTO, which is on in off-peak hours.

    Args:
        ordered: What the directive in force says; AUTO when there is none.
        level: Of that directive.
        choice: What the customer chose; AUTO: nothing.
        is_off_peak: Whether it is off-peak, or there are no such hours.

    >>> is_on(SwitchState.OFF, Level.NORMAL, choice=SwitchState.ON)
    True
    """
    if level is Level.EMERGENCY and ordered is not SwitchState.AUTO:
        return ordered is SwitchState.ON
    for state in (choice, ordered):
        if state is not SwitchState.AUTO:
            return state is SwitchState.ON
    return is_off_peak
