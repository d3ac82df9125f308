"""What the check of autarky finds, and that it finds what is wrong."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client

from deploy.autarky_check import ExpectedAutarky
from deploy.embedded.processes import free_port
from load_generator.truth import TRUTH_SCHEMA
from sinks.clickhouse.autarky_rows import autarky_change_rows, autarky_interval_rows
from sinks.clickhouse.insert import Sink
from streams.codecs.autarky import autarky_changes, autarky_intervals
from streams.domain.autarky import Flows
from streams.domain.autarky_communities import Autarky, ToldPeriod
from streams.policies import autarky_policy
from streams.settings import Settings
from tests.builders import NOON, QUARTER_S
from tests.unit.sinks.server import clickhouse, settings_for

pytestmark = pytest.mark.slow

POLICY = autarky_policy(Settings())
DARK, SUNNY = Flows(1_000, 100, 0, 50, 15), Flows(1_000, 3_000, 900, 0, 15)
WITHOUT_PANELS, A_MINUTE_MISSING = Flows(500, None, None, None, 15), Flows(900, 0, 0, 0, 14)
DAY = [
    {"m1": roof, "m2": WITHOUT_PANELS}
    for roof in (DARK, DARK, SUNNY, SUNNY, A_MINUTE_MISSING, DARK, DARK)
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A ClickHouse with what the worker makes of the day."""
    folder: Path = tmp_path_factory.mktemp("clickhouse")
    with clickhouse(folder, port := free_port()):
        asyncio.run(_keep(settings_for(port)))
        client = clickhouse_connect.get_client(host="127.0.0.1", port=port)
        yield client
        client.close()


async def _keep(settings: Settings) -> None:
    sink = Sink(settings)
    await sink.start()
    step = Autarky(POLICY, read=lambda *_: None).fold(
        ToldPeriod("c1", NOON + place * QUARTER_S, 1, 0, 1, flows, place)
        for place, flows in enumerate(DAY)
    )
    for decoded in (
        autarky_interval_rows([value for _, value in autarky_intervals(step)]),
        autarky_change_rows([value for _, value in autarky_changes(step, POLICY)]),
    ):
        for batch in decoded.batches:
            await sink.insert(batch)
    await sink.close()


def truth_of(day: list[dict[str, Flows]]) -> pa.Table:
    rows = [
        {
            "community_id": "c1",
            "meter_id": meter,
            "period_start": datetime.fromtimestamp(NOON + quarter * QUARTER_S, UTC),
            "consumption_mwh": flows.consumption,
            "production_mwh": flows.production,
            "battery_charge_mwh": flows.charge,
            "battery_discharge_mwh": flows.discharge,
            "measured_minutes": flows.measured_minutes,
        }
        for quarter, households in enumerate(day)
        for meter, flows in households.items()
    ]
    return pa.Table.from_pylist(rows, schema=TRUTH_SCHEMA)


def test_what_the_worker_makes_of_the_truth_is_what_is_expected(client: Client) -> None:
    expected = ExpectedAutarky.of(truth_of(DAY))

    assert len(expected.intervals) == 3 * len(DAY)  # the community has some as well
    assert len(expected.changes) == 4
    assert expected.differences(client, "smatrix") == []


def test_one_mwh_less_is_found(client: Client) -> None:
    other = [*DAY[:-1], {**DAY[-1], "m1": DARK._replace(production=99)}]

    found = ExpectedAutarky.of(truth_of(other)).differences(client, "smatrix")

    assert any(line.startswith("interval of c1 m1 at ") for line in found)


def test_a_change_that_was_not_told_and_one_too_many_are_found(client: Client) -> None:
    stays_dark, flips_twice = [DAY[0]] * len(DAY), [*DAY, DAY[2], DAY[2]]

    too_many = ExpectedAutarky.of(truth_of(stays_dark)).differences(client, "smatrix")
    too_few = ExpectedAutarky.of(truth_of(flips_twice)).differences(client, "smatrix")

    changes = [line for line in too_many if line.startswith("change of c1 m1 at ")]
    assert len(changes) == 2
    assert all(line.endswith("instead of nothing") for line in changes)
    assert any(
        line.startswith("change of c1 m1 at ") and ": nothing instead of " in line
        for line in too_few
    )
