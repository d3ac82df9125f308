from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient

from deploy.embedded.processes import free_port
from sinks.clickhouse.client import connect
from sinks.clickhouse.insert import Sink
from streams.settings import Settings
from tests.unit.sinks.server import clickhouse, settings_for

_databases = count(1)

TABLES = (
    "household_intervals",
    "validated_household_intervals",
    "period_verdicts",
    "autarky_household_intervals",
    "autarky_community_intervals",
    "autarky_told_changes",
    "malfunction_steps",
    "grid_minute_sums",
    "told_grid_minute_versions",
    "plant_minute_readings",
    "told_production_orders",
    "told_production_order_versions",
    "told_production_plans",
    "told_shed_orders",
    "told_switch_directives",
    "told_directive_acks",
    "told_regulation_minutes",
    "community_intervals",
    "community_interval_versions",
    "community_minute_sums",
    "rejections",
    "registered_communities",
    "registered_households",
    "registered_plants",
    "registered_technicians",
    "registered_persons",
    "told_notification_states",
    "told_charge_directives",
    "told_charge_promises",
    "told_charge_plans",
    "rejected_ev_sessions",
)


@pytest.fixture(scope="session")
def clickhouse_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    with clickhouse(tmp_path_factory.mktemp("clickhouse"), port):
        yield port


@pytest.fixture
def settings(clickhouse_port: int) -> Settings:
    """Tests of rows share a database, since to make one takes long."""
    return settings_for(clickhouse_port)


@pytest.fixture
def new_database(clickhouse_port: int) -> Settings:
    """Tests of migrations have a database of their own, which is not there yet."""
    return settings_for(clickhouse_port, database=f"new_{next(_databases)}")


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[AsyncClient]:
    async with await connect(settings) as client:
        yield client


@pytest.fixture
async def sink(settings: Settings, client: AsyncClient) -> AsyncIterator[Sink]:
    """A sink whose tables are there, and empty."""
    sink = Sink(settings)
    await sink.start()
    for table in TABLES:
        await client.command(f"TRUNCATE TABLE {table}")
    yield sink
    await sink.close()
