"""The way between a simulated grid and a running system, minute by minute, through Kafka alone.

In lock step: a minute is over when the workers have read all of it, and all that came of it. The
proof needs two looks, in this order: up to where each group has committed, and then where its
topics end. A group commits what it read after it has written what came of that. So where each
commit reaches the end that was seen after it, nothing was under way then, and nothing more comes
of the minute.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

import aiokafka
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.errors import OperatorError
from streams import clock

PATIENCE_S: Final = 180.0
_FETCH_WAIT_MS: Final = 20
_POLL_S: Final = 0.01
_LONGEST_POLL_S: Final = 0.1
"""To ask costs the processors that the answer waits for: the longer it takes, the less often."""

Ends = dict[TopicPartition, int]


class LinkError(OperatorError):
    """The system did not answer a minute; the text is one line that says who is behind."""


class Said(NamedTuple):
    """A record that the system has written."""

    topic: str
    value: bytes


@dataclass
class Link:
    """A connection to a running system; use `connected`.

    Attributes:
        reads: What each consumer group reads, of what is told here or heard here.
        hears: The topics that the system writes and that are listened to.
        patience_s: How long a minute may take.
    """

    producer: aiokafka.AIOKafkaProducer
    consumer: aiokafka.AIOKafkaConsumer
    admin: AIOKafkaAdminClient
    reads: Mapping[str, Sequence[str]]
    hears: tuple[TopicPartition, ...]
    patience_s: float = PATIENCE_S
    _ends: Ends = field(default_factory=dict)
    _under_way: list["asyncio.Future[Any]"] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def connected(
        cls,
        connection: Mapping[str, Any],
        *,
        reads: Mapping[str, Sequence[str]],
        hears: Sequence[str],
        partitions: int,
    ) -> AsyncIterator[Self]:
        """Connect for as long as the block lasts.

        Raises:
            KafkaError: If the broker does not answer.
        """
        producer = aiokafka.AIOKafkaProducer(**connection, acks="all", linger_ms=5)
        consumer = aiokafka.AIOKafkaConsumer(
            **connection,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        admin = AIOKafkaAdminClient(**connection)
        places = tuple(TopicPartition(topic, n) for topic in hears for n in range(partitions))
        try:
            await admin.start()
            await producer.start()
            await consumer.start()
            # Its first task must have begun before it can be stopped (aiokafka 0.14).
            await asyncio.sleep(0)
            if places:
                consumer.assign(places)
                consumer.pause(*places)
            yield cls(producer, consumer, admin, reads, places)
        finally:
            await consumer.stop()
            await producer.stop()
            await admin.close()

    async def tell(self, topic: str, messages: Iterable[tuple[bytes, bytes]]) -> None:
        """Send keys and values; `settled` waits until the broker has them."""
        self._under_way += [
            await self.producer.send(topic, key=key, value=value) for key, value in messages
        ]

    async def settled(self) -> list[Said]:
        """Return what the system has written since the last call, once it has nothing more to say.

        Raises:
            LinkError: If it does not get there in time.
            KafkaError: If the broker refuses what was told.
        """
        await self._acknowledged()
        heard: list[Said] = []
        deadline = time.monotonic() + self.patience_s
        pause_s = _POLL_S
        while True:
            committed = await self._committed()
            # Listening costs the broker: it can wait while what is known has not been read.
            if not self._behind(committed):
                heard += await self._listened()
            behind = self._behind(committed)
            if not behind:
                return heard
            if time.monotonic() > deadline:
                words = ", ".join(
                    f"{place.topic}[{place.partition}] to {end}"
                    for place, end in sorted(behind.items())
                )
                raise LinkError(f"not read within {self.patience_s:.0f} s: {words}")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _LONGEST_POLL_S)

    async def _acknowledged(self) -> None:
        for sent in await asyncio.gather(*self._under_way):
            self._note(TopicPartition(sent.topic, sent.partition), sent.offset)
        self._under_way.clear()

    def _behind(self, committed: Mapping[tuple[str, TopicPartition], int]) -> Ends:
        """Return the ends that some group has not committed up to."""
        return {
            place: end
            for place, end in self._ends.items()
            if any(
                committed.get((group, place), 0) < end
                for group, topics in self.reads.items()
                if place.topic in topics
            )
        }

    def _note(self, place: TopicPartition, offset: int) -> None:
        self._ends[place] = max(self._ends.get(place, 0), offset + 1)

    async def _committed(self) -> dict[tuple[str, TopicPartition], int]:
        """Return up to where each group has committed what it reads, where there is something."""
        reached: dict[tuple[str, TopicPartition], int] = {}
        for group, topics in self.reads.items():
            places = [place for place in self._ends if place.topic in topics]
            if places:
                found = await self.admin.list_consumer_group_offsets(group, partitions=places)
                reached |= {
                    (group, place): found[place].offset if place in found else -1
                    for place in places
                }
        return reached

    async def _listened(self) -> list[Said]:
        """Return all that was there when this was asked, and perhaps a little more."""
        heard: list[Said] = []
        if not self.hears:
            # A consumer without partitions waits for some, however short it may.
            return heard
        self.consumer.resume(*self.hears)
        # An answer that came in after now may have left before it; the one after that did not.
        for _ in range(2):
            since = clock.epoch_now() * 1000
            while any(self._heard_at(place) <= since for place in self.hears):
                heard += await self._polled(_FETCH_WAIT_MS)
        # What came with the last answers is still in the client.
        while more := await self._polled(0):
            heard += more
        self.consumer.pause(*self.hears)
        return heard

    async def _polled(self, timeout_ms: int) -> list[Said]:
        polled = await self.consumer.getmany(timeout_ms=timeout_ms)
        for place, records in polled.items():
            self._note(place, records[-1].offset)
        return [
            Said(place.topic, record.value)
            for place, records in polled.items()
            for record in records
        ]

    def _heard_at(self, place: TopicPartition) -> float:
        return float(self.consumer.last_poll_timestamp(place) or 0)
