"""Hours in which nobody is disturbed, by the clock on their wall."""

from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import product
from zoneinfo import ZoneInfo

from schemas.units import MINUTE_S


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def is_quiet(at: float, *, zone: str, quiet_from: time, quiet_to: time) -> bool:
    """Say whether a time (epoch s) lies in the quiet hours [quiet_from, quiet_to) of a zone.

    They may go over midnight; there are none when both are the same.

    >>> is_quiet(1_750_456_800, zone="Europe/Berlin", quiet_from=time(22), quiet_to=time(7))
    True
    """
    clock = datetime.fromtimestamp(at, _zone(zone)).time()
    if quiet_from <= quiet_to:
        return quiet_from <= clock < quiet_to
    return clock >= quiet_from or clock < quiet_to


def after_quiet(at: float, *, zone: str, quiet_from: time, quiet_to: time) -> float:
    """Return the first time (epoch s) from `at` on that is not in the quiet hours.

    Where clocks are put back the end may come twice, and each of them ends the quiet hours; where
    they are put forward over it, quiet ends when they are.
    """

    def quiet(moment: float) -> bool:
        return is_quiet(moment, zone=zone, quiet_from=quiet_from, quiet_to=quiet_to)

    if not quiet(at):
        return at
    today = datetime.fromtimestamp(at, _zone(zone)).date()
    ends = (
        _timestamp(today + timedelta(days=days), quiet_to, zone=zone, fold=fold)
        for days, fold in product((0, 1), (0, 1))
    )
    end = min(end for end in ends if end > at and not quiet(end))
    while not quiet(end - MINUTE_S):
        end -= MINUTE_S
    return end


def _timestamp(day: date, clock: time, *, zone: str, fold: int) -> float:
    return datetime.combine(day, clock, _zone(zone)).replace(fold=fold).timestamp()
