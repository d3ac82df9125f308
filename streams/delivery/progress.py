"""How far a topic's partition is written, and how far a consumer group has read it.

An answer is about the moment of the question: what was there then has been read, whatever has come
since. So nobody who writes all the time keeps the answer away.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import aiokafka
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, KafkaTimeoutError

logger = logging.getLogger(__name__)

_POLL_S: Final = 1.0
_FETCH_WAIT_MS: Final = 200
_FETCHES: Final = 10
"""A broker that gives neither records nor the end for so long is asked again later."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A connection that asks; use `connected`."""

    admin: AIOKafkaAdminClient
    consumer: aiokafka.AIOKafkaConsumer

    @classmethod
    @asynccontextmanager
    async def connected(cls, connection: Mapping[str, Any]) -> AsyncIterator[Self]:
        """Connect for as long as the block lasts.

        Raises:
            KafkaError: If the broker does not answer.
        """
        admin = AIOKafkaAdminClient(**connection)
        # Without a group it takes nobody's partitions.
        consumer = aiokafka.AIOKafkaConsumer(
            **connection,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        try:
            await admin.start()
            await consumer.start()
            # Its first task must have begun before it can be stopped (aiokafka 0.14).
            await asyncio.sleep(0)
            yield cls(admin, consumer)
        finally:
            await consumer.stop()
            await admin.close()

    async def end(self, topic: str, partition: int) -> int:
        """Return where a partition ends.

        Raises:
            KafkaError: If the broker does not say.
        """
        place = TopicPartition(topic, partition)
        self.consumer.assign([place])
        latest = int((await self.consumer.end_offsets([place]))[place])
        self.consumer.seek(place, latest)
        for _ in range(_FETCHES):
            await self.consumer.getmany(place, timeout_ms=_FETCH_WAIT_MS)
            # From the fetch response: the embedded broker's answer to "latest" lies before the end.
            end = self.consumer.highwater(place)
            if end is not None:
                return max(int(end), latest)
        raise KafkaTimeoutError(f"{topic}[{partition}]: no answer to a fetch")

    async def committed(self, group: str, topic: str, partition: int) -> int:
        """Return up to where a group has read a partition; 0 when it has committed nothing."""
        place = TopicPartition(topic, partition)
        # The embedded broker can't be asked for all partitions at once.
        found = await self.admin.list_consumer_group_offsets(group, partitions=[place])
        return max(int(found[place].offset), 0) if place in found else 0

    async def has_records(self, topic: str, partition: int, start: int, end: int) -> bool:
        """Say whether there is a committed record in [start, end), and not only markers.

        True as well when the broker does not say: then nothing is known to be missing or there.
        """
        place = TopicPartition(topic, partition)
        self.consumer.assign([place])
        (first,) = (await self.consumer.beginning_offsets([place])).values()
        self.consumer.seek(place, max(start, int(first)))
        for _ in range(_FETCHES):
            if await self.consumer.position(place) >= end:
                return False
            polled = await self.consumer.getmany(place, timeout_ms=_FETCH_WAIT_MS)
            if any(record.offset < end for record in polled.get(place, ())):
                return True
        return True


Reached = Callable[[], int | None]
"""Up to where something has been read by now; None while it is not known."""


@dataclass(frozen=True, slots=True)
class Source:
    """A partition of a topic whose reader is asked for how far it is."""

    topic: str
    partition: int


async def until_read_by_group(connection: Mapping[str, Any], group: str, source: Source) -> None:
    """Return once a group has committed all that a partition held at the call.

    A broker that does not answer is asked until it does.
    """

    async def is_read(progress: Progress, end: int) -> bool:
        reached = await progress.committed(group, source.topic, source.partition)
        return await _is_at(progress, source, reached, end)

    await _until(connection, source, is_read)


async def until_read(connection: Mapping[str, Any], source: Source, reached: Reached) -> None:
    """Return once all that a partition held at the call has been read, as `reached` says.

    A broker that does not answer is asked until it does.
    """

    async def is_read(progress: Progress, end: int) -> bool:
        now = reached()
        return now is not None and await _is_at(progress, source, now, end)

    await _until(connection, source, is_read)


async def _is_at(progress: Progress, source: Source, reached: int, end: int) -> bool:
    # What is left may be markers of transactions alone, which no reader is given.
    return reached >= end or not await progress.has_records(
        source.topic, source.partition, reached, end
    )


async def _until(
    connection: Mapping[str, Any],
    source: Source,
    is_read: Callable[[Progress, int], Awaitable[bool]],
) -> None:
    end: int | None = None
    while True:
        try:
            async with Progress.connected(connection) as progress:
                if end is None:
                    end = await progress.end(source.topic, source.partition)
                while not await is_read(progress, end):  # noqa: ASYNC110 - nobody would set an event
                    await asyncio.sleep(_POLL_S)
                return
        except (KafkaError, OSError) as error:
            logger.warning(
                "%s[%s]: how far it is read can't be asked, trying again: %s",
                source.topic,
                source.partition,
                error,
            )
        await asyncio.sleep(_POLL_S)
