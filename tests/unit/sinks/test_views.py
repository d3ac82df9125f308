from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

from clickhouse_connect.driver.asyncclient import AsyncClient

from schemas.metering import CommunityMinute, HouseholdIntervals, RejectedReading
from sinks.clickhouse.community_minute_rows import community_minute_rows
from sinks.clickhouse.household_rows import household_rows
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.rejection_rows import rejection_rows
from tests.unit.sinks.messages import (
    NOON,
    PERIOD_S,
    a_minute,
    a_period,
    a_rejection,
    as_json,
)

# ruff: noqa: S608 - the queries' names are ours

Row = Mapping[str, object]


def utc(year: int, month: int, day: int, hour: int = 0, microsecond: int = 0) -> datetime:
    """Return an instant as clickhouse-connect does: in UTC, and without saying so."""
    instant = datetime(year, month, day, hour, microsecond=microsecond, tzinfo=UTC)
    return instant.replace(tzinfo=None)


DECODERS = {
    HouseholdIntervals: household_rows,
    CommunityMinute: community_minute_rows,
    RejectedReading: rejection_rows,
}


async def keep(sink: Sink, *events: HouseholdIntervals | CommunityMinute | RejectedReading) -> None:
    """Insert each event on its own, so that nothing but the views can pick the last version."""
    for event in events:
        decoded = DECODERS[type(event)]([as_json(event)])
        assert not decoded.malformed
        for batch in decoded.batches:
            await sink.insert(batch)


async def rows(client: AsyncClient, query: str) -> Sequence[Row]:
    return list((await client.query(query)).named_results())


async def test_a_household_shows_its_last_version_to_the_mwh(
    sink: Sink, client: AsyncClient
) -> None:
    await keep(
        sink,
        a_period(version=2, consumption_mwh=[10_000_000_000_001], production_mwh=[None]),
        a_period(version=1, consumption_mwh=[1], production_mwh=[8]),
    )

    (row,) = await rows(client, "SELECT * FROM household_quarter_hours")

    assert row["consumption_wh"] == Decimal("10000000000.001")
    assert row["production_wh"] is None
    assert (row["measured_minutes"], row["version"]) == (15, 2)


async def test_what_is_inserted_twice_is_there_once(sink: Sink, client: AsyncClient) -> None:
    events = (a_period(consumption_mwh=[5]), a_minute(consumption_mwh=5), a_rejection())

    await keep(sink, *events, *events)

    for view in (
        "household_quarter_hours",
        "community_quarter_hours",
        "community_quarter_hour_versions",
        "community_minutes",
        "rejected_readings",
    ):
        assert len(await rows(client, f"SELECT * FROM {view}")) == 1, view


async def test_an_hour_a_day_and_a_month_are_sums_of_what_is_known(
    sink: Sink, client: AsyncClient
) -> None:
    new_year = NOON - 12 * 3600
    await keep(
        sink,
        a_period(period_start=new_year - PERIOD_S, consumption_mwh=[100]),
        a_period(period_start=new_year, consumption_mwh=[1], measured_minutes=[14]),
        a_period(period_start=new_year + PERIOD_S, consumption_mwh=[None], measured_minutes=[0]),
        a_period(period_start=NOON, consumption_mwh=[2]),
    )

    for owner in ("household", "community", "grid"):
        for length, expected in {
            "hours": [
                (utc(2025, 12, 31, 23), Decimal("0.100"), 15, 1),
                (utc(2026, 1, 1, 0), Decimal("0.001"), 14, 2),
                (utc(2026, 1, 1, 12), Decimal("0.002"), 15, 1),
            ],
            "days": [
                (utc(2025, 12, 31), Decimal("0.100"), 15, 1),
                (utc(2026, 1, 1), Decimal("0.003"), 29, 3),
            ],
            "months": [
                (utc(2025, 12, 1), Decimal("0.100"), 15, 1),
                (utc(2026, 1, 1), Decimal("0.003"), 29, 3),
            ],
        }.items():
            found = await client.query(
                "SELECT period_start, consumption_wh, measured_minutes, quarter_hours "
                f"FROM {owner}_{length} ORDER BY period_start"
            )
            assert found.result_rows == expected, f"{owner}_{length}"
            unknown = await rows(client, f"SELECT DISTINCT export_wh FROM {owner}_{length}")
            assert unknown == [{"export_wh": None}]


async def test_the_grid_counts_communities_and_households(sink: Sink, client: AsyncClient) -> None:
    await keep(
        sink,
        a_period(community="c1", meters=["a", "b"], consumption_mwh=[1, 2]),
        a_period(community="c2", meters=["c"], consumption_mwh=[4]),
    )

    (row,) = await rows(client, "SELECT * FROM grid_quarter_hours")

    assert row["consumption_wh"] == Decimal("0.007")
    assert (row["communities"], row["households"], row["measured_minutes"]) == (2, 3, 45)


async def test_a_figure_is_measured_when_every_minute_of_it_is_there(
    sink: Sink, client: AsyncClient
) -> None:
    whole, lacking = NOON, NOON + 3600
    for start in (whole, lacking):
        for number in range(4):
            minutes = 14 if start == lacking and number == 2 else 15
            period = a_period(
                period_start=start + number * PERIOD_S,
                meters=["a", "b"],
                consumption_mwh=[1, 2],
                measured_minutes=[15, minutes],
            )
            await keep(sink, period)

    for owner in ("household", "community", "grid"):
        known_as = " WHERE meter_id = 'b'" if owner == "household" else ""
        for length, expected in {
            "hours": ["measured", "missing"],
            "quarter_hours": ["measured"] * 6 + ["missing", "measured"],
            "days": ["missing"],
            "months": ["missing"],
        }.items():
            query = f"SELECT quality FROM {owner}_{length}{known_as} ORDER BY period_start"
            found = (await client.query(query)).result_rows
            assert [quality for (quality,) in found] == expected, f"{owner}_{length}"


async def test_a_day_is_measured_when_all_its_quarter_hours_are(
    sink: Sink, client: AsyncClient
) -> None:
    midnight = NOON - 12 * 3600
    for number in range(96):
        await keep(sink, a_period(period_start=midnight + number * PERIOD_S, consumption_mwh=[1]))

    for owner in ("household", "community", "grid"):
        assert await rows(client, f"SELECT quality FROM {owner}_days") == [{"quality": "measured"}]


async def community_sum(client: AsyncClient) -> object:
    (row,) = await rows(client, "SELECT consumption_wh FROM community_quarter_hours")
    return row["consumption_wh"]


FIRST_HALF = a_period(meters=["a"], consumption_mwh=[1], part=0, parts=2, version=1)
SECOND_HALF = a_period(meters=["b"], consumption_mwh=[2], part=1, parts=2, version=1)


async def test_the_parts_of_a_large_community_are_added_up(sink: Sink, client: AsyncClient) -> None:
    correction = SECOND_HALF.model_copy(update={"consumption_mwh": [3], "version": 2})

    await keep(sink, FIRST_HALF, SECOND_HALF)
    before = await community_sum(client)
    await keep(sink, FIRST_HALF.model_copy(update={"version": 2}), correction)

    assert before == Decimal("0.003")
    assert await community_sum(client) == Decimal("0.004")


async def test_a_community_that_is_split_otherwise_is_not_counted_twice(
    sink: Sink, client: AsyncClient
) -> None:
    splits = list(product([1, 2, 3], repeat=2))
    for before, after in splits:
        for version, parts in enumerate([before, after], start=1):
            for part in range(parts):
                energy = 10**part * version
                split = a_period(
                    community=f"{before} to {after}",
                    consumption_mwh=[energy],
                    part=part,
                    parts=parts,
                    version=version,
                )
                await keep(sink, split)

    found = await client.query(
        "SELECT community_id, consumption_wh FROM community_quarter_hours ORDER BY community_id"
    )

    assert found.result_rows == [
        (f"{before} to {after}", Decimal(2 * sum(10**part for part in range(after))) / 1000)
        for before, after in splits
    ]


async def test_a_version_is_told_among_the_corrections_once_its_parts_are_there(
    sink: Sink, client: AsyncClient
) -> None:
    query = "SELECT version, consumption_wh FROM community_quarter_hour_versions ORDER BY version"
    await keep(sink, FIRST_HALF, SECOND_HALF, FIRST_HALF.model_copy(update={"version": 2}))
    incomplete = (await client.query(query)).result_rows

    await keep(sink, SECOND_HALF.model_copy(update={"version": 2, "consumption_mwh": [3]}))

    assert incomplete == [(1, Decimal("0.003"))]
    assert (await client.query(query)).result_rows == [
        (1, Decimal("0.003")),
        (2, Decimal("0.004")),
    ]


async def test_a_minute_shows_its_last_version(sink: Sink, client: AsyncClient) -> None:
    await keep(
        sink,
        a_minute(version=2, consumption_mwh=None, meters_reported=0),
        a_minute(version=1, consumption_mwh=5, meters_reported=9),
    )

    (row,) = await rows(client, "SELECT * FROM community_minutes")

    assert row["minute"] == utc(2026, 1, 1, 12)
    assert (row["consumption_wh"], row["meters_reported"], row["version"]) == (None, 0, 2)


async def test_a_rejection_shows_the_original_and_whether_it_was_cut(
    sink: Sink, client: AsyncClient
) -> None:
    await keep(
        sink,
        a_rejection(offset=1, value_base64="eyJhIjogLTF9", value_bytes=9),
        a_rejection(offset=2, value_base64="eyJhIjogLTF9", value_bytes=90_000, minute=-60),
        a_rejection(offset=3, value_base64=None, value_bytes=0, minute=None),
    )

    whole, cut, absent = await rows(
        client, "SELECT * FROM rejected_readings ORDER BY source_offset"
    )

    assert (whole["rule"], whole["meter_id"]) == ("negative_energy", ["m1"])
    assert (whole["original_value"], whole["original_value_is_cut"]) == ('{"a": -1}', 0)
    assert (whole["minute"], whole["minute_s"]) == (utc(2026, 1, 1, 12), NOON)
    assert whole["received_at"] == utc(2026, 1, 1, 12, microsecond=123_000)
    assert (cut["original_value_bytes"], cut["original_value_is_cut"]) == (90_000, 1)
    assert (cut["minute"], cut["minute_s"]) == (None, -60)
    assert (absent["original_value"], absent["original_value_is_cut"]) == (None, 0)
    assert (absent["minute"], absent["minute_s"]) == (None, None)


OF_THE_COMMUNITY = "community_id = 'c1' AND period_start >= '2026-01-01 00:00:00'"


FILTERS = (
    (
        "household_quarter_hours",
        f"{OF_THE_COMMUNITY} AND meter_id = 'm1'",
        {"community_id", "meter_id", "period_start"},
    ),
    ("household_quarter_hours", "meter_id = 'm1'", {"meter_id"}),
    ("household_days", OF_THE_COMMUNITY, {"community_id", "period_start"}),
    ("household_months", OF_THE_COMMUNITY, {"community_id", "period_start"}),
    ("community_quarter_hours", OF_THE_COMMUNITY, {"community_id", "period_start"}),
    ("community_quarter_hour_versions", OF_THE_COMMUNITY, {"community_id", "period_start"}),
    ("grid_quarter_hours", "period_start >= '2026-01-01 00:00:00'", {"period_start"}),
    ("grid_days", "period_start = '2026-01-01 00:00:00'", {"period_start"}),
    ("community_minutes", "community_id = 'c1' AND minute > '2026-01-01 00:00:00'", {"minute"}),
)


async def test_a_filter_on_a_view_reaches_the_primary_key(sink: Sink, client: AsyncClient) -> None:
    await keep(sink, a_period(), a_minute())

    for view, condition, keys in FILTERS:
        query = f"EXPLAIN indexes = 1 SELECT * FROM {view} WHERE {condition}"
        plan = (await client.raw_query(query, fmt="TSVRaw")).decode()

        readings = plan.split("PrimaryKey")[1:]
        assert readings, view
        for reading in readings:
            assert keys <= set(reading.partition("Condition:")[0].split()), (view, condition)
