"""The registry on Apache Kafka: read and written as anywhere, and persons gone from its disk."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.kafka import cluster
from deploy.kafka.cluster import KafkaCluster
from deploy.kafka.properties import Seat, node_properties
from deploy.registry import work
from streams.delivery.clients import connection_of
from streams.delivery.follower import Follower
from streams.domain.registry import Claim, Entry
from streams.settings import Settings
from tests.acceptance.running import eventually
from tests.kafka.availability import require_kafka
from tests.registered import a_community, a_household, a_person

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

NOW = 1_750_000_000_000


def _eager(seat: Seat, seats: Sequence[Seat], *, data: Path) -> dict[str, str]:
    """Return the configuration of a node that does not wait 15 s before it compacts."""
    return node_properties(seat, seats, data=data) | {"log.cleaner.backoff.ms": "500"}


def _segments_with(folder: Path, text: bytes) -> list[Path]:
    found = []
    for path in folder.rglob("registry-persons-*/*"):
        try:
            if text in path.read_bytes():
                found.append(path)
        except FileNotFoundError:
            continue  # dropped meanwhile
    return found


async def test_who_is_erased_is_gone_from_the_broker_s_disk_and_their_neighbours_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_kafka()
    monkeypatch.setattr(cluster, "node_properties", _eager)
    people = [a_person(f"p{number}", name=f"Person {number} of many") for number in range(20)]
    entries: list[Entry] = [*people, a_community(), a_household(customer_id="p7")]
    claims = [Claim(line, entry) for line, entry in enumerate(entries, start=1)]
    with KafkaCluster(tmp_path) as kafka:
        settings = Settings(broker=kafka.bootstrap)

        first = await work.register_claims(settings, claims, now_ms=NOW)
        again = await work.register_claims(settings, claims, now_ms=NOW)
        assert (first.added, again.entries, again.unchanged) == (22, [], 22)
        assert _segments_with(tmp_path, b"Person 7 of many")

        assert await work.erase_person(settings, "p7", now_ms=NOW)
        assert not await work.erase_person(settings, "p7", now_ms=NOW)

        eventually(
            "no segment has the person",
            lambda: not _segments_with(tmp_path, b"Person 7 of many"),
        )
        assert all(
            _segments_with(tmp_path, f"Person {number} of many".encode())
            for number in range(20)
            if number != 7
        )
        known = await work.registered(settings, personal=True)
        assert len(known) == 22


async def test_a_follower_waits_for_a_broker_that_is_away_and_misses_nothing(
    tmp_path: Path,
) -> None:
    require_kafka()
    taken: list[bytes] = []
    with KafkaCluster(tmp_path) as kafka:
        settings = Settings(broker=kafka.bootstrap)
        await work.register_claims(settings, [Claim(1, a_community())], now_ms=NOW)
        follower = Follower(
            connection_of(settings), ["registry-communities"], lambda _, value: taken.append(value)
        )
        await follower.start(on_end=lambda _: None)
        assert len(taken) == 1
        (node,) = kafka.nodes

        node.kill()
        waiting = asyncio.create_task(follower.catch_up())
        await asyncio.wait([waiting], timeout=3)
        assert not waiting.done()
        node.start()
        kafka.await_ready()
        await waiting
        await work.register_claims(settings, [Claim(1, a_community("c2"))], now_ms=NOW)
        await follower.catch_up()
        await follower.stop()

    assert len(taken) == 2
