"""Messages that can't be read are counted from 0 on: the first of a topic rings, as any other."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from agents import alerts, batteries, control, history, malfunction
from agents.registered import COMMUNITIES_AND_HOUSEHOLDS
from streams import topics
from streams.codecs import regulation
from streams.delivery.app import App
from streams.settings import Settings
from streams.topics import Topic


def _names(read: Iterable[Topic]) -> set[str]:
    return {topic.name for topic in read}


@pytest.mark.parametrize(
    ("attach", "counter", "read"),
    [
        (
            control.attach,
            "smatrix_regulation_malformed_messages",
            _names(regulation.SOURCES) | set(COMMUNITIES_AND_HOUSEHOLDS),
        ),
        (
            control.attach,
            "smatrix_battery_malformed_messages",
            _names([*batteries.SOURCES, topics.PRICES]) | set(COMMUNITIES_AND_HOUSEHOLDS),
        ),
        (
            control.attach,
            "smatrix_production_malformed_messages",
            _names([topics.REGISTRY_PLANTS, topics.REGISTRY_HOUSEHOLDS]),
        ),
        (
            alerts.attach,
            "smatrix_malfunction_malformed_messages",
            _names(
                [
                    *malfunction.SOURCES,
                    topics.REGISTRY_TECHNICIANS,
                    topics.REGISTRY_COMMUNITIES,
                ]
            ),
        ),
        (
            history.attach,
            "smatrix_history_malformed_messages",
            _names([topics.HOUSEHOLD_INTERVALS, topics.PRICES, topics.REGISTRY_PERSONS]),
        ),
    ],
)
async def test_a_role_counts_from_0_what_it_can_not_read_of_each_topic(
    tmp_path: Path, attach: Callable[[App, Settings], None], counter: str, read: set[str]
) -> None:
    settings = Settings(data_dir=tmp_path)
    app = App(
        settings.app_id("role"),
        broker=settings.broker,
        data_dir=tmp_path,
        partitions=4,
        replication=1,
    )

    attach(app, settings)

    counted = {
        sample.labels["topic"]
        for metric in REGISTRY.collect()
        if metric.name == counter
        for sample in metric.samples
    }
    assert read <= counted
