"""A day of faults whose second half goes to twice the partitions: exact across the switch."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import pytest

from agents import ROLES
from deploy.cli.check import connect
from deploy.embedded.processes import stop
from deploy.embedded.system import EmbeddedSystem
from deploy.repartition.broker import Broker
from deploy.repartition.layouts import Layout, RepartitionError
from deploy.repartition.obstacles import require_done
from deploy.truth_check import compare, stored_periods
from load_generator import sender
from load_generator.dispatch import MinuteOfFrames
from load_generator.faults import FAULT_RATES
from load_generator.plan import Plan
from load_generator.truth import truth_table
from streams.delivery.clients import connection_of
from tests.acceptance.running import eventually, free_settings, smatrix, worker_of
from tests.kafka.availability import require_kafka

pytestmark = pytest.mark.slow

MINUTES: Final = 24 * 60
HALF: Final = MINUTES // 2 + 7  # in the middle of a quarter-hour
PLAN: Final = Plan(
    communities=20,
    households=200,
    seed=11,
    start=datetime(2025, 5, 5, tzinfo=UTC),
    minutes=MINUTES,
    faults=FAULT_RATES["many"],
)
REGISTRY: Final = """\
{"kind": "community", "community_id": "c9999", "connection_limit_w": 50000, "zone": "Europe/Berlin", "valid_from": "2025-01-01T00:00Z"}
{"kind": "household", "household_id": "h1", "community_id": "c9999", "meter_id": "m9999-001", "valid_from": "2025-01-01T00:00Z"}
"""  # noqa: E501 - a line is an entry
PRICES: Final = "start,minutes,price_eur_per_mwh\n2025-05-05T00:00+00:00,60,83.17\n"
NEW: Final = {
    "SMATRIX_TOPIC_PREFIX": "p8-",
    "SMATRIX_PARTITIONS": "8",
    "SMATRIX_GENERATION": "1",
}


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedSystem]:
    """A system of its own, on each broker."""
    nodes = 0
    if request.param == "kafka":
        require_kafka()
        nodes = 1
    with EmbeddedSystem(free_settings(), tmp_path, kafka_nodes=nodes) as system:
        yield system


def _send(system: EmbeddedSystem, minutes: list[MinuteOfFrames], topic: str) -> None:
    asyncio.run(
        sender.send(
            ((minute.minute, minute.frames) for minute in minutes),
            broker=system.settings.broker,
            topic=topic,
        )
    )


def _refused(system: EmbeddedSystem, *words: str, **other: str) -> str:
    ended = smatrix("repartition", *words, environment=system.environment() | NEW | other)
    assert ended.status == 2, ended.out
    assert len(ended.err.splitlines()) == 1, ended.err
    return ended.err


def _done(system: EmbeddedSystem, *words: str) -> str:
    ended = smatrix("repartition", *words, environment=system.environment() | NEW)
    assert (ended.status, ended.err) == (0, "")
    return ended.out


def _imported(system: EmbeddedSystem, what: str, file: Path, **other: str) -> str:
    ended = smatrix(what, "import", str(file), environment=system.environment() | other)
    assert (ended.status, ended.err) == (0, "")
    return ended.out


def _is_done(system: EmbeddedSystem) -> bool:
    async def ask() -> None:
        async with Broker.connected(connection_of(system.settings)) as broker:
            await require_done(broker, Layout.of(system.settings))

    try:
        asyncio.run(ask())
    except RepartitionError:
        return False
    return True


def _stop(system: EmbeddedSystem, role: str) -> None:
    worker = worker_of(system, role)
    stop([worker.child])
    system.workers.remove(worker)


def test_a_day_is_exact_though_its_second_half_goes_to_twice_the_partitions(
    running: EmbeddedSystem, tmp_path: Path
) -> None:
    minutes = PLAN.batches()
    first = list(islice(minutes, HALF))
    second = list(minutes)
    truth = truth_table([m.settled for m in [*first, *second] if m.settled is not None])
    client = connect(running.settings)

    # Before anything is prepared.
    assert "run `smatrix repartition --prepare` first" in _refused(running)
    assert "SMATRIX_PARTITIONS=4 is what meter-frames has" in _refused(
        running, "--prepare", SMATRIX_PARTITIONS="4"
    )
    assert "SMATRIX_TOPIC_PREFIX= is the prefix" in _refused(
        running, "--prepare", SMATRIX_TOPIC_PREFIX=""
    )
    assert "SMATRIX_GENERATION=0" in _refused(running, "--prepare", SMATRIX_GENERATION="0")
    assert "there is no topic p2-meter-frames" in _refused(
        running, "--prepare", "--from-prefix=p2-"
    )

    household = tmp_path / "household.jsonl"
    household.write_text(REGISTRY)
    prices = tmp_path / "prices.csv"
    prices.write_text(PRICES)
    assert '"new": 2' in _imported(running, "registry", household)
    assert '"new": 4' in _imported(running, "prices", prices)

    # The terminals are switched over while the old workers work.
    _send(running, first, "meter-frames")
    assert "p8-meter-frames is there with 8 partitions" in _done(running, "--prepare")
    _send(running, second[: len(second) // 2], "p8-meter-frames")

    # The old workers do the rest and end; a new one does not begin without the state.
    eventually("the old workers have done everything", lambda: _is_done(running), within_s=150)
    if running.kafka is not None:
        # Control tells minutes of the grid for a while, which history has to store first.
        eventually(
            "the command says that workers are still there",
            lambda: "1 workers are in the group smatrix-metering" in _refused(running),
            within_s=150,
        )
    _stop(running, "metering")
    early = smatrix("worker", "metering", environment=running.environment() | NEW)
    assert early.status == 2
    assert "run `smatrix repartition`" in early.err.splitlines()[-1]

    # A frame that comes to the old topic after all is not forgotten.
    _send(running, first[:1], "meter-frames")
    assert "meter-frames has records that smatrix-metering has not done" in _refused(running)
    running.await_ready([running.start_worker("metering")])
    eventually("the straggler is done", lambda: _is_done(running), within_s=150)
    _stop(running, "metering")
    eventually("the others have taken the last results", lambda: _is_done(running), within_s=150)
    for worker in [worker for worker in running.workers if worker.role != "history"]:
        _stop(running, worker.role)
    eventually("the last results are stored", lambda: _is_done(running), within_s=150)
    _stop(running, "history")

    # The state is moved, once.
    assert "the state of 20 communities is in 8 instead of 4 partitions" in _done(running)
    assert "has been moved already" in _refused(running)
    assert '"unchanged": 2' in _imported(running, "registry", household, **NEW)
    assert '"unchanged": 4' in _imported(running, "prices", prices, **NEW)

    # The new workers go on, with late frames and corrections from before the switch.
    running.variables |= NEW
    running.await_ready([running.start_worker(role) for role in ROLES])
    _send(running, second[len(second) // 2 :], "p8-meter-frames")
    database = running.settings.clickhouse_database
    eventually(
        "the day is in ClickHouse",
        lambda: (
            stored_periods(client, database, truth) >= truth.num_rows
            and compare(client, database, truth).is_equal
        ),
        within_s=120,
        poll_s=1,
    )
