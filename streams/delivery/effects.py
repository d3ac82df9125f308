"""What a batch causes, and who makes it durable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from faust import Table
from faust.types import TP

from streams.delivery.batches import Batch

Changes = dict[bytes, bytes | None]
Messages = list[tuple[bytes | None, bytes]]


@dataclass(slots=True)
class Effects:
    """All that a batch causes: it becomes true as a whole or not at all.

    Attributes:
        changes: For each table the records to write; None deletes.
        outputs: For each topic of the contract the messages to send, key and value, to the batch's
            partition.
        routed: For each topic of the contract the messages, key and value, that go to the
            partitions of their keys.
    """

    changes: dict[Table[bytes, bytes], Changes] = field(default_factory=dict)
    outputs: dict[str, Messages] = field(default_factory=dict)
    routed: dict[str, list[tuple[bytes, bytes]]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return any(any(causes.values()) for causes in (self.changes, self.outputs, self.routed))


class Delivery(Protocol):
    """Makes effects durable, one batch of a partition after the other.

    Attributes:
        commits_offsets: Whether the source offsets are committed with the effects; otherwise
            acknowledged batches are committed by the consumer.
    """

    commits_offsets: bool

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Wait for what is under way, and disconnect."""

    async def on_assigned(self, tps: set[TP]) -> None:
        """Take over partitions, before their state is restored."""

    async def commit(self, batch: Batch, effects: Effects) -> None:
        """Hand over a batch's effects; return once the batch before it is durable.

        The batch is acknowledged when its own effects are. A failure ends the worker.
        """

    async def durable(self, partition: int) -> None:
        """Return once all effects that were handed over for a partition are durable."""

    def unwritten(self, table: Table[bytes, bytes], partition: int) -> Mapping[bytes, bytes | None]:
        """Return what has been handed over but is not in the local store yet."""
