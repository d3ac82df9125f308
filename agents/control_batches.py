"""What the agents of control do with every batch alike."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from agents.malformed import leave_out
from sinks import energy_balance_metrics as metrics
from streams.delivery.batches import Batch
from streams.domain.frames import place_of
from streams.settings import Settings

ReadT = TypeVar("ReadT")


def read(batch: Batch, decode: Callable[[bytes | None], ReadT]) -> Iterator[ReadT]:
    """Yield what the records of a batch tell; what can't be read is said, counted and left out."""
    for record in batch.records:
        try:
            yield decode(record.value)
        except ValueError as error:
            metrics.MALFORMED.inc()
            leave_out(batch, record.offset, error)


def read_up_to(batch: Batch, settings: Settings) -> int:
    """Return the place after the batch's last record; 0 for a tick."""
    if not batch.records:
        return 0
    return place_of(batch.records[-1].offset, generation=settings.generation) + 1
