"""The balance and production as analysts find them: the last version, and what was decided when."""

from collections.abc import Iterable
from typing import Any

import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient
from pydantic import BaseModel

from schemas.production import ProductionPlan, ShedReason
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.production_rows import (
    grid_minute_rows,
    plant_minute_rows,
    production_order_rows,
    production_plan_rows,
    shed_order_rows,
)
from sinks.clickhouse.registry_rows import registered_plant_rows
from sinks.clickhouse.rows import Decoded
from tests.registered import a_plant
from tests.unit.domain.evaluating import a_grid_minute
from tests.unit.sinks.messages import NOON, a_plant_minute, a_shed_order, an_order


def as_messages(events: Iterable[BaseModel]) -> list[bytes | None]:
    return [event.model_dump_json().encode() for event in events]


async def keep(sink: Sink, decoded: Decoded) -> None:
    assert decoded.malformed == ()
    for batch in decoded.batches:
        await sink.insert(batch)


async def ask(client: AsyncClient, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in (await client.query(query)).result_rows]


async def test_a_grid_minute_has_its_last_version_and_keeps_the_others(
    sink: Sink, client: AsyncClient
) -> None:
    filled = a_grid_minute(
        NOON, 600, version=1, forecast_partitions=[2], share_reported=0.75, forecast_net_mwh=-5
    )
    whole = a_grid_minute(NOON, 660, version=7)

    await keep(sink, grid_minute_rows(as_messages([whole, filled, whole])))

    assert await ask(
        client,
        "SELECT version, net_load_w, toFloat64(import_wh), forecast_partitions, share_reported "
        "FROM grid_minutes",
    ) == [(7, 660, 11.0, [], 1.0)]
    assert await ask(
        client,
        "SELECT version, net_load_w, toFloat64(forecast_net_wh), forecast_partitions "
        "FROM grid_minute_versions ORDER BY version",
    ) == [(1, 600, -0.005, [2]), (7, 660, 0.0, [])]


async def test_what_a_plant_was_ordered_stands_beside_what_it_gave(
    sink: Sink, client: AsyncClient
) -> None:
    first, again = an_order(), an_order(version=2, ordered_w=520)
    late = a_plant_minute(version=9, production_w=515)

    await keep(sink, production_order_rows(as_messages([again, first])))
    await keep(sink, plant_minute_rows(as_messages([a_plant_minute(), late])))

    assert await ask(
        client, "SELECT plant_id, ordered_w, production_w, difference_w FROM plant_obedience"
    ) == [("g1", 520, 515, -5)]
    assert await ask(
        client, "SELECT version, ordered_w FROM production_order_versions ORDER BY version"
    ) == [(1, 500), (2, 520)]


async def test_a_plan_has_a_row_for_each_quarter_hour(sink: Sink, client: AsyncClient) -> None:
    plan = ProductionPlan(
        plan_id="g1",
        plant_id="g1",
        version=3,
        period_start=NOON,
        planned_w=[100, 200],
        forecast_w=[-5, 210],
        deficit_w=[0, 10],
    )

    await keep(sink, production_plan_rows(as_messages([plan])))

    assert await ask(
        client,
        "SELECT toUnixTimestamp(period_start), planned_w, forecast_w, deficit_w "
        "FROM production_plans ORDER BY period_start",
    ) == [(NOON, 100, -5, 0), (NOON + 900, 200, 210, 10)]


async def test_shed_orders_are_kept_with_each_version(sink: Sink, client: AsyncClient) -> None:
    order = a_shed_order()
    ended = order.model_copy(update={"version": 2, "shed_w": 0, "reason": ShedReason.RELIEVED})

    await keep(sink, shed_order_rows(as_messages([order, ended, order])))

    told = await ask(client, "SELECT version, shed_w, reason FROM shed_orders ORDER BY version")
    assert told == [(1, 700, "deficit"), (2, 0, "relieved")]


async def test_a_registered_plant_says_what_it_costs(sink: Sink, client: AsyncClient) -> None:
    plant = a_plant("g1", cost_eur_per_mwh="85.50", co2_g_per_kwh=370, ramp_w_per_minute=20)

    await keep(sink, registered_plant_rows(as_messages([plant, a_plant("w1")])))

    assert await ask(
        client,
        "SELECT plant_id, toString(cost_eur_per_mwh), co2_g_per_kwh, ramp_w_per_minute "
        "FROM registry_plants_at(at = '2026-01-01 12:00:00') ORDER BY plant_id",
    ) == [("g1", "85.5", 370, 20), ("w1", None, None, None)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (grid_minute_rows, b"{}"),
        (production_order_rows, b"not json"),
        (
            production_plan_rows,
            b'{"plan_id":"a","plant_id":"a","version":1,"period_start":0,"planned_w":[1]}',
        ),
        (shed_order_rows, None),
        (plant_minute_rows, b"[]"),
    ],
)
def test_what_is_no_event_is_said_and_the_others_are_kept(rows: Any, message: bytes | None) -> None:  # noqa: ANN401 - a function
    (malformed,) = rows([message]).malformed

    assert malformed.index == 0
