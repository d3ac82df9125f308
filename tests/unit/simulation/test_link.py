"""The lock step: a minute is over when everybody has read it and all that came of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiokafka
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.simulation.link import Link, LinkError

PARTITIONS = 2
QUESTIONS, DRAFTS, ANSWERS = "questions", "drafts", "answers"
READS = {"drafting": [QUESTIONS], "answering": [DRAFTS]}

pytestmark = pytest.mark.slow


@asynccontextmanager
async def a_worker(
    broker: str, group: str, *, reads: str, writes: str, takes_s: float
) -> AsyncIterator[None]:
    """Answer each record on another topic, then commit, as the system's workers do."""
    consumer = aiokafka.AIOKafkaConsumer(
        reads,
        bootstrap_servers=broker,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=6_000,
    )
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=broker)
    await consumer.start()
    await producer.start()

    async def work() -> None:
        async for record in consumer:
            await asyncio.sleep(takes_s)
            await producer.send_and_wait(writes, record.value + b"!", key=record.key)
            await consumer.commit()

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await consumer.stop()
        await producer.stop()


async def topics(broker: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await admin.create_topics([NewTopic(t, PARTITIONS, 1) for t in (QUESTIONS, DRAFTS, ANSWERS)])
    await admin.close()


async def test_hears_all_that_comes_of_a_minute_however_long_it_takes(broker: str) -> None:
    await topics(broker)

    async with (
        a_worker(broker, "drafting", reads=QUESTIONS, writes=DRAFTS, takes_s=0.05),
        a_worker(broker, "answering", reads=DRAFTS, writes=ANSWERS, takes_s=0.1),
        Link.connected(
            {"bootstrap_servers": broker},
            reads=READS,
            hears=[DRAFTS, ANSWERS],
            partitions=PARTITIONS,
        ) as link,
    ):
        heard = []
        for minute in range(5):
            await link.tell(QUESTIONS, [(b"%d" % n, b"%d-%d" % (minute, n)) for n in range(4)])
            said = await link.settled()
            heard.append(sorted(value for topic, value in said if topic == ANSWERS))

    assert heard == [[b"%d-%d!!" % (minute, n) for n in range(4)] for minute in range(5)]


async def test_says_who_is_behind_when_nobody_reads(broker: str) -> None:
    await topics(broker)

    async with Link.connected(
        {"bootstrap_servers": broker}, reads=READS, hears=[DRAFTS], partitions=PARTITIONS
    ) as link:
        link.patience_s = 0.5
        await link.tell(QUESTIONS, [(b"1", b"anyone?")])

        with pytest.raises(LinkError, match=r"questions\[[01]\] to 1"):
            await link.settled()


async def test_a_minute_is_over_when_it_is_read_where_nothing_is_listened_to(broker: str) -> None:
    await topics(broker)

    async with (
        a_worker(broker, "drafting", reads=QUESTIONS, writes=DRAFTS, takes_s=0.05),
        Link.connected(
            {"bootstrap_servers": broker},
            reads={"drafting": [QUESTIONS]},
            hears=[],
            partitions=PARTITIONS,
        ) as link,
    ):
        await link.tell(QUESTIONS, [(b"1", b"anyone?")])
        said = await asyncio.wait_for(link.settled(), timeout=30)

    assert said == []
