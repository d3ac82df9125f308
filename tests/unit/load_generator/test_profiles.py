import gzip
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from load_generator.profiles import SHIPPED_PROFILE, ProfileError, read_profiles

HEADER = "time,household_A,pv_1"


def a_day(
    day: str = "2016-01-11", *, value: str = "0.5", skip_hour: int | None = None
) -> list[str]:
    return [
        f"{day}T{quarter // 4:02d}:{quarter % 4 * 15:02d},{value},0.0"
        for quarter in range(96)
        if quarter // 4 != skip_hour
    ]


def a_file(tmp_path: Path, *lines: str, name: str = "profile.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_reads_the_shipped_weeks() -> None:
    profiles = read_profiles([SHIPPED_PROFILE])

    assert len(profiles.days) == 29
    assert profiles.household.shape == (29 * 96, 6)
    assert profiles.ev_home_kw.tolist() == pytest.approx([3.7, 3.7, 3.7, 11.0, 11.0])


def test_reads_plain_and_packed_files_together(tmp_path: Path) -> None:
    plain = a_file(tmp_path, HEADER, *a_day("2016-01-12"))
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress("\n".join([HEADER, *a_day("2016-01-11")]).encode()))

    profiles = read_profiles([plain, packed])

    assert profiles.days == (date(2016, 1, 11), date(2016, 1, 12))


def test_the_first_file_stands_where_two_have_the_same_day(tmp_path: Path) -> None:
    first = a_file(tmp_path, HEADER, *a_day(value="0.25"), name="first.csv")
    second = a_file(tmp_path, HEADER, *a_day(value="0.75"), name="second.csv")

    assert set(read_profiles([first, second]).household[:, 0].tolist()) == {0.25}


def test_an_hour_that_spring_leaves_out_takes_the_hour_before(tmp_path: Path) -> None:
    lines = [line.replace("T01:15,0.5", "T01:15,0.75") for line in a_day(skip_hour=2)]

    profiles = read_profiles([a_file(tmp_path, HEADER, *lines)])

    assert profiles.household[4:12, 0].tolist() == [0.5, 0.75, 0.5, 0.5] * 2


def test_what_rounding_left_just_below_nothing_is_nothing(tmp_path: Path) -> None:
    below = [line.replace(",0.5,", ",-1e-05,") for line in a_day()]

    assert set(read_profiles([a_file(tmp_path, HEADER, *below)]).household[:, 0].tolist()) == {0.0}


def test_an_hour_that_autumn_repeats_counts_with_its_first_values(tmp_path: Path) -> None:
    repeated = [line.replace(",0.5,", ",0.9,") for line in a_day()[8:12]]

    profiles = read_profiles([a_file(tmp_path, HEADER, *a_day()[:12], *repeated, *a_day()[12:])])

    assert set(profiles.household[:, 0].tolist()) == {0.5}


@pytest.mark.parametrize(
    ("moment", "day", "quarter"),
    [
        pytest.param(datetime(2016, 7, 13, 10, 0, tzinfo=UTC), (2016, 7, 13), 48, id="same day"),
        pytest.param(datetime(2016, 1, 13, 10, 0, tzinfo=UTC), (2016, 1, 13), 44, id="winter"),
        pytest.param(datetime(2016, 7, 13, 22, 15, tzinfo=UTC), (2016, 7, 14), 1, id="next day"),
        pytest.param(datetime(2026, 3, 31, 0, 0, tzinfo=UTC), (2016, 4, 12), 8, id="a Tuesday"),
        pytest.param(
            datetime(2025, 12, 31, 11, 0, tzinfo=UTC), (2016, 1, 13), 48, id="over new year"
        ),
        pytest.param(datetime(2016, 10, 30, 1, 30, tzinfo=UTC), (2016, 10, 30), 10, id="after DST"),
        pytest.param(datetime(2016, 10, 30, 0, 30, tzinfo=UTC), (2016, 10, 30), 10, id="before"),
    ],
)
def test_a_moment_maps_to_its_german_quarter_hour_of_the_nearest_like_day(
    moment: datetime, day: tuple[int, int, int], quarter: int
) -> None:
    profiles = read_profiles([SHIPPED_PROFILE])

    assert profiles.row(moment) == profiles.days.index(date(*day)) * 96 + quarter


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param(["t,household_A"], r"line 1: the first column must be 'time'", id="no time"),
        pytest.param(["time,pv_1"], r"line 1: at least one household_", id="no household"),
        pytest.param(
            ["time,household_A,wind_1"], r"line 1: column 'wind_1': .*start", id="unknown"
        ),
        pytest.param(
            ["time,household_A,household_A"], r"line 1: a column name .* twice", id="twice"
        ),
        pytest.param(
            ["time,household_A,ev_home_A"], r"line 1: column 'ev_home_A': .*kW", id="no kW"
        ),
        pytest.param([HEADER], r"line 2: no rows", id="no rows"),
        pytest.param([HEADER, "2016-01-11T00:00,0.5"], r"line 2: 2 fields, .* has 3", id="short"),
        pytest.param([HEADER, "monday,0.5,0"], r"line 2: column time: 'monday'", id="no date"),
        pytest.param([HEADER, "2016-01-11T00:07,0.5,0"], r"line 2: column time:", id="no quarter"),
        pytest.param([HEADER, "2016-01-11T00:00Z,0.5,0"], r"line 2: column time:", id="zone"),
        pytest.param(
            [HEADER, "2016-01-11T00:00,x,0"], r"line 2: column household_A: 'x'", id="word"
        ),
        pytest.param(
            [HEADER, "2016-01-11T00:00,0,1.5"], r"line 2: column pv_1: '1.5'", id="above 1"
        ),
        pytest.param([HEADER, "2016-01-11T00:00,nan,0"], r"line 2: column household_A", id="nan"),
        pytest.param(
            [HEADER, *a_day()[:90]], r"2016-01-11: column time: 90 quarter", id="part of day"
        ),
        pytest.param([HEADER, *a_day(), *a_day()], r"2016-01-11: .* twice", id="day twice"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, lines: list[str], said: str) -> None:
    path = a_file(tmp_path, *lines)

    with pytest.raises(ProfileError, match=said) as refused:
        read_profiles([path])

    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.csv.gz"
    damaged.write_bytes(SHIPPED_PROFILE.read_bytes()[:5000])
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\xff\xfe")

    for path in (tmp_path / "missing.csv", damaged, picture, tmp_path):
        with pytest.raises(ProfileError, match=re.escape(str(path))):
            read_profiles([path])


def test_files_with_different_columns_are_refused(tmp_path: Path) -> None:
    one = a_file(tmp_path, HEADER, *a_day(), name="one.csv")
    other = a_file(tmp_path, "time,household_A,pv_2", *a_day("2016-01-12"), name="other.csv")

    with pytest.raises(ProfileError, match="columns differ"):
        read_profiles([one, other])


def test_no_file_at_all_is_refused() -> None:
    with pytest.raises(ProfileError, match="no profile file"):
        read_profiles([])
