"""The whole system on Apache Kafka, stopped and started again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from deploy.embedded.system import EmbeddedSystem
from tests.acceptance.autarky_truth import (
    kill_alerts_at_work,
    play,
    require_the_truth_s_autarky,
)
from tests.acceptance.running import a_marker, await_markers, free_settings, send, smatrix
from tests.kafka.availability import require_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SUMMER_DAY: Final = datetime(2025, 6, 21, tzinfo=UTC)


def test_a_second_start_goes_on_with_topics_state_and_generation(tmp_path: Path) -> None:
    require_kafka()
    settings = free_settings()

    with EmbeddedSystem(settings, tmp_path, kafka_nodes=1) as first:
        send(first.settings, a_marker("before"))
        await_markers(first.settings, ["before"])
        generation = first.environment()["SMATRIX_GENERATION"]
        (tmp_path / "state" / "kept").touch()

    with EmbeddedSystem(settings, tmp_path, kafka_nodes=1) as second:
        send(second.settings, a_marker("after"))
        await_markers(second.settings, ["before", "after"])
        assert second.environment()["SMATRIX_GENERATION"] == generation
        assert (tmp_path / "state" / "kept").exists()


def test_changes_of_autarky_are_the_truth_s_though_their_worker_is_killed(tmp_path: Path) -> None:
    require_kafka()
    truth = tmp_path / "truth.parquet"

    with EmbeddedSystem(free_settings(), tmp_path, kafka_nodes=1) as system:
        play(system, truth, SUMMER_DAY, meanwhile=lambda: kill_alerts_at_work(system))

        require_the_truth_s_autarky(system, truth)


def test_more_nodes_of_the_embedded_broker_are_refused() -> None:
    ended = smatrix("up", "--nodes", "3", environment={})

    assert ended.status == 2
    assert ended.err == (
        "smatrix: --nodes 3: the embedded broker is one process; add --broker kafka\n"
    )
