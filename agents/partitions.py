"""What an agent keeps of each partition, as long as its worker has it assigned."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from faust import Table
from faust.types import TP

from sinks.table_metrics import show_table
from streams.delivery.app import App
from streams.delivery.batches import Batch
from tables.store import Store

MEASURE_EVERY_S: Final = 1.0

KeptT = TypeVar("KeptT")
Load = Callable[[dict[str, Store]], KeptT]
Forget = Callable[[str, Iterable[str]], None]


@dataclass(slots=True)
class Partition(Generic[KeptT]):
    """An assigned partition.

    Attributes:
        number: As metrics are labelled with it.
        assignment: Number of the assignment that it was loaded in.
        stores: Of its tables, by their names.
        kept: What the agent made of them, and goes on with.
    """

    number: str
    assignment: int
    stores: dict[str, Store]
    kept: KeptT
    _measured_at: float = 0.0

    def measure(self, *, now: float) -> bool:
        """Show the size of its tables, at most once a second (`now`: epoch s); say if it did."""
        if now - self._measured_at < MEASURE_EVERY_S:
            return False
        self._measured_at = now
        for table, store in self.stores.items():
            show_table(table, self.number, *store.size())
        return True


class Partitions(Generic[KeptT]):
    """The partitions that an agent has, each loaded when its first batch comes."""

    def __init__(
        self, app: App, tables: Sequence[Table[bytes, bytes]], *, load: Load[KeptT], forget: Forget
    ) -> None:
        """Begin with none.

        Args:
            app: Whose partitions they are.
            tables: What the agent remembers.
            load: Called with a partition's stores, by the names of their tables.
            forget: Takes back the figures of a partition (its number, its tables' names), as
                another worker has it now.
        """
        self._app = app
        self._tables = tables
        self._load = load
        self._forget = forget
        self._known: dict[int, Partition[KeptT]] = {}
        app.on_partitions_revoked.connect(self._revoked)  # type: ignore[arg-type] # a union of callables

    def of(self, batch: Batch) -> Partition[KeptT]:
        """Return a batch's partition, loaded anew when it was away in between."""
        known = self._known.get(batch.partition)
        if known is None or known.assignment != batch.assignment:
            stores = {
                table.name: Store(self._app, table, batch.partition) for table in self._tables
            }
            known = self._known[batch.partition] = Partition(
                str(batch.partition), batch.assignment, stores, self._load(stores)
            )
        return known

    async def _revoked(self, _app: Any, *args: Any, **_: Any) -> None:  # noqa: ANN401 - a signal's form
        """Keep nothing of partitions that others have now, their figures least of all."""
        revoked: set[TP] = args[0]
        for tp in revoked:
            known = self._known.pop(tp.partition, None)
            if known is not None:
                self._forget(known.number, list(known.stores))
