"""How old a quarter-hour is when ClickHouse has it, at a steady 100,000 households a minute."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import clickhouse_connect
import numpy as np
from clickhouse_connect.driver.client import Client
from pydantic import HttpUrl

from bench.contestants import OUT
from bench.curves.curve import Point
from bench.dataset import register_fleet
from deploy.embedded.processes import free_port
from deploy.embedded.system import EmbeddedSystem
from load_generator.faults import FaultRates
from load_generator.plan import Plan
from load_generator.sender import run
from streams import clock
from streams.settings import Settings
from streams.topics import METER_FRAMES

_POLL_S: Final = 0.1
_PERIOD_S: Final = 900
_PERCENTILES: Final = (50, 99, 100)
_LOST: Final = FaultRates(lost=0.01)


async def at_steady_load(full: bool) -> AsyncIterator[Point]:  # noqa: FBT001 - see Curve.points
    """Yield percentiles over households' quarter-hours, real time in full, faster in quick.

    A terminal sends a minute when it is over. A hundredth of the frames is lost, so that some
    quarter-hours wait for the allowed lateness; those are a point of their own, less that time.
    """
    speed, households, minutes = (1, 100_000, 16) if full else (15, 100_000 // 15, 31)
    folder = OUT / "freshness"
    shutil.rmtree(folder, ignore_errors=True)
    settings = Settings(
        broker=f"127.0.0.1:{free_port()}",
        clickhouse_url=HttpUrl(f"http://127.0.0.1:{free_port()}"),
        allowed_lateness=timedelta(seconds=120),
    )
    try:
        with EmbeddedSystem(settings, folder, wipe=True, kafka_nodes=1) as system:
            ages = await _ages(system, speed=speed, households=households, minutes=minutes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    # Event time runs `speed` times faster, and so does the time that a minute waits.
    waited = settings.allowed_lateness.total_seconds() / speed
    for name, part in (
        ("complete: since the period's end", [age for age in ages if age < waited]),
        (
            "incomplete: since the period's end and the allowed lateness",
            [age - waited for age in ages if age >= waited],
        ),
    ):
        if part:
            values = np.percentile(part, _PERCENTILES).tolist()
            figures = {f"{p} %, s": value for p, value in zip(_PERCENTILES, values, strict=True)}
            yield Point(name, {"household quarter-hours": float(len(part)), **figures})


async def _ages(
    system: EmbeddedSystem, *, speed: float, households: int, minutes: int
) -> Sequence[float]:
    """Return the seconds of wall time from each row's period's end until it could be read."""
    undated = Plan(
        communities=households // 50,
        households=households,
        seed=1,
        start=datetime.fromtimestamp(0, UTC),
        minutes=minutes,
        faults=_LOST,
    )
    await register_fleet(undated, broker=system.settings.broker)
    now = clock.epoch_now()
    first = (int(now) // _PERIOD_S - 1) * _PERIOD_S if speed > 1 else _next_period(now)
    if speed == 1:
        await asyncio.sleep(first + 60 - now)
    begin = clock.epoch_now()
    wanted = replace(
        undated, start=datetime.fromtimestamp(first - (minutes * 60 if speed > 1 else 0), UTC)
    )
    start = int(wanted.start.timestamp())
    sending = asyncio.create_task(
        run(wanted, broker=system.settings.broker, topic=METER_FRAMES.name, speed=speed)
    )
    client = clickhouse_connect.get_client(
        dsn=str(system.settings.clickhouse_url), database=system.settings.clickhouse_database
    )
    # A minute leaves when it is over: `start` + 60 at `begin`.
    periods = [
        period
        for period in range(start - start % _PERIOD_S, start + minutes * 60, _PERIOD_S)
        if period >= start and period + _PERIOD_S <= start + minutes * 60
    ]
    ends = {period: begin + (period + _PERIOD_S - 60 - start) / speed for period in periods}
    seen = dict.fromkeys(periods, 0)
    ages: list[float] = []
    until = max(ends.values()) + 150 / speed + 60
    while clock.epoch_now() < until and len(ages) < households * len(periods):
        for period, count in _counts(client).items():
            if period in seen and count > seen[period]:
                ages += [clock.epoch_now() - ends[period]] * (count - seen[period])
                seen[period] = count
        system.require_alive()
        await asyncio.sleep(_POLL_S)
    await sending
    return ages


def _counts(client: Client) -> dict[int, int]:
    rows = client.query(
        "SELECT toUnixTimestamp(period_start), uniqExact(meter_id) FROM household_intervals "
        "GROUP BY period_start"
    ).result_rows
    return {int(period): int(count) for period, count in rows}


def _next_period(now: float) -> int:
    return (int(now) // _PERIOD_S + 1) * _PERIOD_S
