"""One event for each partition and poll: what an agent of ours consumes.

Stock Faust makes an event, two tasks and an acknowledgement of every record, which costs more than
everything else together. Here a record's cost ends in the fetcher: an agent gets all records that
a poll returned for a partition as one `Batch`, and acknowledges them together.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from faust.streams import Stream
from faust.types import TP, EventT, StreamT
from faust.types.tuples import ConsumerMessage

from streams.delivery import metrics
from streams.records import Records

if TYPE_CHECKING:
    from streams.delivery.app import App


class LostBatchError(RuntimeError):
    """A batch vanished between the fetcher and its agent; going on would skip its records."""


@dataclass(slots=True, eq=False)
class Reading:
    """How far the agents that read a topic are with one poll of it, each with a batch of its own.

    Attributes:
        left: So many agents have not acknowledged theirs.
        is_abandoned: Whether one has let go of its batch undone.
    """

    left: int
    is_abandoned: bool = False

    @property
    def is_done(self) -> bool:
        """Whether all that it causes is durable, with every agent."""
        return not self.left and not self.is_abandoned


class BatchMessage(ConsumerMessage):
    """The message that stands for a batch in Faust's bookkeeping: one for each agent.

    Shared by agents, it would be unacknowledged for ever when one has done it and a rebalance
    takes it from the queues of the others: who waits for an assignment's end would wait for ever.

    Attributes:
        reading: Its acknowledgement ends the waiting for it; progress is committed once all
            agents are through.
    """

    reading: Reading


@dataclass(slots=True, eq=False)
class Batch:
    """The records of one partition since the last poll, for one agent; none at all in a tick.

    Attributes:
        assignment: Number of the assignment that it was read in.
        follows: Where the batch before it ended, or the committed offset.
        next_offset: Where reading goes on; what is committed once the batch is done.
        lag: Records of the partition that are not fetched yet, as far as is known.
        event: Faust's event around it, known once the agent has it.
    """

    tp: TP
    records: Records
    assignment: int
    follows: int | None
    next_offset: int | None
    lag: int | None
    event: EventT[Any] | None = field(default=None)

    @property
    def partition(self) -> int:
        """Its partition's number."""
        return self.tp.partition

    def abandon(self) -> None:
        """Let go of it undone: whoever has the partition next reads it again."""
        if self.event is not None:
            self._reading(self.event).is_abandoned = True
        self.acknowledge()

    @property
    def is_last(self) -> bool:
        """Whether all other agents that read the same records have done so.

        Who is last commits the progress of all: an offset that is committed before another agent
        is through would be its loss, should the worker end.
        """
        if self.event is None:
            return True
        reading = self._reading(self.event)
        return reading.left == 1 and not reading.is_abandoned

    @staticmethod
    def _reading(event: EventT[Any]) -> Reading:
        return cast("BatchMessage", event.message).reading

    def acknowledge(self) -> None:
        """Say that all it caused is durable: its offset may be committed."""
        if self.event is not None:
            self.event.ack()
            # The event has the batch as well: a circle, which would keep its records in memory
            # until the collector comes by.
            self.event = None


async def batches(stream: StreamT[Batch]) -> AsyncIterator[Batch]:
    """Yield the stream's batches, each of the assignment in force, none left out.

    Raises:
        LostBatchError: If one is missing in the middle.
    """
    done: dict[TP, tuple[int, int | None]] = {}
    app = cast("App", stream.app)
    unacknowledged = cast("Stream[Batch]", stream).noack()
    async for event in unacknowledged.events():
        batch = cast("Batch", event.value)  # the drain puts batches there
        batch.event = event
        if batch.assignment != app.assignment_number:
            batch.abandon()  # fetched before a rebalance
            continue
        assignment, reached = done.get(batch.tp, (-1, None))
        if assignment == batch.assignment and reached != batch.follows:
            raise LostBatchError(
                f"{batch.tp.topic}[{batch.partition}]: the batch up to {batch.follows} is missing, "
                f"done is {reached}; restarting reads it again"
            )
        done[batch.tp] = (batch.assignment, batch.next_offset)
        _observe(batch)
        yield batch


def _observe(batch: Batch) -> None:
    if batch.records:
        metrics.BATCH_RECORDS.observe(len(batch.records))
    if batch.lag is not None:
        metrics.CONSUMER_LAG.labels(batch.tp.topic, str(batch.partition)).set(batch.lag)
