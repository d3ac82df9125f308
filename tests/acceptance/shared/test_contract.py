# ruff: noqa: S608  # the communities are the tests' own
"""The outside contract: a plain Kafka client's frames in, ClickHouse's answers to curl out."""

import random
from typing import Any

import pytest

from deploy.embedded.system import EmbeddedSystem
from streams.settings import Settings
from tests.acceptance.running import Rows, a_marker, await_markers, curl, send
from tests.builders import (
    DAY_S,
    JUST_BEFORE_FEBRUARY,
    MINUTE_S,
    NOON,
    QUARTER_S,
    Record,
    a_frame,
    a_record,
)

pytestmark = pytest.mark.slow

UNKNOWN = r"\N"
ENERGIES = "consumption_wh, production_wh, import_wh, export_wh"
WHEN_ONLY_TWO_COMMUNITIES_SENT = NOON + 30 * DAY_S
AFTER_ALL = NOON + 60 * DAY_S

_records: list[Record] = []
_communities: list[str] = []


def sent(community: str, *frames: dict[str, Any], spaces: bool = True) -> str:
    """Have frames of a community sent before the first test; return the community."""
    _records.extend(a_record(frame, spaces=spaces) for frame in frames)
    _records.extend(a_marker(community, AFTER_ALL))
    _communities.append(community)
    return community


@pytest.fixture(scope="module")
def settings(system: EmbeddedSystem) -> Settings:
    """Where everything is in ClickHouse that `sent` named."""
    send(system.settings, _records)
    await_markers(system.settings, _communities, AFTER_ALL)
    return system.settings


def at_noon(settings: Settings, community: str, columns: str = ENERGIES) -> Rows:
    """Return the households' quarter-hour from noon, in the order of their meters."""
    return curl(
        settings,
        f"SELECT meter_id, {columns} FROM smatrix.household_quarter_hours "
        f"WHERE community_id = '{community}' AND period_start = {NOON} ORDER BY meter_id",
    )


ROUNDED = sent(
    "rounded",
    a_frame(
        "rounded",
        meters=["a", "b", "c", "d", "e", "f", "g", "h"],
        consumption_wh=[8.333, 1.0015, 1.0025, 0.0005, 0.0015, 0.00149999, 1234567.8912, 3],
    ),
)


def test_every_figure_is_rounded_once_to_the_milliwatt_hour_half_to_even(
    settings: Settings,
) -> None:
    assert at_noon(settings, ROUNDED, "consumption_wh") == [
        ["a", "8.333"],
        ["b", "1.002"],
        ["c", "1.002"],
        ["d", "0"],
        ["e", "0.002"],
        ["f", "0.001"],
        ["g", "1234567.891"],
        ["h", "3"],
    ]


SUMMED = sent(
    "summed",
    *(
        a_frame("summed", NOON + number * MINUTE_S, ["a"], [0.0005 + 8.333], production_wh=[0.1])
        for number in range(15)
    ),
)


def test_a_quarter_hour_is_the_exact_sum_of_its_rounded_minutes(settings: Settings) -> None:
    columns = "consumption_wh, production_wh, import_wh, export_wh, measured_minutes"

    # 8.3335 is a tie and goes to 8.334, fifteen times.
    assert at_noon(settings, SUMMED, columns) == [["a", "125.01", "1.5", "123.51", "0", "15"]]


WITHOUT_SPACES = sent("without-spaces", a_frame("without-spaces"), spaces=False)
WITH_SPACES = sent("with-spaces", a_frame("with-spaces"), spaces=True)
ANY_KEY_ORDER = sent("any-order", dict(reversed(a_frame("any-order").items())))


@pytest.mark.parametrize("community", [WITHOUT_SPACES, WITH_SPACES, ANY_KEY_ORDER])
def test_json_may_be_written_in_any_way(settings: Settings, community: str) -> None:
    assert at_noon(settings, community, "consumption_wh") == [["m1", "1"]]


PARTLY_MEASURED = sent(
    "partly-measured",
    a_frame("partly-measured", NOON, ["a", "b"], [10, 20], production_wh=[4, None]),
    a_frame("partly-measured", NOON + MINUTE_S, ["a", "b"], [10, None]),
)


def test_an_absent_column_and_a_null_are_not_measured_and_not_zero(settings: Settings) -> None:
    columns = f"{ENERGIES}, battery_charge_wh, battery_discharge_wh, measured_minutes"

    assert at_noon(settings, PARTLY_MEASURED, columns) == [
        ["a", "20", "4", "16", "0", UNKNOWN, UNKNOWN, "2"],
        ["b", "20", UNKNOWN, "20", "0", UNKNOWN, UNKNOWN, "1"],
    ]


WITH_BATTERY = sent(
    "with-battery",
    a_frame(
        "with-battery",
        meters=["charging", "discharging"],
        consumption_wh=[5, 5],
        production_wh=[12.5, 0],
        battery_charge_wh=[4, 0],
        battery_discharge_wh=[0, 7.25],
        battery_level_wh=[5_200, 4_100],
        import_register_wh=[18_234_567, 905_113],
        export_register_wh=[0, 220_144],
    ),
)


def test_import_and_export_follow_from_the_energy_flows(settings: Settings) -> None:
    columns = "import_wh, export_wh, battery_charge_wh, battery_discharge_wh"

    assert at_noon(settings, WITH_BATTERY, columns) == [
        ["charging", "0", "3.5", "4", "0"],
        ["discharging", "0", "2.25", "0", "7.25"],
    ]


def _in_parts(community: str) -> list[dict[str, Any]]:
    """Return a quarter-hour of four meters, told in two frames a minute."""
    return [
        a_frame(community, NOON + number * MINUTE_S, meters, [number + 0.001] * len(meters))
        for number in range(15)
        for meters in (["a", "b"], ["c", "d"])
    ]


def _shuffled_and_repeated(community: str) -> list[dict[str, Any]]:
    frames = _in_parts(community) * 3
    random.Random(20).shuffle(frames)  # noqa: S311
    return frames


IN_ORDER = sent("in-order", *_in_parts("in-order"))
SHUFFLED = sent("shuffled", *_shuffled_and_repeated("shuffled"))


@pytest.mark.parametrize("community", [IN_ORDER, SHUFFLED])
def test_order_repetition_and_splitting_of_frames_change_nothing(
    settings: Settings, community: str
) -> None:
    rows = at_noon(settings, community, "consumption_wh, measured_minutes")

    assert rows == [[meter, "105.015", "15"] for meter in "abcd"]


def _with_sequences(community: str, *sequences: int) -> list[dict[str, Any]]:
    """Return frames for one minute, each with its sequence as energy."""
    return [a_frame(community, consumption_wh=[number], sequence=number) for number in sequences]


ROWS_OF_ORDERS = [
    sent(f"sequences-{order}", *_with_sequences(f"sequences-{order}", *map(int, order)))
    for order in ("123", "132", "213", "231", "312", "321")
]


@pytest.mark.parametrize("community", ROWS_OF_ORDERS)
def test_the_higher_sequence_stands_in_whatever_order_they_arrive(
    settings: Settings, community: str
) -> None:
    assert at_noon(settings, community, "consumption_wh") == [["m1", "3"]]


WITHOUT_SEQUENCES = sent(
    "without-sequences",
    *(a_frame("without-sequences", consumption_wh=[energy]) for energy in (7, 9, 8)),
)


def test_without_sequences_the_later_offset_stands(settings: Settings) -> None:
    assert at_noon(settings, WITHOUT_SEQUENCES, "consumption_wh") == [["m1", "8"]]


CORRECTED_FOR_ONE = sent(
    "corrected-for-one",
    a_frame("corrected-for-one", meters=["a", "b"], consumption_wh=[1, 2], sequence=5),
    a_frame("corrected-for-one", meters=["b"], consumption_wh=[2.5], sequence=6),
)


def test_a_correction_leaves_those_it_does_not_name_alone(settings: Settings) -> None:
    assert at_noon(settings, CORRECTED_FOR_ONE, "consumption_wh") == [["a", "1"], ["b", "2.5"]]


def test_there_is_one_row_for_each_household_and_period(settings: Settings) -> None:
    doubles = curl(
        settings,
        "SELECT community_id, meter_id, period_start FROM smatrix.household_quarter_hours "
        "GROUP BY ALL HAVING count() > 1",
    )

    assert doubles == []


def test_a_correction_of_a_closed_period_is_a_higher_version(system: EmbeddedSystem) -> None:
    told = system.settings
    send(told, [a_record(a_frame("revised", sequence=1)), *a_marker("revised")])
    await_markers(told, ["revised"])
    [[_, before, first_version]] = at_noon(told, "revised", "consumption_wh, version")

    correction = a_frame("revised", consumption_wh=[0.75], sequence=2)
    older = a_frame("revised", consumption_wh=[99], sequence=0)
    send(told, [*map(a_record, (correction, older)), *a_marker("revised", NOON + DAY_S)])
    await_markers(told, ["revised"], NOON + DAY_S)

    [[_, after, second_version]] = at_noon(told, "revised", "consumption_wh, version")
    assert (before, after) == ("1", "0.75")
    assert int(second_version) > int(first_version) >= 1


def _of_two_communities(first: str, second: str) -> None:
    """Have two communities sent on a day on which nobody else did."""
    start = WHEN_ONLY_TWO_COMMUNITIES_SENT
    sent(
        first,
        a_frame(first, start, ["a", "b"], [1.5, 2.25], production_wh=[None, 5]),
        a_frame(first, start + MINUTE_S, ["a", "b"], [1.5, 2.25], production_wh=[None, 5]),
        a_frame(first, start + QUARTER_S, ["a", "b"], [10, 20]),
    )
    sent(second, a_frame(second, start, ["c"], [100.001]))


_of_two_communities("first", "second")


def test_a_community_and_the_grid_are_the_sums_of_their_households(settings: Settings) -> None:
    since = WHEN_ONLY_TWO_COMMUNITIES_SENT
    columns = f"{ENERGIES}, households, measured_minutes"

    community = curl(
        settings,
        f"SELECT {columns} FROM smatrix.community_quarter_hours WHERE community_id = 'first' "
        f"AND period_start >= {since} AND period_start < {since + 3600} ORDER BY period_start",
    )
    grid = curl(
        settings,
        f"SELECT {columns}, communities FROM smatrix.grid_quarter_hours "
        f"WHERE period_start = {since}",
    )

    assert community == [
        ["7.5", "10", "3", "5.5", "2", "4"],
        ["30", UNKNOWN, "30", "0", "2", "2"],
    ]
    assert grid == [["107.501", "10", "103.001", "5.5", "3", "5", "2"]]


def test_a_communitys_minutes_say_how_many_meters_reported(settings: Settings) -> None:
    since = WHEN_ONLY_TWO_COMMUNITIES_SENT

    minutes = curl(
        settings,
        f"SELECT toUnixTimestamp(minute) - {since}, {ENERGIES}, meters_reported "
        f"FROM smatrix.community_minutes WHERE community_id = 'first' "
        f"AND minute >= {since} AND minute < {since + 3600} ORDER BY minute",
    )

    assert minutes == [
        ["0", "3.75", "5", "1.5", "2.75", "2"],
        ["60", "3.75", "5", "1.5", "2.75", "2"],
        ["900", "30", UNKNOWN, "30", "0", "2"],
    ]


ACROSS_MONTHS = sent(
    "across-months",
    *(
        a_frame("across-months", JUST_BEFORE_FEBRUARY + quarter * QUARTER_S, ["a"], [1.001])
        for quarter in range(4)
    ),
)


@pytest.mark.parametrize(
    ("view", "starts"),
    [
        ("hours", ["2025-01-31 23:00:00", "2025-02-01 00:00:00"]),
        ("days", ["2025-01-31 00:00:00", "2025-02-01 00:00:00"]),
        ("months", ["2025-01-01 00:00:00", "2025-02-01 00:00:00"]),
    ],
)
@pytest.mark.parametrize("whose", ["household", "community", "grid"])
def test_hours_days_and_months_are_those_of_utc(
    settings: Settings, whose: str, view: str, starts: list[str]
) -> None:
    of_community = "" if whose == "grid" else f"AND community_id = '{ACROSS_MONTHS}'"

    rows = curl(
        settings,
        f"SELECT period_start, consumption_wh, quarter_hours FROM smatrix.{whose}_{view} "
        f"WHERE period_start < '2025-03-01' {of_community} ORDER BY period_start",
    )

    assert rows == [[start, "2.002", "2"] for start in starts]


def test_the_columns_of_the_promise_have_their_types(settings: Settings) -> None:
    described = curl(settings, "DESCRIBE TABLE smatrix.household_quarter_hours FORMAT TSVRaw")

    energies = ["consumption", "production", "import", "export"]
    energies += ["battery_charge", "battery_discharge"]
    types = {row[0]: row[1] for row in described}
    assert list(types) == [
        *("community_id", "meter_id", "period_start"),
        *(f"{energy}_wh" for energy in energies),
        *("measured_minutes", "version", "quality"),
    ]
    assert types["period_start"] == "DateTime('UTC')"
    assert all("Decimal" in types[f"{energy}_wh"] for energy in energies)
