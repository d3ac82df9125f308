"""The grid's balance on the running system: what all households really used, minute by minute."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from deploy.embedded.system import EmbeddedSystem
from schemas.energy_balance import GridMinute
from streams.settings import Settings
from tests.acceptance.running import curl, eventually, free_settings, load, sent_by

pytestmark = pytest.mark.slow

MINUTES = 45


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    """A system of its own, since the balance is that of the whole grid."""
    folder, roles = tmp_path_factory.mktemp("balanced"), ("metering", "control", "history")
    with EmbeddedSystem(free_settings(), folder, roles=roles) as running:
        yield running


def grid_minutes(settings: Settings) -> dict[int, GridMinute]:
    """Return the last version of each minute of the grid."""

    async def read() -> dict[int, GridMinute]:
        consumer = AIOKafkaConsumer(
            "grid-minutes", bootstrap_servers=settings.broker, auto_offset_reset="earliest"
        )
        await consumer.start()
        last: dict[int, GridMinute] = {}
        try:
            while polled := await consumer.getmany(timeout_ms=2_000):
                for records in polled.values():
                    for record in records:
                        told = GridMinute.model_validate_json(record.value or b"")
                        known = last.get(told.minute)
                        if known is None or known.version < told.version:
                            last[told.minute] = told
        finally:
            await consumer.stop()
        return last

    return asyncio.run(read())


def test_each_minute_of_the_grid_comes_to_what_its_communities_told(
    balanced: EmbeddedSystem, tmp_path: Path
) -> None:
    options = {"communities": 7, "households": 70, "minutes": MINUTES, "speed": "max"}
    sent_by(load(balanced, tmp_path / "truth.parquet", faults="none", **options))
    settings = balanced.settings

    def known() -> dict[int, tuple[int, int]]:
        rows = curl(
            settings,
            "SELECT toUnixTimestamp(minute), sum(consumption_mwh), count() "
            "FROM smatrix.community_minute_sums FINAL GROUP BY minute",
        )
        return {int(minute): (int(energy), int(number)) for minute, energy, number in rows}

    eventually("all minutes are in ClickHouse", lambda: len(known()) == MINUTES)
    truth = {minute: energy for minute, (energy, number) in known().items() if number == 7}

    def agrees() -> bool:
        told = grid_minutes(settings)
        return {minute: told[minute].consumption_mwh for minute in truth if minute in told} == truth

    eventually("the grid's minutes are theirs", agrees, within_s=180)
    told = grid_minutes(settings)
    assert len(truth) == MINUTES
    assert all(minute.share_reported == 1 for minute in told.values())
