"""Frames onto the broker: in order within a community, paced or at full speed, none lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import pyarrow as pa
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder

from load_generator.dispatch import MinuteOfFrames
from load_generator.faults import FaultCounts
from load_generator.frames import Frame
from load_generator.plan import Plan
from load_generator.truth import truth_table
from schemas.errors import OperatorError

Speed = float | Literal["max"]
"""How many times faster than real time, or as fast as the broker takes it."""

BATCH_BYTES: Final = 256 * 1024
REQUEST_BYTES: Final = 8 * 1024 * 1024
# The client's own 40 s are less than a broker takes to come back on a busy machine, and a terminal
# does not drop its frames either.
GIVE_UP_MS: Final = 180_000


class SendError(OperatorError):
    """Frames did not reach the broker; the text is one line for the operator."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come: the newest minute sent, how many minutes, and their counts."""

    minute: int
    minutes_sent: int
    counts: FaultCounts


@dataclass(frozen=True)
class Outcome:
    """A finished run: the truth (`TRUTH_SCHEMA`), what was sent, and in how long.

    Everything counted here has been acknowledged by the broker.
    """

    truth: pa.Table
    counts: FaultCounts
    seconds: float


async def run(  # noqa: PLR0913 - where to, how fast, who listens
    plan: Plan,
    *,
    broker: str,
    topic: str,
    speed: Speed = "max",
    security: Mapping[str, Any] | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Outcome:
    """Send a plan's frames and return the truth when the broker has acknowledged all of them.

    `security` is as in `send`.

    Raises:
        SendError: If the broker can't be reached or did not take a frame.
        ProfileError: If a profile file can't be used.
        FleetError: If the households don't fit the communities.
    """
    settled: list[pa.RecordBatch] = []
    counts = FaultCounts()

    def told() -> Iterator[MinuteOfFrames]:
        nonlocal counts
        for number, minute in enumerate(plan.batches(), start=1):
            yield minute
            counts += minute.counts
            if minute.settled is not None:
                settled.append(minute.settled)
            on_progress(Progress(minute.minute, number, counts))

    begin = time.perf_counter()
    await send(
        ((minute.minute, minute.frames) for minute in told()),
        broker=broker,
        topic=topic,
        speed=speed,
        security=security,
    )
    return Outcome(truth_table(settled), counts, time.perf_counter() - begin)


async def send(
    minutes: Iterable[tuple[int, list[Frame]]],
    *,
    broker: str,
    topic: str,
    speed: Speed = "max",
    security: Mapping[str, Any] | None = None,
) -> None:
    """Send minutes (epoch s) of frames in their order, and wait for all acknowledgements.

    A frame's partition is that of a plain Kafka client: by the hash of its key. With a speed,
    a minute is sent when as much time has passed since the first, divided by the speed.
    `security` are aiokafka's settings for TLS and login, if any.

    Raises:
        SendError: If the broker can't be reached or did not take a frame.
    """
    if speed != "max" and not speed > 0:
        raise SendError(f"speed={speed} must be above 0, or 'max'")
    loop = asyncio.get_running_loop()
    try:
        async with _outbox(broker, topic, security or {}) as outbox:
            begin, first = loop.time(), None
            for minute, frames in minutes:
                first = minute if first is None else first
                if speed != "max":
                    await asyncio.sleep(begin + (minute - first) / speed - loop.time())
                for frame in frames:
                    await outbox.put(frame)
                if speed != "max":
                    await outbox.submit_all()
            await outbox.submit_all()
            await outbox.acknowledged()
    except KafkaError as error:
        raise SendError(
            f"broker {broker}, topic {topic}: {error!r}; is the broker running and does the topic "
            "exist?"
        ) from error


class _Outbox:
    """One open record batch for each partition; at most two more are on their way."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, partitions: list[int]) -> None:
        self._producer = producer
        self._topic = topic
        self._partitions = partitions
        self._partitioner = DefaultPartitioner()
        self._partition_of: dict[bytes, int] = {}
        self._open: dict[int, BatchBuilder] = {}
        self._under_way: set[asyncio.Future[object]] = set()

    async def put(self, frame: Frame) -> None:
        """Add a frame behind those of its partition; waits while the broker is behind."""
        partition = self._partition_of.get(frame.key)
        if partition is None:
            partition = self._partitioner(frame.key, self._partitions, self._partitions)
            self._partition_of[frame.key] = partition
        batch = self._open.get(partition)
        if batch is not None and not _append(batch, frame):
            await self._submit(partition)
            batch = None
        if batch is None:
            batch = self._open[partition] = self._producer.create_batch()
            _append(batch, frame)

    async def submit_all(self) -> None:
        """Hand the open batches over, full or not."""
        for partition in list(self._open):
            await self._submit(partition)

    async def acknowledged(self) -> None:
        """Return when the broker has everything that was submitted.

        Raises:
            KafkaError: If it refused or lost something.
        """
        await asyncio.gather(*self._under_way)
        self._under_way.clear()

    def abandon(self) -> None:
        """Give up what is not acknowledged: the run has failed or was cancelled."""
        for delivery in self._under_way:
            if not delivery.cancel() and not delivery.cancelled():
                delivery.exception()
        # With its task at work, stop() goes on trying for 40 s when the broker is gone.
        self._producer._sender.sender_task.cancel()  # noqa: SLF001

    async def _submit(self, partition: int) -> None:
        batch = self._open.pop(partition)
        delivery = await self._producer.send_batch(batch, self._topic, partition=partition)
        self._under_way.add(delivery)
        for done in [future for future in self._under_way if future.done()]:
            done.result()
            self._under_way.remove(done)


def _append(batch: BatchBuilder, frame: Frame) -> bool:
    return batch.append(timestamp=None, key=frame.key, value=frame.value) is not None


@asynccontextmanager
async def _outbox(broker: str, topic: str, security: Mapping[str, Any]) -> AsyncIterator[_Outbox]:
    producer = AIOKafkaProducer(
        bootstrap_servers=broker,
        acks="all",
        max_batch_size=BATCH_BYTES,
        max_request_size=REQUEST_BYTES,
        request_timeout_ms=GIVE_UP_MS,
        **security,
    )
    try:
        await producer.start()
        outbox = _Outbox(producer, topic, sorted(await producer.partitions_for(topic)))
        try:
            yield outbox
        except BaseException:
            outbox.abandon()
            raise
    finally:
        await producer.stop()
