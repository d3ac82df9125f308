"""The balance of one partition: the minutes of its communities, summed minute by minute.

A minute is told when every community that is expected has reported it, or when the partition's
event time has passed its end by the patience: it waits for nobody longer. What did not report is
filled by its forecast, which at these spans is what it had last, and kept apart from what was
measured. What comes later makes a new version.

Sums are computed from what each community said last of a minute, so that taking it twice changes
nothing. The cells of a minute are an array, so that telling one costs little however many
communities there are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.energy_balance import GridPartial
from schemas.units import MINUTE_S
from streams.domain.communities import NEVER

Cells = npt.NDArray[np.int64]

DAY_S: Final = 86_400
_FIRST_CAPACITY: Final = 64


@dataclass(frozen=True, slots=True)
class BalancePolicy:
    """How long the grid's balance waits and remembers; seconds.

    Attributes:
        patience_s: How long a minute waits after its end for who has not reported it.
        retention_s: How long a minute of a partition can still be told anew.
        expected_s: How long a community, or a partition, that has fallen silent is still expected,
            and filled.

    Raises:
        ValueError: If a minute would be forgotten before it is told.
    """

    patience_s: int
    retention_s: int
    expected_s: int = DAY_S

    @property
    def grid_retention_s(self) -> int:
        """How long a minute of the grid can be told anew: partitions may be read far apart."""
        return max(self.retention_s, self.expected_s)

    def __post_init__(self) -> None:
        """Reject a policy that forgets minutes it has not told."""
        if self.retention_s < self.patience_s + 2 * MINUTE_S:
            raise ValueError(
                f"retention_s={self.retention_s} must be at least {2 * MINUTE_S} s more than "
                f"patience_s={self.patience_s}"
            )


class Sums(NamedTuple):
    """A community's closed minute; energy in mWh. Without a meter that reported, all are 0."""

    community_id: str
    minute: int
    version: int
    reported: int
    missing: int
    consumption: int
    production: int
    imported: int
    exported: int


class Last(NamedTuple):
    """What a community reported last, mWh in that minute."""

    minute: int
    consumption: int
    net: int


_VERSION, _REPORTED, _MISSING, _CONSUMPTION, _PRODUCTION, _IMPORTED, _EXPORTED = range(7)


@dataclass(slots=True, eq=False)
class _Minute:
    """What is known of a minute: a column for each community.

    Attributes:
        changed_at: Place up to which what changed it last was known.
        told_at: Place up to which all was known that was told; `NEVER`: not told.
        told_time: Event time of that.
    """

    cells: Cells
    changed_at: int = NEVER
    told_at: int = NEVER
    told_time: float = NEVER


@dataclass(slots=True)
class Step:
    """What a batch causes.

    Attributes:
        taken: By minute what is new of it, to be remembered.
        partials: To be told.
        time: Event time of that.
        silent: What communities had last whose last minute is being forgotten.
        expired: Minutes to forget.
        too_old: How many minutes came after their time.
    """

    taken: dict[int, list[Sums]] = field(default_factory=dict)
    partials: list[GridPartial] = field(default_factory=list)
    time: float = NEVER
    silent: dict[str, Last] = field(default_factory=dict)
    expired: list[int] = field(default_factory=list)
    too_old: int = 0


class PartitionBalance:
    """The balance of one partition.

    Attributes:
        newest: The newest minute of a community; `NEVER` while there is none.
    """

    def __init__(self, policy: BalancePolicy) -> None:
        """Begin with nothing known."""
        self._policy = policy
        self._places: dict[str, int] = {}
        self._names: list[str] = []
        self._last: Cells = _empty(len(Last._fields), _FIRST_CAPACITY)
        self._last[0] = NEVER
        self._minutes: dict[int, _Minute] = {}
        self._read_up_to = 0
        self.newest = NEVER

    def restore(
        self,
        *,
        silent: Iterable[tuple[str, Last]],
        taken: Iterable[tuple[int, Sequence[Sums]]],
        told: Iterable[tuple[int, int, float]],
    ) -> None:
        """Take what was remembered.

        Args:
            silent: Communities, and what they had last.
            taken: Places, and what was said up to there and not yet before.
            told: Minutes, up to which place all was known in what was told of it, and the event
                time then.
        """
        for name, last in silent:
            self._last[:, self._place(name)] = last
        for place, minutes in taken:
            self._read_up_to = max(self._read_up_to, place)
            for sums in minutes:
                self._take(sums, place=place)
        for start, place, time in told:
            self._read_up_to = max(self._read_up_to, place)
            if (minute := self._minutes.get(start)) is not None:
                minute.told_at, minute.told_time = place, time

    def fold(self, told: Sequence[Sums], *, partition: int, read_up_to: int, clock: float) -> Step:
        """Take communities' minutes in their order; return what that causes.

        Args:
            told: Of this partition.
            partition: Its number.
            read_up_to: The place after the last record that has been read of them.
            clock: The partition's event time, epoch seconds.
        """
        step = Step()
        self._read_up_to = max(self._read_up_to, read_up_to)
        for sums in told:
            if sums.minute < self.newest - self._policy.retention_s:
                step.too_old += 1
            elif self._take(sums, place=self._read_up_to):
                step.taken.setdefault(sums.minute, []).append(sums)
        time = step.time = max(clock, self.newest + MINUTE_S)
        for start in sorted(self._minutes):
            minute = self._minutes[start]
            if minute.changed_at > minute.told_at and self._is_due(start, minute, time):
                minute.told_at, minute.told_time = self._read_up_to, time
                step.partials.append(self._partial(start, minute, partition=partition))
        self._expire(step)
        return step

    def _take(self, sums: Sums, *, place: int) -> bool:
        """Take what a community says of a minute; say whether that is new."""
        column = self._place(sums.community_id)
        minute = self._minutes.get(sums.minute)
        if minute is None:
            cells = _empty(len(Sums._fields) - 2, self._last.shape[1])
            minute = self._minutes[sums.minute] = _Minute(cells)
        if column >= minute.cells.shape[1]:
            minute.cells = _grown(minute.cells, self._last.shape[1])
        if minute.cells[_VERSION, column] >= sums.version:
            return False
        minute.cells[:, column] = sums[2:]
        minute.changed_at = max(minute.changed_at, place)
        self.newest = max(self.newest, sums.minute)
        if sums.reported and sums.minute >= self._last[0, column]:
            net = sums.imported - sums.exported
            self._last[:, column] = (sums.minute, sums.consumption, net)
        return True

    def _place(self, community_id: str) -> int:
        place = self._places.get(community_id)
        if place is None:
            place = self._places[community_id] = len(self._names)
            self._names.append(community_id)
            if place >= self._last.shape[1]:
                self._last = _grown(self._last, 2 * self._last.shape[1], first_row=NEVER)
        return place

    def _is_due(self, start: int, minute: _Minute, time: float) -> bool:
        """Say whether to tell a minute that has changed: at once when it is whole."""
        if not np.any(self._missing(start, minute)):
            return True
        if minute.told_at == NEVER:
            return time >= start + MINUTE_S + self._policy.patience_s
        # Who comes late comes one by one: they are told together, once a minute.
        return time >= minute.told_time + MINUTE_S

    def _missing(self, start: int, minute: _Minute) -> npt.NDArray[np.bool_]:
        """Return who is expected in a minute and has not reported it."""
        width = minute.cells.shape[1]
        if width < len(self._names):
            minute.cells = _grown(minute.cells, self._last.shape[1])
            width = minute.cells.shape[1]
        expected = self._last[0, :width] >= start - self._policy.expected_s
        return np.asarray(expected & (minute.cells[_REPORTED] == 0), dtype=np.bool_)

    def _partial(self, start: int, minute: _Minute, *, partition: int) -> GridPartial:
        missing = self._missing(start, minute)
        cells = minute.cells
        measured = cells.sum(axis=1).tolist()
        # Meters that are missing in a community that reported have what its others have.
        silent = np.flatnonzero((cells[_MISSING] > 0) & (cells[_REPORTED] > 0))
        reported, lacking = cells[_REPORTED, silent], cells[_MISSING, silent]
        net = cells[_IMPORTED, silent] - cells[_EXPORTED, silent]
        _, last_consumption, last_net = self._last[:, : missing.size]
        communities = int(np.count_nonzero(cells[_REPORTED]))
        return GridPartial(
            partition=partition,
            minute=start,
            version=self._read_up_to,
            communities=communities,
            expected_communities=communities + int(np.count_nonzero(missing)),
            meters_reported=measured[_REPORTED],
            meters_missing=measured[_MISSING],
            consumption_mwh=measured[_CONSUMPTION],
            production_mwh=measured[_PRODUCTION],
            import_mwh=measured[_IMPORTED],
            export_mwh=measured[_EXPORTED],
            forecast_consumption_mwh=int(
                last_consumption[missing].sum()
                + (cells[_CONSUMPTION, silent] * lacking // np.maximum(reported, 1)).sum()
            ),
            forecast_net_mwh=int(
                last_net[missing].sum() + (net * lacking // np.maximum(reported, 1)).sum()
            ),
        )

    def _expire(self, step: Step) -> None:
        """Forget minutes that can't be told anew, and keep what the silent ones had last."""
        before = self.newest - self._policy.retention_s
        for start in sorted(start for start in self._minutes if start < before):
            step.expired.append(start)
            del self._minutes[start]
            for place in np.flatnonzero(self._last[0, : len(self._names)] == start).tolist():
                step.silent[self._names[place]] = Last(*self._last[:, place].tolist())


def _empty(rows: int, columns: int) -> Cells:
    return np.zeros((rows, columns), dtype=np.int64)


def _grown(cells: Cells, columns: int, *, first_row: int = 0) -> Cells:
    """Return cells with more columns, whose first row holds a value."""
    grown = _empty(cells.shape[0], columns)
    grown[0] = first_row
    grown[:, : cells.shape[1]] = cells
    return grown
