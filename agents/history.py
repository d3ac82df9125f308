"""Shell around `sinks.clickhouse`: what metering tells the world, into ClickHouse.

Every topic has its own agent and its own waiting: large batches from many polls, inserted, then
acknowledged. ClickHouse may be away for hours; nothing is acknowledged until it has the rows.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from faust.types import StreamT
from prometheus_client import Counter

from sinks.clickhouse.community_minute_rows import community_minute_rows
from sinks.clickhouse.household_rows import household_rows
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.rejection_rows import rejection_rows
from sinks.clickhouse.rows import Decoded
from streams import topics
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.settings import Settings

logger = logging.getLogger(__name__)

MALFORMED = Counter(
    "smatrix_history_malformed_messages",
    "Messages that are no rows; left in their topic.",
    ["topic"],
)

Decode = Callable[[Sequence[bytes | None]], Decoded]

_TOPICS: Final[tuple[tuple[topics.Topic, Decode], ...]] = (
    (topics.HOUSEHOLD_INTERVALS, household_rows),
    (topics.COMMUNITY_MINUTES, community_minute_rows),
    (topics.REJECTED_READINGS, rejection_rows),
)


@dataclass(slots=True)
class _Pending:
    """Batches that wait to be inserted together."""

    since: float = 0.0
    batches: list[Batch] = field(default_factory=list)

    def add(self, batch: Batch, *, now: float) -> None:
        """Take a further batch."""
        if not self.batches:
            self.since = now
        self.batches.append(batch)

    @property
    def messages(self) -> int:
        """How many messages wait."""
        return sum(len(batch.records) for batch in self.batches)


def attach(app: App, settings: Settings) -> None:
    """Declare an agent for each topic that history keeps."""
    history = _History(app, settings, Sink(settings))
    app.obstacles.append(history.obstacle)
    app.task(history.connection)
    for topic, decode in _TOPICS:
        history.attach_agent(topic, decode)


@dataclass(slots=True)
class _History:
    """What the agents of the topics share."""

    app: App
    settings: Settings
    sink: Sink
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def obstacle(self) -> str | None:
        """Say that ClickHouse is what history waits for; None when it does not."""
        is_there = self.ready.is_set() and not self.sink.waiting
        return None if is_there else f"ClickHouse at {self.settings.clickhouse_url}"

    async def connection(self) -> None:
        """Bring the database to our schema, let the agents insert, and close at the end."""
        try:
            await self.sink.start()
            self.ready.set()
            await asyncio.Event().wait()
        finally:
            await self.sink.close()

    def attach_agent(self, topic: topics.Topic, decode: Decode) -> None:
        """Declare the agent of one topic."""
        linger_s = self.settings.history_linger.total_seconds()
        enough = self.settings.history_batch_messages

        @self.app.agent(self.app.bytes_topic(topic.name), name=topic.name)
        async def keep(stream: StreamT[Any]) -> None:
            """Insert a topic's messages into ClickHouse."""
            clock = asyncio.get_running_loop().time
            pending = _Pending()
            async for batch in batches(stream):
                if pending.batches and pending.batches[0].assignment != batch.assignment:
                    pending = _Pending()
                pending.add(batch, now=clock())
                if pending.messages < enough and clock() - pending.since < linger_s:
                    continue
                stored = await _unless_revoked(self.app, self._insert(topic, decode, pending))
                for done in pending.batches:
                    if stored:
                        done.acknowledge()
                    else:
                        done.abandon()
                pending = _Pending()

    async def _insert(self, topic: topics.Topic, decode: Decode, pending: _Pending) -> None:
        await self.ready.wait()
        records = [record for batch in pending.batches for record in batch.records]
        decoded = await asyncio.to_thread(decode, [record.value for record in records])
        for malformed in decoded.malformed:
            MALFORMED.labels(topic.name).inc()
            record = records[malformed.index]
            logger.error(
                "%s[%s] at offset %s is left out: %s",
                topic.name,
                record.partition,
                record.offset,
                malformed.reason,
            )
        for rows in decoded.batches:
            await self.sink.insert(rows)


async def _unless_revoked(app: App, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work; give it up, and say so, when the partitions are taken away meanwhile."""
    doing = asyncio.ensure_future(work)
    revoking = asyncio.ensure_future(app.revoking.wait())
    try:
        await asyncio.wait({doing, revoking}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            return False
        doing.result()
        return True
    finally:
        revoking.cancel()
        if not doing.done():
            doing.cancel()
            await asyncio.wait({doing})
