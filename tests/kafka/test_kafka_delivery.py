"""Delivery in transactions, on a topic that two agents read."""

import asyncio
from pathlib import Path

import pytest

from deploy.kafka.cluster import KafkaCluster
from streams.delivery.transactional import TransactionalDelivery
from tests.agents.counting import TwoReaders, committed, send

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

MANY = {b"key-%03d" % number: b"%d" % number for number in range(300)}


async def test_the_offset_is_in_the_transaction_of_the_agent_that_is_done_last(
    kafka: KafkaCluster, tmp_path: Path
) -> None:
    readers = TwoReaders(kafka.bootstrap, tmp_path, name="last")
    readers.app.delivery = TransactionalDelivery(readers.app)

    async with readers.running():
        await send(kafka.bootstrap, readers.source, MANY)
        while len(readers.seen) < len(MANY):
            await asyncio.sleep(0.05)
        await readers.app.delivery.durable(0)
        # What a transaction commits of a group is seen a moment after it has ended.
        await asyncio.sleep(1)
        stored, before = readers.stored(0), await committed(kafka.bootstrap, "last", readers.source)
        readers.may_go_on.set()
        while len(readers.slow) < len(MANY) or readers.app.consumer.unacked:
            await asyncio.sleep(0.05)

    assert stored == MANY
    assert before == 0
    assert await committed(kafka.bootstrap, "last", readers.source) == len(MANY)
