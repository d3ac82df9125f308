"""Nobody is disturbed in their night, whatever their clocks are put to."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.domain.quiet_hours import after_quiet, is_quiet

MINUTE_S = 60
DAY_S = 86_400
# Berlin, Lord Howe (by half an hour), Santiago (at midnight), and one that never changes.
ZONES = ("Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata")
YEAR = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())

clocks = st.builds(time, hour=st.integers(0, 23), minute=st.sampled_from([0, 15, 30, 45]))
changes_of_clocks = st.sampled_from(
    [
        int(datetime(*day, tzinfo=UTC).timestamp())
        for day in ((2025, 3, 30), (2025, 10, 26), (2025, 4, 5), (2025, 10, 4), (2025, 9, 6))
    ]
)
minutes = st.one_of(
    st.integers(0, 365 * DAY_S // MINUTE_S).map(lambda minute: YEAR + minute * MINUTE_S),
    st.tuples(changes_of_clocks, st.integers(-1_440, 2_880)).map(
        lambda place: place[0] + place[1] * MINUTE_S
    ),
)


@example(at=1_743_292_800, zone="Europe/Berlin", quiet_from=time(0), quiet_to=time(2, 15))
@given(at=minutes, zone=st.sampled_from(ZONES), quiet_from=clocks, quiet_to=clocks)
def test_quiet_hours_end_at_the_first_minute_that_is_not_quiet(
    at: int, zone: str, quiet_from: time, quiet_to: time
) -> None:
    def quiet(moment: float) -> bool:
        return is_quiet(moment, zone=zone, quiet_from=quiet_from, quiet_to=quiet_to)

    end = after_quiet(at, zone=zone, quiet_from=quiet_from, quiet_to=quiet_to)

    first = next(m for m in range(at, at + 3 * DAY_S, MINUTE_S) if not quiet(m))
    assert end == first


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2025-06-16 21:59", False),
        ("2025-06-16 22:00", True),
        ("2025-06-17 06:59", True),
        ("2025-06-17 07:00", False),
    ],
)
def test_a_night_begins_and_ends_by_the_clock_on_the_wall(local: str, *, expected: bool) -> None:
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Paris")).timestamp()

    found = is_quiet(moment, zone="Europe/Paris", quiet_from=time(22), quiet_to=time(7))

    assert found is expected


def test_a_night_is_an_hour_shorter_when_clocks_are_put_forward() -> None:
    zone = ZoneInfo("Europe/Berlin")
    begin = datetime(2025, 3, 29, 22, tzinfo=zone).timestamp()

    end = after_quiet(begin, zone="Europe/Berlin", quiet_from=time(22), quiet_to=time(7))

    assert end - begin == 8 * 3_600
