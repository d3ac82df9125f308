"""Which quarter-hours are alike: the same time by local clocks, some days before."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from schemas.units import PERIOD_S
from streams.domain.like_days import DayKind, kind_of

Moments = npt.NDArray[np.int64]
"""Epoch seconds, UTC."""

DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_EPOCH: Final = date(1970, 1, 1)


def same_times_before(moments: Moments, days: int, timezone: str) -> Moments:
    """Return the moments with the same local time, a number of days before.

    Where clocks change in between, that is an hour more or less than a multiple of 24.

    >>> noon = np.array([1459159200])  # 28 March 2016, the day after the clock change
    >>> (noon - same_times_before(noon, 2, "Europe/Berlin")) // 3600
    array([47])
    """
    guess = moments - days * DAY_S
    shift = utc_offsets_s(moments, timezone) - utc_offsets_s(guess, timezone)
    result: Moments = guess + shift
    return result


def utc_offsets_s(moments: Moments, timezone: str) -> Moments:
    """Return by how many seconds local clocks are ahead of UTC."""
    hours, place = np.unique(moments // _HOUR_S, return_inverse=True)
    offsets = np.array([_offset_s(int(hour), timezone) for hour in hours], np.int64)
    return offsets[place.reshape(moments.shape)] if len(hours) else np.zeros_like(moments)


def day_numbers(moments: Moments, timezone: str) -> Moments:
    """Return the local day of each moment, counted from 1 January 1970."""
    result: Moments = (moments + utc_offsets_s(moments, timezone)) // DAY_S
    return result


def day_kinds(moments: Moments, timezone: str, holidays: frozenset[date]) -> npt.NDArray[np.int64]:
    """Return the `DayKind` of each moment's local day; a public holiday is a Sunday."""
    numbers, place = np.unique(day_numbers(moments, timezone), return_inverse=True)
    days = [_EPOCH + timedelta(days=int(number)) for number in numbers]
    kinds = [DayKind.SUNDAY if day in holidays else kind_of(day.weekday()) for day in days]
    return np.array(kinds, np.int64)[place.reshape(moments.shape)]


def periods_before(end: int, count: int) -> Moments:
    """Return the starts of the quarter-hours that end at a moment, oldest first."""
    return end + PERIOD_S * np.arange(-count, 0, dtype=np.int64)


@lru_cache(maxsize=65_536)
def _offset_s(hour: int, timezone: str) -> int:
    offset = datetime.fromtimestamp(hour * _HOUR_S, UTC).astimezone(ZoneInfo(timezone)).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
