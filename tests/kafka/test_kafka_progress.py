"""How far a partition is read that transactions write, asked of Apache Kafka."""

import asyncio

import aiokafka
import pytest

from deploy.kafka.cluster import KafkaCluster
from streams.delivery.progress import Source, until_read
from streams.topics import ensure_topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

MESSAGES = 5
ENOUGH_S = 20.0
A_WHILE_S = 3.0


async def test_the_marker_of_a_transaction_is_no_record_that_is_missing(
    kafka: KafkaCluster,
) -> None:
    await ensure_topics(kafka.bootstrap, partitions=1, replication=1, prefix="marked.")
    topic = "marked.community-minutes"
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id="marking"
    )
    await producer.start()
    try:
        async with producer.transaction():
            for number in range(MESSAGES):
                await producer.send_and_wait(topic, b"%d" % number, partition=0)
    finally:
        await producer.stop()
    reached: list[int] = [MESSAGES - 1]

    reading = asyncio.create_task(
        until_read({"bootstrap_servers": kafka.bootstrap}, Source(topic, 0), lambda: reached[0])
    )
    done, _ = await asyncio.wait({reading}, timeout=A_WHILE_S)
    assert not done
    # The marker lies behind the last record, and who reads records never gets to its end.
    reached[0] = MESSAGES
    await asyncio.wait_for(reading, ENOUGH_S)
