from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient

from schemas.autarky import AutarkyChange, AutarkyIntervals
from sinks.clickhouse.autarky_rows import autarky_change_rows, autarky_interval_rows
from sinks.clickhouse.insert import Sink
from tests.unit.sinks.messages import NOON, PERIOD_S, a_change, an_autarky_interval

# ruff: noqa: S608 - the queries' names are ours

MIDNIGHT = NOON - 48 * PERIOD_S
QUARTERS_A_DAY = 96


async def keep(sink: Sink, *events: AutarkyIntervals | AutarkyChange) -> None:
    """Insert each event on its own, so that nothing but the views can pick the last version."""
    for event in events:
        message = event.model_dump_json().encode()
        of = autarky_change_rows if isinstance(event, AutarkyChange) else autarky_interval_rows
        decoded = of([message])
        assert not decoded.malformed
        for batch in decoded.batches:
            await sink.insert(batch)


async def row(client: AsyncClient, query: str) -> Mapping[str, object]:
    rows: Sequence[Mapping[str, object]] = list((await client.query(query)).named_results())
    assert len(rows) == 1
    return rows[0]


async def test_a_household_s_ratios_are_those_of_its_last_version(
    sink: Sink, client: AsyncClient
) -> None:
    await keep(
        sink,
        an_autarky_interval(
            version=2, consumption=[1_000], production=[800], used=[750], own=[800]
        ),
        an_autarky_interval(version=1, consumption=[1_000], production=[0], used=[0], own=[0]),
    )

    household = await row(client, "SELECT * FROM household_autarky_quarter_hours")

    assert household["solar_used_wh"] == Decimal("0.750")
    assert (household["self_sufficiency"], household["self_consumption"]) == (0.75, 1.0)


@pytest.mark.parametrize("view", ["quarter_hours", "days", "months"])
async def test_a_ratio_without_anything_used_or_made_is_null(
    sink: Sink, client: AsyncClient, view: str
) -> None:
    await keep(sink, an_autarky_interval(consumption=[0], production=[None], used=[0], own=[None]))

    household = await row(client, f"SELECT * FROM household_autarky_{view}")
    community = await row(client, f"SELECT * FROM community_autarky_{view}")
    grid = await row(client, f"SELECT * FROM grid_autarky_{view}")

    for found in (household, community, grid):
        assert found["self_sufficiency"] is None
        assert found["self_consumption"] is None


async def test_a_day_is_known_when_each_of_its_quarter_hours_is(
    sink: Sink, client: AsyncClient
) -> None:
    day = [
        an_autarky_interval(
            start=MIDNIGHT + quarter * PERIOD_S,
            consumption=[1_000],
            production=[2_000 if quarter < 24 else 0],
            used=[1_000 if quarter < 24 else 0],
            own=[1_000 if quarter < 24 else 0],
        )
        for quarter in range(QUARTERS_A_DAY)
    ]
    decoded = autarky_interval_rows([event.model_dump_json().encode() for event in day[:-1]])
    for batch in decoded.batches:
        await sink.insert(batch)
    for who in ("household", "community", "grid"):
        found = await row(client, f"SELECT * FROM {who}_autarky_days")
        assert (found["self_sufficiency"], found["known_quarter_hours"]) == (None, 95)
        assert found["self_sufficiency_of_known"] == 24 / 95

    await keep(sink, day[-1])
    for who in ("household", "community", "grid"):
        found = await row(client, f"SELECT * FROM {who}_autarky_days")
        assert found["self_sufficiency"] == 0.25
        assert found["self_consumption"] == 0.5
        month = await row(client, f"SELECT * FROM {who}_autarky_months")
        assert month["self_sufficiency"] is None
        assert month["self_sufficiency_of_known"] == 0.25


async def test_neighbours_share_within_the_community_and_communities_in_the_grid(
    sink: Sink, client: AsyncClient
) -> None:
    sunny = an_autarky_interval(
        community="sunny", consumption=[1_000], production=[3_000], used=[1_000], own=[1_000]
    )
    dark = an_autarky_interval(
        community="dark",
        meters=["m1", "m2"],
        consumption=[3_000, 2_000],
        production=[None, 3_000],
        used=[0, 2_000],
        own=[None, 2_000],
    )
    await keep(sink, sunny, dark)

    of_dark = await row(
        client, "SELECT * FROM community_autarky_quarter_hours WHERE community_id = 'dark'"
    )
    grid = await row(client, "SELECT * FROM grid_autarky_quarter_hours")

    assert (of_dark["shared_wh"], of_dark["self_sufficiency"]) == (Decimal(1), 0.6)
    assert of_dark["self_consumption"] == 1.0
    assert (grid["shared_wh"], grid["self_sufficiency"]) == (Decimal(3), 1.0)
    assert grid["self_consumption"] == 1.0


async def test_with_a_community_unknown_the_grid_s_ratio_is_that_of_the_known(
    sink: Sink, client: AsyncClient
) -> None:
    known = an_autarky_interval(consumption=[1_000], production=[500], used=[250], own=[250])
    unknown = an_autarky_interval(
        community="c2", consumption=[None], production=[None], used=[None], own=[None]
    )
    await keep(sink, known, unknown)

    grid = await row(client, "SELECT * FROM grid_autarky_quarter_hours")

    assert (grid["known_communities"], grid["communities"]) == (1, 2)
    assert (grid["self_sufficiency"], grid["self_consumption"]) == (None, None)
    # 250 of 1,000 at home, and 250 that was left over served the rest of the same community.
    assert grid["self_sufficiency_of_known"] == 0.5
    assert grid["self_consumption_of_known"] == 1.0
    day = await row(client, "SELECT * FROM grid_autarky_days")
    assert (day["known_quarter_hours"], day["quarter_hours"]) == (0, 1)
    assert day["self_sufficiency_of_known"] == 0.5


async def test_a_change_that_was_taken_back_is_gone_and_one_that_came_again_is_there(
    sink: Sink, client: AsyncClient
) -> None:
    await keep(sink, a_change(version=1), a_change(version=2, withdrawn=True))
    gone = await client.query("SELECT * FROM autarky_changes")
    await keep(sink, a_change(version=3))

    again = await row(client, "SELECT * FROM autarky_changes")

    assert not gone.result_rows
    assert (again["meter_id"], again["from_state"], again["to_state"], again["version"]) == (
        "m1",
        "dependent",
        "autarkic",
        3,
    )


async def test_a_community_s_change_has_no_meter(sink: Sink, client: AsyncClient) -> None:
    await keep(sink, a_change(meter=None))

    assert (await row(client, "SELECT * FROM autarky_changes"))["meter_id"] is None


def test_what_is_no_message_is_named_and_the_rest_is_kept() -> None:
    sound = an_autarky_interval(consumption=[1], production=[1], used=[1], own=[1])
    uneven = sound.model_copy(update={"consumption_mwh": [1, 2]})

    intervals = autarky_interval_rows([e.model_dump_json().encode() for e in (sound, uneven)])
    changes = autarky_change_rows([a_change().model_dump_json().encode(), b"{}", None])

    assert [bad.index for bad in intervals.malformed] == [1]
    assert "not as long as meter_id" in intervals.malformed[0].reason
    assert [len(batch) for batch in intervals.batches] == [1, 1]
    assert [bad.index for bad in changes.malformed] == [1, 2]
    assert [len(batch) for batch in changes.batches] == [1]
