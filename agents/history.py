"""Shell around `sinks.clickhouse`: what metering tells the world, into ClickHouse.

Every topic has its own agent and its own waiting: large batches from many polls, inserted, then
acknowledged. ClickHouse may be away for hours; nothing is acknowledged until it has the rows.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
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
    sink = Sink(settings)
    ready = asyncio.Event()

    @app.task
    async def connection() -> None:
        """Bring the database to our schema, let the agents insert, and close at the end."""
        try:
            await sink.start()
            ready.set()
            await asyncio.Event().wait()
        finally:
            await sink.close()

    def obstacle() -> str | None:
        is_there = ready.is_set() and not sink.waiting
        return None if is_there else f"ClickHouse at {settings.clickhouse_url}"

    app.obstacles.append(obstacle)
    for topic, decode in _TOPICS:
        _attach(app, settings, sink, ready, topic, decode)


def _attach(
    app: App,
    settings: Settings,
    sink: Sink,
    ready: asyncio.Event,
    topic: topics.Topic,
    decode: Decode,
) -> None:
    linger_s = settings.history_linger.total_seconds()

    @app.agent(app.bytes_topic(topic.name), name=topic.name)
    async def keep(stream: StreamT[Any]) -> None:
        """Insert a topic's messages into ClickHouse."""
        clock = asyncio.get_running_loop().time
        pending = _Pending()
        async for batch in batches(stream):
            if pending.batches and pending.batches[0].generation_id != batch.generation_id:
                pending = _Pending()
            pending.add(batch, now=clock())
            if (
                pending.messages < settings.history_batch_messages
                and clock() - pending.since < linger_s
            ):
                continue
            stored = await _unless_revoked(app, _insert(sink, ready, topic, decode, pending))
            for done in pending.batches:
                if stored:
                    done.acknowledge()
                else:
                    done.abandon()
            pending = _Pending()


async def _insert(
    sink: Sink, ready: asyncio.Event, topic: topics.Topic, decode: Decode, pending: _Pending
) -> None:
    await ready.wait()
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
        await sink.insert(rows)


async def _unless_revoked(app: App, work: Any) -> bool:
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
