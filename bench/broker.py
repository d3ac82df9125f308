"""What the benchmark asks of Apache Kafka: topics, ends, and how far a group has come."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code

from deploy.kafka.cluster import KafkaCluster

PARTITIONS: Final = 4
_DELETE_S: Final = 30.0
_LEAVE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Broker:
    """An open admin client, the address it was made for, and the broker's process."""

    bootstrap: str
    admin: AIOKafkaAdminClient
    pid: int

    async def topics(self) -> set[str]:
        """Return the names of all topics that are not Kafka's own."""
        return {name for name in await self.admin.list_topics() if not name.startswith("__")}

    async def create(
        self, name: str, *, partitions: int = PARTITIONS, config: dict[str, str] | None = None
    ) -> None:
        """Create a topic with one replica.

        Raises:
            KafkaError: If the broker refuses.
        """
        topic = NewTopic(
            name=name, num_partitions=partitions, replication_factor=1, topic_configs=config or {}
        )
        response = await self.admin.create_topics([topic])
        for _, code, *message in response.topic_errors:
            if code:
                raise for_code(code)(f"creating topic {name}: {message}")

    async def delete(self, names: Sequence[str]) -> None:
        """Delete topics, and wait until they are gone."""
        if not names:
            return
        await self.admin.delete_topics(list(names))
        async with asyncio.timeout(_DELETE_S):
            while set(names) & await self.topics():
                await asyncio.sleep(0.05)

    async def ends(self, topic: str) -> dict[TopicPartition, int]:
        """Return the end offset of each partition of a topic."""
        async with self.consumer() as consumer:
            ends: dict[TopicPartition, int] = await consumer.end_offsets(
                await _partitions(consumer, topic)
            )
            return ends

    async def committed(
        self, group: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Return how far a group has committed; partitions without a commit count as 0."""
        found = await self.admin.list_consumer_group_offsets(group, partitions=list(partitions))
        return {tp: max(offset.offset, 0) for tp, offset in found.items()}

    async def rewind(self, group: str, topic: str) -> None:
        """Let a group without members begin a topic anew."""
        async with self.consumer(group=group) as consumer, asyncio.timeout(_LEAVE_S):
            partitions = await _partitions(consumer, topic)
            consumer.assign(partitions)
            while True:
                try:
                    await consumer.commit(dict.fromkeys(partitions, 0))
                except KafkaError:  # a member that was killed is counted until its session ends
                    await asyncio.sleep(0.2)
                else:
                    return

    async def values(self, topic: str) -> list[bytes]:
        """Return all committed values of a topic, each partition in its order."""
        values: list[bytes] = []
        async with self.consumer(isolation_level="read_committed") as consumer:
            partitions = await _partitions(consumer, topic)
            ends = await consumer.end_offsets(partitions)
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    values += [record.value for record in records if record.value is not None]
        return values

    @asynccontextmanager
    async def consumer(
        self, *, group: str | None = None, isolation_level: str = "read_uncommitted"
    ) -> AsyncIterator[AIOKafkaConsumer]:
        """Return a started consumer without a subscription."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            group_id=group,
            enable_auto_commit=False,
            isolation_level=isolation_level,
            fetch_max_wait_ms=50,
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()


@asynccontextmanager
async def running_broker(folder: Path) -> AsyncIterator[Broker]:
    """Start Apache Kafka with nothing in it; end it, and delete its folder.

    Raises:
        ConfigurationError: If Java or Maven is missing.
    """
    # It tells every group that it had to ask twice for its coordinator.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with KafkaCluster(folder) as kafka:
            admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
            await admin.start()
            try:
                yield Broker(kafka.bootstrap, admin, kafka.nodes[0].child.process.pid)
            finally:
                await admin.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    # A topic that nobody asked for yet is not in a new client's metadata.
    await consumer._client.add_topic(topic)  # noqa: SLF001 - as subscribe() does
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise KafkaError(f"topic {topic} is not there")
    return [TopicPartition(topic, number) for number in sorted(numbers)]
