import numpy as np

from streams.domain.arrival_rules import (
    check_clocks,
    check_drift,
    check_membership,
    punctual,
)
from streams.domain.sun import elevation_deg
from streams.domain.vee import Rule, Thresholds, rules_in
from tests.unit.vee.meters import NOON

THRESHOLDS = Thresholds()
HOUR = 3_600


def clock(minute: int, *, received: int = NOON, newest: int = NOON) -> tuple[Rule, ...]:
    flags = check_clocks(
        np.array([minute]), np.array([received]), np.array([newest]), thresholds=THRESHOLDS
    )
    return rules_in(int(flags[0]))


def test_a_frame_may_be_three_minutes_ahead() -> None:
    assert clock(NOON + 180) == ()
    assert clock(NOON + 240) == (Rule.CLOCK_AHEAD,)


def test_a_frame_may_be_as_old_as_its_window() -> None:
    assert clock(NOON - 48 * HOUR) == ()
    assert clock(NOON - 48 * HOUR - 60) == (Rule.CLOCK_BEHIND,)


def drift(lags: list[int]) -> list[bool]:
    """Say of a frame a minute, each so many seconds late, whether its clock is off."""
    state, found = punctual(1), []
    for number, lag in enumerate(lags):
        minute = np.array([NOON + number * 60])
        flags, state = check_drift(minute, minute + 60 + lag, state, thresholds=THRESHOLDS)
        found.append(bool(flags[0]))
    return found


def test_a_terminal_in_time_does_not_drift() -> None:
    assert not any(drift([5] * 180))


def test_one_late_frame_is_no_slow_clock() -> None:
    assert not any(drift([5] * 60 + [4_000] + [5] * 60))


def test_a_clock_is_slow_when_all_frames_of_an_hour_are_late() -> None:
    found = drift([5] * 30 + [300] * 120)

    assert not any(found[:60])
    assert all(found[90:])


def test_a_clock_is_fast_when_a_minute_comes_before_it_is_over() -> None:
    assert drift([5, -90, -91]) == [False, False, True]


def test_a_meter_belongs_to_one_community() -> None:
    flags = check_membership(np.array([1, 1, 1]), np.array([1, 2, -1]))

    assert [rules_in(int(flag)) for flag in flags] == [
        (),
        (Rule.WRONG_COMMUNITY,),
        (Rule.UNKNOWN_METER,),
    ]


def test_the_sun_is_down_at_midnight_and_up_at_noon() -> None:
    midnight = NOON - 12 * HOUR
    heights = elevation_deg(np.array([midnight, NOON]), latitude_deg=51.3, longitude_deg=9.5)

    assert heights[0] < -8
    assert heights[1] > 50
