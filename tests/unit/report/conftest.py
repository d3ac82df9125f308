import asyncio
from collections.abc import Iterator, Sequence

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from deploy.embedded.processes import free_port
from schemas.metering import HouseholdIntervals
from sinks.clickhouse.autarky_rows import autarky_interval_rows
from sinks.clickhouse.household_rows import household_rows
from sinks.clickhouse.insert import Sink
from streams.codecs.autarky import autarky_intervals, told_period
from streams.domain.autarky_communities import Autarky, Step
from streams.policies import autarky_policy
from streams.settings import Settings
from tests.unit.report.builders import QUARTER_HOURS, a_quarter_hour
from tests.unit.sinks.server import clickhouse, settings_for

GAP = 20
"""A quarter-hour of which nothing arrived."""


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A ClickHouse with the known day in `smatrix`, and the tables alone in `empty`."""
    port = free_port()
    with clickhouse(tmp_path_factory.mktemp("clickhouse"), port):
        day = [
            event
            for quarter in range(QUARTER_HOURS)
            if quarter != GAP
            for event in a_quarter_hour(quarter)
        ]
        asyncio.run(_keep(settings_for(port), day))
        asyncio.run(_keep(settings_for(port, database="empty"), []))
        client = clickhouse_connect.get_client(host="127.0.0.1", port=port)
        yield client
        client.close()


async def _keep(settings: Settings, events: Sequence[HouseholdIntervals]) -> None:
    sink = Sink(settings)
    await sink.start()
    if events:
        decoded = household_rows([event.model_dump_json().encode() for event in events])
        figures = autarky_interval_rows([value for _, value in autarky_intervals(_judged(events))])
        for batch in (*decoded.batches, *figures.batches):
            await sink.insert(batch)
    await sink.close()


def _judged(events: Sequence[HouseholdIntervals]) -> Step:
    """Return what the worker for alerts makes of the day."""
    autarky = Autarky(autarky_policy(Settings()), read=lambda *_: None)
    messages = enumerate(event.model_dump_json().encode() for event in events)
    return autarky.fold(told_period(value, place=place) for place, value in messages)
