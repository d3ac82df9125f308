"""Restoring tables from their changelogs, in bulk.

Faust's recovery sends every changelog record through the group's consumer as an event, and ends
when the last record's offset meets the end offset: it never ends when the last offset is a
transaction's marker, it can hang on a truncated topic, and it dies on a store that is ahead of
its changelog. Here a consumer of its own reads the assigned changelog partitions into the stores,
batch by batch, until its position reaches the end. What else a rebalance needs stays Faust's.
"""

import shutil
from typing import TYPE_CHECKING, Any, cast

import aiokafka
from aiokafka.errors import OffsetOutOfRangeError
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped
from faust.types import TP
from mode import Service
from mode.utils.logging import get_logger
from rocksdict import WriteBatch
from typing_extensions import override

from streams.delivery import metrics
from streams.delivery.clients import client_settings
from streams.delivery.layout import MARK, require_complete

if TYPE_CHECKING:
    from streams.delivery.app import App

logger = get_logger(__name__)

POLL_MS = 200
STALLED_AFTER_S = 60.0


class RecoveryStalledError(RuntimeError):
    """The changelog does not come forward; the worker ends rather than hang."""


class BulkRecovery(Recovery):
    """Faust's recovery service with its reading part replaced."""

    app: "App"

    @Service.task
    @override
    async def _restart_recovery(self) -> None:
        while not self.should_stop:
            if await self.wait_for_stopped(self.signal_recovery_start):  # type: ignore[arg-type]
                break
            self.signal_recovery_start.clear()
            generation_id = self._generation_id
            try:
                self._set_recovery_started()
                # Fences earlier owners first: nothing can come behind the end that is read then.
                await self._wait(self.app.delivery.on_assigned(self._source_partitions()))
                await self._wait(self._restore())
                await self._wait(self.on_recovery_completed(generation_id))
                self.app.working.set()
            except RebalanceAgain:
                continue
            except ServiceStopped:
                break

    @Service.task
    @override
    async def _slurp_changelogs(self) -> None:
        """Nothing comes through the group's consumer."""

    @Service.task
    @override
    async def _publish_stats(self) -> None:
        """Progress is in the metrics."""

    def _source_partitions(self) -> set[TP]:
        return {tp for tp in self.app.consumer.assignment() if not self._is_changelog_tp(tp)}

    async def _restore(self) -> None:
        """Bring every active changelog partition's store up to the end of the changelog."""
        tps = set(self.active_tps)
        metrics.RECOVERY_REMAINING.set(0)
        if not tps:
            return
        consumer = aiokafka.AIOKafkaConsumer(
            **client_settings(self.app),
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=4 << 20,
            fetch_max_wait_ms=POLL_MS,
        )
        await consumer.start()
        try:
            await _Restoration(self, consumer, tps).run()
        finally:
            await consumer.stop()
        for tp in tps:
            store = cast("Any", self.tp_to_table[tp]).data
            require_complete(tp.topic, store._db_for_partition(tp.partition).get(MARK))


class _Restoration:
    """One recovery's reading."""

    def __init__(
        self, recovery: BulkRecovery, consumer: aiokafka.AIOKafkaConsumer, tps: set[TP]
    ) -> None:
        self.recovery = recovery
        self.consumer = consumer
        self.partitions = {aiokafka.TopicPartition(tp.topic, tp.partition): tp for tp in tps}

    async def run(self) -> None:
        """Read until every partition's position has reached its end."""
        self.consumer.assign(list(self.partitions))
        starts = await self.consumer.beginning_offsets(list(self.partitions))
        for partition, tp in self.partitions.items():
            persisted = self.recovery.tp_to_table[tp].persisted_offset(tp)
            if persisted is not None and persisted + 1 < starts[partition]:
                self._rebuild(tp, persisted, starts[partition])
                persisted = None
            start = starts[partition] if persisted is None else persisted + 1
            self.consumer.seek(partition, start)
        waiting, stalled_s = set(self.partitions), 0.0
        while waiting:
            remaining, moved = 0, await self._poll(waiting, starts)
            for partition in list(waiting):
                # From the fetch response: a broker's answer to "latest" may lie before the end.
                end = self.consumer.highwater(partition)
                if end is None:
                    continue
                left = end - await self.consumer.position(partition)
                if left < 0:
                    tp = self.partitions[partition]
                    self._rebuild(tp, end - left - 1, end)
                    self.consumer.seek(partition, starts[partition])
                    continue
                if left == 0:
                    waiting.discard(partition)
                    moved = True
                remaining += left
            metrics.RECOVERY_REMAINING.set(remaining)
            stalled_s = 0.0 if moved else stalled_s + POLL_MS / 1000
            if stalled_s > STALLED_AFTER_S:
                names = ", ".join(f"{p.topic}[{p.partition}]" for p in waiting)
                raise RecoveryStalledError(
                    f"no changelog record of {names} for {STALLED_AFTER_S:.0f} s with {remaining} "
                    f"to go; the worker ends, look at the broker"
                )

    async def _poll(
        self, waiting: set[aiokafka.TopicPartition], starts: dict[aiokafka.TopicPartition, int]
    ) -> bool:
        """Apply what one poll brings; say whether it brought anything."""
        try:
            polled = await self.consumer.getmany(*waiting, timeout_ms=POLL_MS, max_records=20_000)
        except OffsetOutOfRangeError as error:
            for partition, position in error.args[0].items():
                self._rebuild(self.partitions[partition], position - 1, starts[partition])
                self.consumer.seek(partition, starts[partition])
            return True
        for partition, records in polled.items():
            self._apply(self.partitions[partition], records)
        return bool(polled)

    def _rebuild(self, tp: TP, persisted: int, bound: int) -> None:
        """Throw away a store that does not fit its changelog.

        The topic was made anew or truncated, or the folder is another one's, or so old that the
        changelog no longer holds all that came after it.
        """
        logger.warning(
            "%s[%s]: the local store is at offset %s, which does not fit its changelog (%s); "
            "rebuilding it from there",
            tp.topic,
            tp.partition,
            persisted,
            bound,
        )
        metrics.STORES_REBUILT.inc()
        discard_store(self.recovery, tp)

    def _apply(self, tp: TP, records: list[Any]) -> None:
        store = cast("Any", self.recovery.tp_to_table[tp]).data
        batch = WriteBatch(raw_mode=True)
        for record in records:
            if record.value is None:
                batch.delete(record.key)
            else:
                batch.put(record.key, record.value)
        batch.put(store.offset_key, str(records[-1].offset).encode())
        store._db_for_partition(tp.partition).write(batch)
        metrics.RECORDS_RESTORED.inc(len(records))


def discard_store(recovery: Recovery, tp: TP) -> None:
    """Delete a partition's local database; it is opened empty when next used."""
    store = cast("Any", recovery.tp_to_table[tp]).data
    database = store._dbs.pop(tp.partition, None)
    if database is not None:
        database.close()
    shutil.rmtree(store.partition_path(tp.partition), ignore_errors=True)


class BatchTableManager(TableManager):
    """Faust's table manager with our recovery."""

    @property
    @override
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = BulkRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
