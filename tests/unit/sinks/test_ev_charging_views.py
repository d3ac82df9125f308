from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient
from pydantic import BaseModel

from schemas.ev_charging import (
    ChargeDirective,
    ChargePlan,
    ChargePromise,
    ChargerState,
    RejectedSession,
    SessionRule,
    Shortage,
)
from sinks.clickhouse.ev_charging_rows import (
    charge_directive_rows,
    charge_plan_rows,
    charge_promise_rows,
    rejected_session_rows,
)
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.rows import Decoded
from tests.unit.sinks.messages import NOON

pytestmark = pytest.mark.slow


async def keep(
    sink: Sink, rows: Callable[[Sequence[bytes | None]], Decoded], *told: BaseModel
) -> None:
    decoded = rows([one.model_dump_json().encode() for one in told])
    assert not decoded.malformed
    for batch in decoded.batches:
        await sink.insert(batch)


def a_promise(step: int, promised_mwh: int, *, ended: bool = False) -> ChargePromise:
    return ChargePromise(
        session_id="s1",
        step=step,
        community_id="c1",
        meter_id="m1",
        minute=NOON + 900 * step,
        departure=NOON + 36_000,
        asked_mwh=20_000_000,
        charged_mwh=0,
        promised_mwh=promised_mwh,
        shortage=Shortage.COMMUNITY_LIMIT,
        charger=ChargerState.ANSWERS,
        ended=ended,
    )


async def test_a_session_stands_as_it_was_told_last(sink: Sink, client: AsyncClient) -> None:
    last, first = a_promise(2, 15_000_000), a_promise(1, 10_000_000)

    await keep(sink, charge_promise_rows, last, first, last)

    (session,) = (await client.query("SELECT * FROM ev_sessions")).named_results()
    assert session["promised_wh"] == Decimal(15_000)
    assert session["share"] == 0.75


async def test_of_a_directive_the_last_version_stands(sink: Sink, client: AsyncClient) -> None:
    first = ChargeDirective(
        directive_id="s1/1",
        version=1,
        session_id="s1",
        community_id="c1",
        meter_id="m1",
        valid_from=NOON,
        valid_until=NOON + 900,
        power_w=0,
        planned_mwh=0,
        reason="it waits",
    )
    second = first.model_copy(update={"version": 2, "power_w": 4_000, "planned_mwh": 1_000_500})

    await keep(sink, charge_directive_rows, second, first)

    (directive,) = (await client.query("SELECT * FROM charge_directives")).named_results()
    assert (directive["power_w"], directive["planned_wh"]) == (4_000, Decimal("1000.5"))


async def test_plans_and_refusals_are_kept_once(sink: Sink, client: AsyncClient) -> None:
    plan = ChargePlan(
        partition=3,
        period_start=NOON,
        version=7,
        base_w=[5, -6],
        planned_w=[1, 2],
        sessions=2,
        communities=1,
        asked_mwh=9_000,
        planned_mwh=8_000,
        gap=0.004,
        sweeps=2,
    )
    refused = RejectedSession(
        source_partition=0,
        source_offset=4,
        rule=SessionRule.DEPARTURE,
        detail="departure is not after plugged_in",
        community_id="c1",
        session_id=None,
        received_at_ms=NOON * 1000,
        original_value_base64="e30=",
    )

    await keep(sink, charge_plan_rows, plan, plan)
    await keep(sink, rejected_session_rows, refused, refused)

    (row,) = (await client.query("SELECT * FROM charge_plans")).named_results()
    assert (row["base_w"], row["planned_wh"], row["gap"]) == ([5, -6], Decimal(8), 0.004)
    found = await client.query("SELECT rule, count() FROM rejected_ev_sessions FINAL GROUP BY rule")
    assert list(found.result_rows) == [("departure", 1)]
