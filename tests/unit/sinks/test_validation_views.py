"""What validation tells, in ClickHouse: figures in the place of sums, and verdicts by reading."""

from decimal import Decimal
from typing import Any

from clickhouse_connect.driver.asyncclient import AsyncClient

from schemas.validation import ReadingVerdicts
from sinks.clickhouse.household_rows import household_rows
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.validation_rows import reading_verdict_rows, validated_interval_rows
from tests.unit.sinks.messages import NOON, a_period, as_json, validated


async def keep(sink: Sink, *messages: bytes) -> None:
    for batch in validated_interval_rows(messages).batches:
        await sink.insert(batch)


async def keep_sums(sink: Sink, **period: Any) -> None:  # noqa: ANN401 - fields
    for batch in household_rows([as_json(a_period(**period))]).batches:
        await sink.insert(batch)


async def stands(client: AsyncClient) -> dict[str, tuple[Decimal, str]]:
    found = await client.query(
        "SELECT meter_id, consumption_wh, quality FROM validated_quarter_hours ORDER BY meter_id"
    )
    return {meter: (wh, quality) for meter, wh, quality in found.result_rows}


async def test_figures_stand_in_the_place_of_the_sums_they_were_worked_out_from(
    sink: Sink, client: AsyncClient
) -> None:
    await keep_sums(
        sink, meters=["a", "b"], version=7, consumption_mwh=[1_000, 300], measured_minutes=[15, 5]
    )

    await keep(sink, validated({"b": 900}, version=3, of_version=7))

    assert await stands(client) == {
        "a": (Decimal("1.000"), "measured"),
        "b": (Decimal("0.900"), "estimated"),
    }


async def test_newer_sums_stand_until_they_were_looked_at(sink: Sink, client: AsyncClient) -> None:
    await keep_sums(sink, meters=["a"], version=8, consumption_mwh=[1_100], measured_minutes=[15])

    await keep(sink, validated({"a": 900}, version=3, of_version=7))

    assert await stands(client) == {"a": (Decimal("1.100"), "measured")}


async def test_of_several_figures_the_last_stands_in_whatever_order_they_come(
    sink: Sink, client: AsyncClient
) -> None:
    await keep(sink, validated({"a": 950}, version=5, of_version=0))
    await keep(
        sink,
        validated({"a": 900}, version=4, of_version=0),
        validated({"a": 950}, version=5, of_version=0),
    )

    assert await stands(client) == {"a": (Decimal("0.950"), "estimated")}
    found = await client.query(
        "SELECT consumption_wh, estimated_minutes, households "
        "FROM validated_community_quarter_hours"
    )
    assert list(found.result_rows) == [(Decimal("0.950"), 10, 1)]


async def test_a_day_is_as_good_as_its_worst_minute(sink: Sink, client: AsyncClient) -> None:
    midnight, quarter_hour = NOON - 12 * 3600, 900
    for number in range(96):
        await keep_sums(
            sink,
            period_start=midnight + number * quarter_hour,
            meters=["a", "b"],
            version=1,
            consumption_mwh=[1, 1],
            measured_minutes=[15, 0 if midnight + number * quarter_hour == NOON else 15],
        )
    query = "SELECT meter_id, quality FROM validated_days ORDER BY meter_id"
    before = (await client.query(query)).result_rows

    await keep(sink, validated({"b": 900}, version=2, of_version=1))

    assert before == [("a", "measured"), ("b", "missing")]
    assert (await client.query(query)).result_rows == [("a", "measured"), ("b", "estimated")]
    whole = await client.query("SELECT DISTINCT quality FROM validated_months")
    assert whole.result_rows == [("missing",)]
    at_noon = await client.query(
        "SELECT quality FROM validated_community_quarter_hours "  # noqa: S608
        f"WHERE period_start = toDateTime({NOON}, 'UTC')"
    )
    assert at_noon.result_rows == [("estimated",)]


async def test_verdicts_of_a_period_are_replaced_as_a_whole(
    sink: Sink, client: AsyncClient
) -> None:
    for version, meters in ((1, ["a", "b"]), (2, ["b"])):
        told = ReadingVerdicts(
            community_id="c1",
            period_start=NOON,
            version=version,
            of_version=version,
            part=0,
            meter_id=meters,
            minute=[NOON + 60] * len(meters),
            verdict=["fail"] * len(meters),
            rules=[["register_mismatch", "swapped_unit"]] * len(meters),
        )
        for batch in reading_verdict_rows([told.model_dump_json().encode()]).batches:
            await sink.insert(batch)

    found = await client.query(
        "SELECT meter_id, toUnixTimestamp(minute), verdict, rules FROM reading_verdicts"
    )

    assert list(found.result_rows) == [
        ("b", NOON + 60, "fail", ["register_mismatch", "swapped_unit"])
    ]


def test_figures_that_are_no_columns_of_one_length_are_malformed() -> None:
    told = validated({"a": 900}, version=1, of_version=0, quality=[])

    decoded = validated_interval_rows([told, validated({"b": 1}, version=1, of_version=0)])

    assert [(flaw.index, flaw.reason) for flaw in decoded.malformed] == [
        (0, "quality: not as long as meter_id")
    ]
    assert [len(batch) for batch in decoded.batches] == [1]
