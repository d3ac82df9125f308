from datetime import UTC, datetime
from decimal import Decimal

from clickhouse_connect.driver.asyncclient import AsyncClient

from schemas.batteries import BatteryDirective, BatteryMode, BatteryReason
from schemas.prices import Price, PriceKind
from sinks.clickhouse.battery_rows import battery_directive_rows, price_rows
from sinks.clickhouse.insert import Sink
from tests.unit.sinks.messages import NOON, PERIOD_S


async def keep(sink: Sink, *told: BatteryDirective | Price) -> None:
    for one in told:
        rows = price_rows if isinstance(one, Price) else battery_directive_rows
        for batch in rows([one.model_dump_json().encode()]).batches:
            await sink.insert(batch)


def a_directive(
    meter: str = "m1",
    mode: BatteryMode = BatteryMode.CHARGE,
    *,
    version: int = 1,
    power_w: int = 0,
    level_mwh: int | None = 5_000_001,
) -> BatteryDirective:
    return BatteryDirective(
        directive_id=f"b-{meter}",
        community_id="c1",
        meter_id=meter,
        version=version,
        valid_from=NOON,
        valid_until=NOON + PERIOD_S,
        mode=mode,
        power_w=power_w,
        reason=BatteryReason.CHEAP,
        level_mwh=level_mwh,
        price_eur_per_mwh=Decimal("-3.05"),
    )


def a_price(euros: str, *, version: int = 1, kind: PriceKind = PriceKind.DAY_AHEAD) -> Price:
    return Price(period_start=NOON, version=version, price_eur_per_mwh=Decimal(euros), kind=kind)


async def test_a_battery_was_told_what_the_highest_version_says(
    sink: Sink, client: AsyncClient
) -> None:
    later = a_directive(mode=BatteryMode.AUTO, version=2, level_mwh=None)

    # In no order, and one of them twice.
    await keep(sink, later, a_directive(power_w=900), later)

    (row,) = (await client.query("SELECT * FROM battery_directives")).named_results()
    assert (row["mode"], row["power_w"], row["level_wh"]) == ("auto", 0, None)
    assert row["valid_from"] == datetime.fromtimestamp(NOON, UTC).replace(tzinfo=None)
    assert row["price_eur_per_mwh"] == Decimal("-3.05")


async def test_the_fleet_counts_each_battery_once_and_sums_exactly(
    sink: Sink, client: AsyncClient
) -> None:
    await client.command("TRUNCATE TABLE battery_told_directives")
    await keep(
        sink,
        a_directive("m1", power_w=900),
        a_directive("m2", power_w=100),
        a_directive("m3", BatteryMode.DISCHARGE, power_w=50, level_mwh=None),
        a_directive("m4", BatteryMode.AUTO),
    )

    (row,) = (await client.query("SELECT * FROM battery_fleet_quarter_hours")).named_results()
    assert (row["batteries"], row["in_charge"], row["in_discharge"], row["in_auto"]) == (4, 2, 1, 1)
    assert (row["from_grid_w"], row["to_grid_w"]) == (1_000, 50)
    assert row["level_wh"] == Decimal("15000.003")


async def test_the_day_ahead_price_stands_before_a_later_estimate(
    sink: Sink, client: AsyncClient
) -> None:
    await keep(
        sink,
        a_price("99.99", version=9, kind=PriceKind.ESTIMATED),
        a_price("-3.05"),
        a_price("-3.04", version=2),
    )

    (row,) = (await client.query("SELECT * FROM prices")).named_results()
    assert (row["price_eur_per_mwh"], row["kind"]) == (Decimal("-3.04"), "day_ahead")
