import asyncio

import pytest

from streams.delivery.follower import Follower
from streams.topics import ensure_topics
from tests.agents.counting import send

pytestmark = pytest.mark.slow

FIRST = {b"key-%03d" % number: b"%d" % number for number in range(300)}
TOPICS = ("registry-communities", "registry-households")


def ended(task: "asyncio.Task[None]") -> None:
    assert task.cancelled()


async def test_a_follower_has_taken_all_there_is_before_it_starts_and_catches_up_when_asked(
    broker: str,
) -> None:
    await ensure_topics(broker, partitions=3, replication=1, prefix="followed.")
    names = ["followed." + name for name in TOPICS]
    await send(broker, names[0], FIRST)
    taken: list[tuple[str, bytes]] = []
    follower = Follower(
        {"bootstrap_servers": [broker]}, names, lambda name, value: taken.append((name, value))
    )

    await follower.start(on_end=ended)
    at_start = list(taken)
    await send(broker, names[1], {b"later": b"1"})
    await follower.catch_up()
    await follower.stop()

    assert at_start == [(names[0], value) for value in FIRST.values()]
    assert taken[len(at_start) :] == [(names[1], b"1")]


async def test_catching_up_ends_at_once_when_nobody_waits_for_it_any_more(broker: str) -> None:
    await ensure_topics(broker, partitions=3, replication=1, prefix="given-up.")
    follower = Follower({"bootstrap_servers": [broker]}, ["given-up." + TOPICS[0]], lambda *_: None)
    given_up = asyncio.Event()
    await follower.start(on_end=ended)

    caught_up = await follower.caught_up(unless=given_up)
    given_up.set()
    again = await follower.caught_up(unless=given_up)
    await follower.stop()

    assert (caught_up, again) == (True, False)
