"""Public holidays, on which people live as on a Sunday."""

from datetime import date, timedelta
from functools import lru_cache


@lru_cache(maxsize=256)
def german_holidays(year: int) -> frozenset[date]:
    """Return the holidays of all German states in a year.

    >>> date(2016, 3, 28) in german_holidays(2016)  # Easter Monday
    True
    """
    easter = easter_sunday(year)
    by_easter = (-2, 0, 1, 39, 49, 50)  # Good Friday to Whit Monday
    return frozenset(
        {easter + timedelta(days=days) for days in by_easter}
        | {date(year, month, day) for month, day in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))}
    )


def easter_sunday(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8).

    >>> easter_sunday(2016).isoformat(), easter_sunday(2026).isoformat()
    ('2016-03-27', '2026-04-05')
    """
    century, of_century = divmod(year, 100)
    golden = year % 19
    correction = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    moon = correction - correction // 28 * (
        1 - correction // 28 * (29 // (correction + 1)) * ((21 - golden) // 11)
    )
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    days = moon - weekday
    month = 3 + (days + 40) // 44
    return date(of_century + 100 * century, month, days + 28 - 31 * (month // 4))
