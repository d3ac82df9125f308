"""The same time by local clocks, and the kinds of days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.forecast_times import day_kinds, day_numbers, same_times_before
from streams.domain.like_days import DayKind

BERLIN = ZoneInfo("Europe/Berlin")

moments = st.integers(0, 4 * 366 * 96).map(lambda quarter: 1_420_070_400 + 900 * quarter)


@given(moments, st.integers(1, 14))
def test_the_clock_shows_the_same_time_that_many_days_before(moment: int, days: int) -> None:
    now = datetime.fromtimestamp(moment, UTC).astimezone(BERLIN)

    before = int(same_times_before(np.array([moment]), days, "Europe/Berlin")[0])

    then = datetime.fromtimestamp(before, UTC).astimezone(BERLIN)
    wanted = now.replace(tzinfo=None) - timedelta(days=days)
    # The hour that a spring day leaves out has no same time; the one nearest stands in.
    assert abs(then.replace(tzinfo=None) - wanted) <= timedelta(hours=1)
    if wanted.replace(tzinfo=BERLIN).astimezone(UTC).astimezone(BERLIN).hour == wanted.hour:
        assert then.replace(tzinfo=None) == wanted


def test_a_holiday_is_lived_as_a_sunday() -> None:
    friday = datetime(2016, 3, 25, 12, tzinfo=BERLIN)
    days = np.array([int((friday + timedelta(days=more)).timestamp()) for more in range(4)])

    kinds = day_kinds(days, "Europe/Berlin", frozenset({date(2016, 3, 25)}))

    assert kinds.tolist() == [
        DayKind.SUNDAY,
        DayKind.SATURDAY,
        DayKind.SUNDAY,
        DayKind.WORKDAY,
    ]


def test_a_day_begins_at_local_midnight() -> None:
    midnight = int(datetime(2016, 7, 1, tzinfo=BERLIN).timestamp())

    numbers = day_numbers(np.array([midnight - 900, midnight]), "Europe/Berlin")

    assert (numbers[1] - numbers[0]).item() == 1
