"""What is asked of the broker: topics, groups, and records up to the end."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.repartition.layouts import RepartitionError
from streams.delivery.pipeline import MAX_BATCH_BYTES, MAX_REQUEST_BYTES

_POLL_MS: Final = 200
_STALLED_AFTER_S: Final = 60.0
_COMMITTED: Final = {
    "enable_auto_commit": False,
    "auto_offset_reset": "none",
    "isolation_level": "read_committed",
    "fetch_max_wait_ms": _POLL_MS,
    "max_partition_fetch_bytes": 4 << 20,
}

Records = list[ConsumerRecord[bytes, bytes | None]]


@dataclass(slots=True)
class Broker:
    """A connection to the broker; use `connected`."""

    connection: Mapping[str, Any]
    admin: AIOKafkaAdminClient
    producer: AIOKafkaProducer

    @classmethod
    @asynccontextmanager
    async def connected(cls, connection: Mapping[str, Any]) -> AsyncIterator[Self]:
        """Connect for as long as the block lasts.

        Raises:
            KafkaError: If the broker does not answer.
        """
        admin = AIOKafkaAdminClient(**connection)
        producer = AIOKafkaProducer(
            **connection,
            acks="all",
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
        )
        try:
            await admin.start()
            await producer.start()
            yield cls(connection, admin, producer)
        finally:
            await producer.stop()
            await admin.close()

    async def topics(self) -> dict[str, int]:
        """Return how many partitions each topic has."""
        described = await self.admin.describe_topics()
        return {topic["topic"]: len(topic["partitions"]) for topic in described}

    async def members(self, group: str) -> int:
        """Return how many consumers are in a group.

        The embedded broker keeps those that have left, and says no host of any: they don't count.
        """
        (answer,) = await self.admin.describe_consumer_groups([group])
        ((_, _, _, _, _, members, *_),) = answer.groups
        return sum(1 for _, _, host, *_ in members if host)

    async def committed(self, group: str, topic: str, partitions: int) -> dict[int, int]:
        """Return up to where a group has read a topic, by partition, where it has committed."""
        found = await self.admin.list_consumer_group_offsets(
            group, partitions=[TopicPartition(topic, number) for number in range(partitions)]
        )
        return {tp.partition: at.offset for tp, at in found.items() if at.offset > 0}

    async def read(
        self, topic: str, partitions: int, *, starts: Mapping[int, int] | None = None
    ) -> AsyncGenerator[Records, None]:
        """Yield a topic's committed records up to its end, those of a partition in their order.

        Args:
            topic: Which topic.
            partitions: How many it has.
            starts: Offsets to begin at, by partition; where none is given, the first there is.

        Raises:
            RepartitionError: If the broker gives no more before the end.
        """
        consumer = AIOKafkaConsumer(**self.connection, **_COMMITTED)
        await consumer.start()
        try:
            waiting = {TopicPartition(topic, number) for number in range(partitions)}
            consumer.assign(list(waiting))
            for partition, first in (await consumer.beginning_offsets(list(waiting))).items():
                start = (starts or {}).get(partition.partition, 0)
                consumer.seek(partition, max(first, start))
            moved_at = time.monotonic()
            while waiting:
                polled = await consumer.getmany(*waiting, timeout_ms=_POLL_MS)
                for records in polled.values():
                    yield records
                for partition in list(waiting):
                    # From the fetch response: an answer to "latest" may lie before the end.
                    end = consumer.highwater(partition)
                    if end is not None and await consumer.position(partition) >= end:
                        waiting.discard(partition)
                        moved_at = time.monotonic()
                if polled:
                    moved_at = time.monotonic()
                elif time.monotonic() - moved_at > _STALLED_AFTER_S:
                    raise RepartitionError(
                        f"the broker gives no more of {topic}, and it is not at its end; look at "
                        f"the broker"
                    )
        finally:
            await consumer.stop()
