"""A Faust app that consumes batches and delivers their effects."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import faust
import mode
from faust import Table
from faust.types import TopicT
from faust.types.transports import TransportT
from mode.utils.locks import Event
from typing_extensions import override

from streams.delivery.clients import client_settings, credentials_of
from streams.delivery.consumer import BatchTransport
from streams.delivery.effects import Delivery
from streams.delivery.follower import Follower, Take
from streams.delivery.plain import PlainDelivery
from streams.delivery.recovery import BatchTableManager
from streams.delivery.store import SCHEME

# Half of stock Faust's and aiokafka's time goes into debug records that nothing prints.
QUIET_LOGGERS: Final = ("aiokafka", "faust", "mode", "asyncio")

FETCH_WAIT_MS: Final = 200
"""For who has many partitions of which little comes: each of their fetches costs the broker."""

_STORE_OPTIONS: Final = {
    "driver": "rocksdict",
    # One database per partition and table: the defaults would let each take 2 GiB.
    "block_cache_size": 32 << 20,
    "write_buffer_size": 16 << 20,
    "max_write_buffer_number": 3,
    "max_open_files": 256,
}


class App(faust.App):
    """One role's Faust app.

    Attributes:
        delivery: Who makes the effects of batches durable.
        topic_prefix: Begins the names that topics have on this broker.
        security: aiokafka's settings for TLS and login.
        revoking: Set while partitions are being taken away: who waits for something outside,
            a database that is down, lets its batches go then.
        working: Set while its partitions are assigned and their state is restored.
        assignment_number: Counts the assignments, whatever the broker calls them.
        fetch_wait_ms: How long a fetch waits when none of its partitions has anything. A busy
            consumer waits as long now and then, since the partitions that it still has records of
            are not in its next fetch.
        obstacles: Each says what keeps the app's agents from working, or None.
    """

    delivery: Delivery

    def __init__(  # noqa: PLR0913 - settings of an app
        self,
        app_id: str,
        *,
        broker: str,
        data_dir: Path,
        partitions: int,
        replication: int,
        topic_prefix: str = "",
        security: Mapping[str, Any] | None = None,
        commit_interval_s: float = 1.0,
    ) -> None:
        """Configure Faust for batches.

        Args:
            app_id: The consumer group's name, and the prefix of its changelogs.
            broker: Bootstrap servers, HOST:PORT, comma-separated.
            data_dir: Folder of this worker alone.
            partitions: Of every topic and table.
            replication: Replication factor of new topics.
            topic_prefix: Begins the names that topics have on this broker.
            security: aiokafka's settings for TLS and login; None for a plain connection.
            commit_interval_s: How often progress is committed without transactions.
        """
        self.security = dict(security or {})
        for name in QUIET_LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        super().__init__(
            app_id,
            broker=";".join(f"kafka://{address}" for address in broker.split(",")),
            broker_credentials=credentials_of(self.security),
            store=f"{SCHEME}://",
            datadir=data_dir,
            topic_partitions=partitions,
            topic_replication_factor=replication,
            # The leader's topic is always empty, and stalls every fetch by the longest wait.
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=4 << 20,
            broker_max_poll_records=16_000,
            broker_commit_interval=commit_interval_s,
            broker_session_timeout=6,
            broker_heartbeat_interval=1,
            broker_rebalance_timeout=30,
            broker_request_timeout=30,
            stream_buffer_maxsize=8,
            stream_wait_empty=True,
            stream_recovery_delay=0.0,
            producer_max_batch_size=1 << 20,
            # Its web server serves table contents to anyone.
            web_enabled=False,
            autodiscover=False,
            TableManager=BatchTableManager,
            agent_supervisor=mode.CrashingSupervisor,
        )
        self.topic_prefix = topic_prefix
        self.delivery = PlainDelivery(self)
        self.revoking = asyncio.Event()
        self.working = asyncio.Event()
        self.assignment_number = 0
        self.fetch_wait_ms = FETCH_WAIT_MS
        self.obstacles: list[Callable[[], str | None]] = []
        self._followers: list[Follower] = []

    @override
    def _new_transport(self) -> TransportT:
        return BatchTransport(self.conf.broker_consumer, self)

    @override
    async def on_start(self) -> None:
        await self.delivery.start()
        for follower in self._followers:
            await follower.start(on_end=self.crash_on_failure)
        await super().on_start()

    @override
    async def on_stop(self) -> None:
        await super().on_stop()
        for follower in self._followers:
            await follower.stop()
        await self.delivery.stop()

    def bytes_table(self, name: str) -> Table[bytes, bytes]:
        """Declare a table of raw keys and values, its changelog partitioned like the sources."""
        table = self.Table(
            name,
            partitions=self.conf.topic_partitions,
            key_type=bytes,
            value_type=bytes,
            options=dict(_STORE_OPTIONS),
        )
        return cast("Table[bytes, bytes]", table)

    def bytes_topic(self, *names: str) -> TopicT:
        """Declare a topic of raw keys and values by the name that it has in the contract.

        Several names make one source of several topics, whose partitions of a number go together.
        """
        return self.topic(
            *(self.topic_prefix + name for name in names),
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            partitions=self.conf.topic_partitions,
        )

    def follow(self, names: Sequence[str], take: Take) -> Follower:
        """Have topics, by their names in the contract, read to their end before agents begin.

        `take` is given those names and values, then and for as long as the app runs.
        """
        skipped = len(self.topic_prefix)
        follower = Follower(
            client_settings(self),
            [self.topic_prefix + name for name in names],
            lambda name, value: take(name[skipped:], value),
        )
        self._followers.append(follower)
        return follower

    @property
    def crash_event(self) -> Event:
        """Set once something has ended the app."""
        return self._crashed

    def crash_on_failure(self, task: "asyncio.Task[None]") -> None:
        """End the worker when a task failed: what was not acknowledged is done again."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash(error)
