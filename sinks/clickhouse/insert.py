"""Into ClickHouse, however long it takes: the only way of history's rows."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import pyarrow as pa
from clickhouse_connect.driver.asyncclient import AsyncClient
from prometheus_client import Counter, Gauge, Histogram

from sinks.clickhouse.client import connect, will_pass
from sinks.clickhouse.migrations import migrate
from sinks.clickhouse.rows import Erasure, RowBatch
from streams.settings import Settings

logger = logging.getLogger(__name__)

BATCHES = Counter("smatrix_history_batches", "Batches that ClickHouse has acknowledged.", ["table"])
ROWS = Counter("smatrix_history_rows", "Rows that ClickHouse has acknowledged.", ["table"])
RETRIES = Counter("smatrix_history_retries", "Attempts that ClickHouse failed.", ["work"])
WAITING_SECONDS = Counter(
    "smatrix_history_waiting_seconds", "Time from a failed attempt to the next success.", ["work"]
)
WAITING = Gauge("smatrix_history_waiting", "Pieces of work that wait for ClickHouse now.")
INSERT_SECONDS = Histogram(
    "smatrix_history_insert_seconds",
    "Time from a batch's first attempt to its acknowledgement.",
    ["table"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300),
)

_FIRST_PAUSE_S: Final = 0.1
# More would only keep rows back once ClickHouse is there again; an attempt costs it nothing.
_LONGEST_PAUSE_S: Final = 2.0

_INSERT_SETTINGS: Final = {
    # Acknowledged means stored, and not queued.
    "async_insert": 0,
    # Without these two, a slow insert's success is sent ahead, before its failure.
    "wait_end_of_query": 1,
    "send_progress_in_http_headers": 0,
    # The views pick the last version; to pick it once more here costs a quarter of an insert.
    "optimize_on_insert": 0,
    # A replay of a year touches many months at once.
    "max_partitions_per_insert_block": 0,
}


def pauses() -> Iterator[float]:
    """Yield the seconds to wait before each next attempt: from 0.1 doubling to 2, with jitter."""
    pause = _FIRST_PAUSE_S
    while True:
        # Workers that lost ClickHouse together don't come back together.
        yield pause * random.uniform(0.5, 1)  # noqa: S311 - not a secret
        pause = min(pause * 2, _LONGEST_PAUSE_S)


class Sink:
    """ClickHouse as history sees it: it may take long, and it does not fail.

    Every method may be cancelled at any moment. An insert that was cancelled, or whose answer was
    lost, may or may not be stored; inserting the same rows again makes no double.
    """

    def __init__(self, settings: Settings) -> None:
        """Describe where the rows go; nothing is asked of ClickHouse yet."""
        self._settings = settings
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._waiting = 0

    @property
    def waiting(self) -> bool:
        """Return whether something waits for ClickHouse to come back."""
        return self._waiting > 0

    async def start(self) -> None:
        """Bring the database to our schema, as soon as ClickHouse is there.

        Raises:
            MigrationError: If the database was made by other files than ours.
        """

        async def bring_up_to_date(client: AsyncClient) -> None:
            await migrate(
                client, self._settings.clickhouse_database, self._settings.history_ttl_days
            )

        await self._until_done("migrations", bring_up_to_date)

    async def insert(self, batch: RowBatch) -> None:
        """Return once ClickHouse has stored the rows.

        Raises:
            Error: clickhouse-connect's, if the table can't take such rows: a broken promise.
        """
        if not len(batch):
            return
        body = _arrow_stream(batch.rows)

        async def send(client: AsyncClient) -> None:
            await client.raw_insert(
                batch.table,
                batch.rows.column_names,
                body,
                settings=_INSERT_SETTINGS,
                fmt="ArrowStream",
            )

        with INSERT_SECONDS.labels(batch.table).time():
            await self._until_done(batch.table, send)
        BATCHES.labels(batch.table).inc()
        ROWS.labels(batch.table).inc(len(batch))

    async def erase(self, erasure: Erasure) -> None:
        """Return once ClickHouse has written the table's parts anew without what has to go.

        Repeating it changes nothing. The files of the parts before are dropped by ClickHouse.
        """

        async def rewrite(client: AsyncClient) -> None:
            await client.command(
                f"ALTER TABLE {erasure.table} DELETE WHERE version < transform("
                f"{erasure.id_column}, {{ids:Array(String)}}, {{versions:Array(UInt64)}}, "
                f"toUInt64(0))",
                parameters={
                    "ids": list(erasure.versions),
                    "versions": list(erasure.versions.values()),
                },
                settings={"mutations_sync": 1},
            )

        await self._until_done(f"erasing in {erasure.table}", rewrite)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _until_done(
        self, work: str, attempt: Callable[[AsyncClient], Awaitable[None]]
    ) -> None:
        waited_from: float | None = None
        try:
            for pause in pauses():
                try:
                    await attempt(await self._connected())
                except Exception as error:
                    if not will_pass(error):
                        raise
                    RETRIES.labels(work).inc()
                    if waited_from is None:
                        self._wait_begins(work, error)
                        waited_from = time.monotonic()
                else:
                    if self._waiting == 1 and waited_from is not None:
                        logger.warning("ClickHouse takes everything again")
                    return
                waited_from = _count_waiting(work, waited_from)
                await asyncio.sleep(pause)
                waited_from = _count_waiting(work, waited_from)
        finally:
            if waited_from is not None:
                _count_waiting(work, waited_from)
                self._wait_ends()

    async def _connected(self) -> AsyncClient:
        async with self._connecting:
            if self._client is None:
                self._client = await connect(self._settings)
            return self._client

    def _wait_begins(self, work: str, error: Exception) -> None:
        if not self._waiting:
            logger.warning(
                "ClickHouse at %s does not take %s; history waits and tries again: %s",
                self._settings.clickhouse_url,
                work,
                str(error).partition("\n")[0] or type(error).__name__,
            )
        self._waiting += 1
        WAITING.inc()

    def _wait_ends(self) -> None:
        self._waiting -= 1
        WAITING.dec()


def _count_waiting(work: str, waited_from: float) -> float:
    now = time.monotonic()
    WAITING_SECONDS.labels(work).inc(now - waited_from)
    return now


def _arrow_stream(rows: pa.Table) -> bytes:
    body = pa.BufferOutputStream()
    with pa.ipc.new_stream(body, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(body.getvalue())
