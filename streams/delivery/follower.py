"""Compacted topics that a worker knows as a whole: read to their end, then followed.

Not Faust's GlobalTable: that keeps a RocksDB copy with each worker, restores it at every rebalance,
and has no way to wait for what was written before a frame (docs/decisions/registry-in-memory.md).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import aiokafka
from aiokafka.errors import KafkaError

logger = logging.getLogger(__name__)

_WAIT_MS: Final = 500
"""A fetch is answered when something is there, or after this: what rarely changes costs little."""
_PAUSE_S: Final = 1.0
_AT_ONCE: Final = 4 << 20

Take = Callable[[str, bytes], None]
"""Given a topic's name and a record's value; what it can't read it says and leaves out."""


class Follower:
    """Reads some topics from their beginning, all partitions, and goes on reading.

    Attributes:
        names: The topics, as they are named on the broker.
    """

    def __init__(self, connection: Mapping[str, Any], names: Sequence[str], take: Take) -> None:
        """Follow topics; `take` gets their records, those of a partition in their order."""
        self.names: Final = tuple(names)
        self._take = take
        # Without a group it has all partitions.
        self._consumer = aiokafka.AIOKafkaConsumer(
            *names,
            **connection,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=_WAIT_MS,
            max_partition_fetch_bytes=_AT_ONCE,
        )
        # A connection of its own: on the other a question waits behind the fetch that waits.
        self._asking = aiokafka.AIOKafkaConsumer(
            *names,
            **connection,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            isolation_level="read_committed",
            fetch_max_wait_ms=_WAIT_MS,
        )
        self._moved = asyncio.Condition()
        self._following: asyncio.Task[None] | None = None

    async def start(self, *, on_end: Callable[["asyncio.Task[None]"], None]) -> None:
        """Begin, and return once everything that is there has been taken.

        Args:
            on_end: Called when the following has ended, by `stop` or by an error of `take`.

        Raises:
            KafkaError: If the broker does not answer.
        """
        await asyncio.gather(self._consumer.start(), self._asking.start())
        self._asking.pause(*self._asking.assignment())
        self._following = asyncio.create_task(self._follow())
        self._following.add_done_callback(on_end)
        await self.catch_up()

    async def stop(self) -> None:
        """End it."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await asyncio.gather(self._consumer.stop(), self._asking.stop())

    async def catch_up(self) -> None:
        """Return once everything has been taken that was written before the call.

        It waits for a broker that is away.
        """
        ends = await self._ends()
        async with self._moved:
            while not await self._is_at(ends):
                await self._moved.wait()

    async def _ends(self) -> dict[aiokafka.TopicPartition, int]:
        while True:
            try:
                ends: dict[aiokafka.TopicPartition, int] = await self._asking.end_offsets(
                    list(self._consumer.assignment())
                )
            except KafkaError as error:
                logger.warning("the end of %s is not known, asking again: %s", self.names, error)
                await asyncio.sleep(_PAUSE_S)
            else:
                return ends

    async def caught_up(self, *, unless: asyncio.Event) -> bool:
        """Catch up, however long the broker takes; return False when an event is set before."""
        catching_up = asyncio.ensure_future(self.catch_up())
        giving_up = asyncio.ensure_future(unless.wait())
        try:
            await asyncio.wait({catching_up, giving_up}, return_when=asyncio.FIRST_COMPLETED)
            if not catching_up.done():
                return False
            await catching_up
            return True
        finally:
            catching_up.cancel()
            giving_up.cancel()

    async def _is_at(self, ends: Mapping[aiokafka.TopicPartition, int]) -> bool:
        positions = [(await self._consumer.position(tp), end) for tp, end in ends.items()]
        return all(position >= end for position, end in positions)

    async def _follow(self) -> None:
        while True:
            try:
                polled = await self._consumer.getmany(timeout_ms=_WAIT_MS)
            except KafkaError as error:
                logger.warning("%s can't be followed, trying again: %s", self.names, error)
                await asyncio.sleep(_PAUSE_S)
                continue
            for tp, records in polled.items():
                for record in records:
                    self._take(tp.topic, record.value or b"")
            async with self._moved:
                self._moved.notify_all()
