"""A small app on the delivery of batches: it keeps each key's last value in a table."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiokafka
from faust import Table
from faust.types import StreamT

from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Effects
from streams.topics import ensure_topics

SOURCE = "numbers"


class Counting:
    """The app, and what it has seen."""

    def __init__(self, broker: str, folder: Path, *, name: str) -> None:
        self.app = App(name, broker=broker, data_dir=folder, partitions=2, replication=1)
        self.source = f"{name}-{SOURCE}"
        self.table: Table[bytes, bytes] = self.app.bytes_table("last")
        self.seen: list[tuple[int, int]] = []
        self.abandons = False
        self.app.agent(self.app.bytes_topic(self.source), name="keep")(self.keep)

    async def keep(self, stream: StreamT[Any]) -> None:
        """Remember each record's value under its key."""
        async for batch in batches(stream):
            self.seen += [(batch.partition, record.offset) for record in batch.records]
            if self.abandons:
                batch.abandon()
                continue
            await self.app.delivery.commit(batch, self.effects_of(batch))

    def effects_of(self, batch: Batch) -> Effects:
        return Effects(
            changes={self.table: {record.key or b"": record.value for record in batch.records}},
            outputs={f"{self.source}-out": [(r.key, r.value or b"") for r in batch.records]},
        )

    def stored(self, partition: int) -> dict[bytes, bytes]:
        database = cast("Any", self.table.data)._db_for_partition(partition)
        return {key: value for key, value in database.items() if not key.startswith(b"__faust\0")}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Counting"]:
        changelog = self.table.changelog_topic.get_topic_name()
        await ensure_topics(
            self.app.conf.broker[0].authority,
            partitions=2,
            replication=1,
            changelogs=(changelog, self.source, f"{self.source}-out"),
        )
        self.app.finalize()
        await self.app.start()
        try:
            while self.app.rebalancing or self.app.in_recovery:
                await asyncio.sleep(0.05)
            while not self.app.tables.actives_ready:
                await asyncio.sleep(0.05)
            yield self
        finally:
            self.app.revoking.set()
            await self.app.stop()


class TwoReaders(Counting):
    """A second agent reads the same topic, and lingers over its first batch until it may go on."""

    def __init__(self, broker: str, folder: Path, *, name: str) -> None:
        super().__init__(broker, folder, name=name)
        self.may_go_on = asyncio.Event()
        self.slow: list[int] = []
        self.app.agent(self.app.bytes_topic(self.source), name="linger")(self.linger)

    async def linger(self, stream: StreamT[Any]) -> None:
        async for batch in batches(stream):
            if batch.records:
                await self.may_go_on.wait()
            self.slow += [record.offset for record in batch.records]
            await self.app.delivery.commit(batch, Effects())


async def send(broker: str, topic: str, values: dict[bytes, bytes], *, partition: int = 0) -> None:
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=broker, linger_ms=50)
    await producer.start()
    try:
        sent = [
            await producer.send(topic, key=key, value=value, partition=partition)
            for key, value in values.items()
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def committed(broker: str, group: str, topic: str, *, partition: int = 0) -> int:
    """Return the group's offset; 0 when it has committed none."""
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=broker, group_id=group)
    await consumer.start()
    try:
        return await consumer.committed(aiokafka.TopicPartition(topic, partition)) or 0
    finally:
        await consumer.stop()


async def keys_in(broker: str, topic: str, *, partition: int) -> list[bytes]:
    """Return the keys in a partition, in their order."""
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([aiokafka.TopicPartition(topic, partition)])
        keys: list[bytes] = []
        while polled := await consumer.getmany(timeout_ms=2_000):
            keys += [record.key for records in polled.values() for record in records]
        return keys
    finally:
        await consumer.stop()
