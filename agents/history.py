"""Shell around `sinks.clickhouse`: what the workers tell and what is registered, into ClickHouse.

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

from sinks.clickhouse.autarky_rows import autarky_change_rows, autarky_interval_rows
from sinks.clickhouse.battery_rows import battery_directive_rows, price_rows
from sinks.clickhouse.community_minute_rows import community_minute_rows
from sinks.clickhouse.edit_rows import edited_reading_rows
from sinks.clickhouse.ev_charging_rows import (
    charge_directive_rows,
    charge_plan_rows,
    charge_promise_rows,
    rejected_session_rows,
)
from sinks.clickhouse.household_rows import household_rows
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.malfunction_rows import malfunction_rows
from sinks.clickhouse.notification_rows import notification_state_rows
from sinks.clickhouse.production_rows import (
    grid_minute_rows,
    plant_minute_rows,
    production_order_rows,
    production_plan_rows,
    shed_order_rows,
)
from sinks.clickhouse.registry_rows import (
    registered_community_rows,
    registered_household_rows,
    registered_person_rows,
    registered_plant_rows,
    registered_technician_rows,
)
from sinks.clickhouse.regulation_rows import (
    directive_ack_rows,
    regulation_minute_rows,
    switch_directive_rows,
)
from sinks.clickhouse.rejection_rows import rejection_rows
from sinks.clickhouse.rows import Decoded
from sinks.clickhouse.validation_rows import reading_verdict_rows, validated_interval_rows
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
    (topics.READING_EDITS, edited_reading_rows),
    (topics.VALIDATED_INTERVALS, validated_interval_rows),
    (topics.READING_VERDICTS, reading_verdict_rows),
    (topics.AUTARKY_INTERVALS, autarky_interval_rows),
    (topics.AUTARKY_CHANGES, autarky_change_rows),
    (topics.MALFUNCTIONS, malfunction_rows),
    (topics.GRID_MINUTES, grid_minute_rows),
    (topics.PLANT_MINUTES, plant_minute_rows),
    (topics.PRODUCTION_ORDERS, production_order_rows),
    (topics.PRODUCTION_PLANS, production_plan_rows),
    (topics.SHED_ORDERS, shed_order_rows),
    (topics.NOTIFICATION_STATES, notification_state_rows),
    (topics.SWITCH_DIRECTIVES, switch_directive_rows),
    (topics.DIRECTIVE_ACKS, directive_ack_rows),
    (topics.REGULATION_MINUTES, regulation_minute_rows),
    (topics.PRICES, price_rows),
    (topics.BATTERY_DIRECTIVES, battery_directive_rows),
    (topics.CHARGE_DIRECTIVES, charge_directive_rows),
    (topics.CHARGE_PROMISES, charge_promise_rows),
    (topics.CHARGE_PLANS, charge_plan_rows),
    (topics.REJECTED_EV_SESSIONS, rejected_session_rows),
    (topics.REGISTRY_COMMUNITIES, registered_community_rows),
    (topics.REGISTRY_HOUSEHOLDS, registered_household_rows),
    (topics.REGISTRY_PLANTS, registered_plant_rows),
    (topics.REGISTRY_TECHNICIANS, registered_technician_rows),
    (topics.REGISTRY_PERSONS, registered_person_rows),
)


def attach(app: App, settings: Settings) -> None:
    """Declare an agent for each topic that history keeps."""
    history = _History(app, settings, Sink(settings))
    app.obstacles.append(history.obstacle)
    app.task(history.connection)
    for topic, decode in _TOPICS:
        MALFORMED.labels(topic.name)  # 0, so that the first one is seen as growth
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

        @self.app.agent(self.app.bytes_topic(topic.name), name=topic.name)
        async def keep(stream: StreamT[Any]) -> None:
            """Insert a topic's messages into ClickHouse."""
            keeper = _Keeper(self, topic, decode)
            inserting = asyncio.create_task(keeper.insert_forever())
            inserting.add_done_callback(self.app.crash_on_failure)
            try:
                async for batch in batches(stream):
                    await keeper.take(batch)
            finally:
                inserting.cancel()


@dataclass(slots=True)
class _Keeper:
    """Gathers a topic's batches and inserts them together, while more of them come.

    It never waits for a further batch: one that is held while partitions are taken away is let
    go at once, and would otherwise hold up the rebalance.
    """

    history: _History
    topic: topics.Topic
    decode: Decode
    held: list[Batch] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    has_room: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, batch: Batch) -> None:
        """Hold a further batch; wait while one insert and enough for the next are there."""
        if self.held and self.held[0].assignment != batch.assignment:
            self._let_go(self.held)
            self.held = []
        self.held.append(batch)
        self.arrived.set()
        if sum(len(held.records) for held in self.held) >= self._enough_messages:
            self.enough.set()
            self.has_room.clear()
            await _first_of(self.has_room.wait(), self.history.app.revoking.wait())

    async def insert_forever(self) -> None:
        """Insert what is held, once it is enough or has waited long enough."""
        app, linger_s = self.history.app, self.history.settings.history_linger.total_seconds()
        while True:
            await self.arrived.wait()
            await _first_of(self.enough.wait(), app.revoking.wait(), asyncio.sleep(linger_s))
            taken, self.held = self.held, []
            self.arrived.clear()
            self.enough.clear()
            self.has_room.set()
            if not app.revoking.is_set() and await self._unless_revoked(self._insert(taken)):
                for batch in taken:
                    batch.acknowledge()
            else:
                self._let_go(taken)

    @property
    def _enough_messages(self) -> int:
        return self.history.settings.history_batch_messages

    def _let_go(self, taken: list[Batch]) -> None:
        for batch in taken:
            batch.abandon()

    async def _insert(self, taken: list[Batch]) -> None:
        await self.history.ready.wait()
        records = [(batch.partition, record) for batch in taken for record in batch.records]
        decoded = await asyncio.to_thread(self.decode, [record.value for _, record in records])
        for malformed in decoded.malformed:
            MALFORMED.labels(self.topic.name).inc()
            partition, record = records[malformed.index]
            logger.error(
                "%s[%s] at offset %s is left out: %s",
                self.topic.name,
                partition,
                record.offset,
                malformed.reason,
            )
        for rows in decoded.batches:
            await self.history.sink.insert(rows)
        for erasure in decoded.erasures:
            await self.history.sink.erase(erasure)

    async def _unless_revoked(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do the work; give it up, and say so, when the partitions are taken away meanwhile."""
        doing = asyncio.ensure_future(work)
        await _first_of(asyncio.wait({doing}), self.history.app.revoking.wait())
        if doing.done():
            doing.result()
            return True
        doing.cancel()
        await asyncio.wait({doing})
        return False


async def _first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    """Return when the first of these has ended; end the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
