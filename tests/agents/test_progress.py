"""How far a partition is read, asked of a real broker."""

import asyncio

import aiokafka
import pytest
from aiokafka import TopicPartition

from streams.delivery.progress import Source, until_read, until_read_by_group
from streams.topics import ensure_topics
from tests.agents.counting import send

pytestmark = pytest.mark.slow

MESSAGES = {b"key-%03d" % number: b"%d" % number for number in range(50)}
A_WHILE_S = 3.0
ENOUGH_S = 20.0


async def commit(broker: str, topic: str, group: str, offset: int) -> None:
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=broker, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        await consumer.commit({place: offset})
    finally:
        await consumer.stop()


async def a_topic(broker: str, prefix: str) -> str:
    await ensure_topics(broker, partitions=1, replication=1, prefix=prefix)
    return prefix + "community-minutes"


async def test_what_a_group_has_not_committed_is_not_read_until_it_has(broker: str) -> None:
    topic = await a_topic(broker, "committed.")
    await send(broker, topic, MESSAGES)
    await commit(broker, topic, "group", len(MESSAGES) - 10)

    reading = asyncio.create_task(
        until_read_by_group({"bootstrap_servers": [broker]}, "group", Source(topic, 0))
    )
    done, _ = await asyncio.wait({reading}, timeout=A_WHILE_S)
    assert not done

    await commit(broker, topic, "group", len(MESSAGES))
    await asyncio.wait_for(reading, ENOUGH_S)


async def test_a_group_that_reads_what_has_never_held_anything_has_read_it(broker: str) -> None:
    topic = await a_topic(broker, "empty.")

    reading = until_read_by_group({"bootstrap_servers": [broker]}, "nobody", Source(topic, 0))

    await asyncio.wait_for(reading, ENOUGH_S)


async def test_what_comes_after_the_question_is_not_waited_for(broker: str) -> None:
    topic = await a_topic(broker, "asked.")
    await send(broker, topic, MESSAGES)
    reached: list[int | None] = [None]
    source = Source(topic, 0)

    reading = asyncio.create_task(
        until_read({"bootstrap_servers": [broker]}, source, lambda: reached[0])
    )
    done, _ = await asyncio.wait({reading}, timeout=A_WHILE_S)
    assert not done
    await send(broker, topic, {b"later": b"1"})
    reached[0] = len(MESSAGES)

    await asyncio.wait_for(reading, ENOUGH_S)
