"""The open quarter-hours of communities, and their sums, as the Python experts keep them.

A quarter-hour is told when its 15 minutes are there, or when its community's newest minute has
passed its end by the allowed lateness; until then a further frame tells it again. Minutes are
assigned by their sequence, so a duplicate changes nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from bench.peers.frames import MISSING, Cells, Frame

PERIOD_S: Final = 900
MINUTES: Final = 15
LATENESS_S: Final = 120

_FLOWS: Final = (
    "consumption_mwh",
    "production_mwh",
    "import_mwh",
    "export_mwh",
    "battery_charge_mwh",
    "battery_discharge_mwh",
)
_CONSUMPTION, _PRODUCTION, _CHARGE, _DISCHARGE = range(4)
_REGISTERS: Final = 5


class Quarter(NamedTuple):
    """A quarter-hour to be told, as the bytes of its two outputs."""

    community: bytes
    households: bytes
    together: bytes


class _Community:
    __slots__ = ("meters", "newest", "periods", "told")

    def __init__(self, meters: tuple[str, ...]) -> None:
        self.meters = meters
        self.newest = 0
        self.periods: dict[int, dict[int, tuple[int, Cells]]] = {}
        self.told: set[int] = set()


Load = Callable[[str, int], bytes | None]


class Quarters:
    """The communities of one worker or partition; `load` reads a stored minute after a restart."""

    def __init__(self, load: Load | None = None) -> None:
        """Start with nothing in memory."""
        self._load = load
        self._communities: dict[str, _Community] = {}

    def take(self, frame: Frame) -> tuple[bool, list[Quarter]]:
        """Return whether the frame says something new, and the quarter-hours that it closes."""
        community = self._communities.get(frame.community_id)
        if community is None:
            community = self._communities[frame.community_id] = _Community(frame.meters)
        period = frame.minute - frame.minute % PERIOD_S
        minutes = community.periods.get(period)
        if minutes is None:
            if community.newest >= period + PERIOD_S + LATENESS_S:
                return False, []
            minutes = community.periods[period] = self._stored(frame.community_id, period)
        known = minutes.get(frame.minute)
        if known is not None and known[0] >= frame.sequence:
            return False, []
        minutes[frame.minute] = frame.sequence, frame.cells
        community.meters = frame.meters
        closed = []
        if len(minutes) == MINUTES:
            community.told.add(period)
            closed.append(_quarter(frame.community_id, period, community))
        if frame.minute > community.newest:
            community.newest = frame.minute
            if len(community.periods) > 1:
                closed += self._passed(frame.community_id, community)
        return True, closed

    def _stored(self, community_id: str, period: int) -> dict[int, tuple[int, Cells]]:
        if self._load is None:
            return {}
        found = {}
        for minute in range(period, period + PERIOD_S, 60):
            stored = self._load(community_id, minute)
            if stored is None:
                break
            found[minute] = unpack(stored)
        return found

    def _passed(self, community_id: str, community: _Community) -> Iterator[Quarter]:
        for period in list(community.periods):
            if community.newest >= period + PERIOD_S + LATENESS_S:
                if period not in community.told:
                    yield _quarter(community_id, period, community)
                community.told.discard(period)
                del community.periods[period]


def pack(frame: Frame) -> bytes:
    """Return a minute's record: sequence, then energies in 4 bytes and registers in 8."""
    head = np.array([frame.sequence, frame.cells.shape[1]], dtype="<i8").tobytes()
    energies = frame.cells[:_REGISTERS].astype("<i4").tobytes()
    return head + energies + frame.cells[_REGISTERS:].tobytes()


def unpack(record: bytes) -> tuple[int, Cells]:
    """Return the sequence and the cells of a minute's record."""
    sequence, meters = np.frombuffer(record, "<i8", 2).tolist()
    energies = np.frombuffer(record, "<i4", _REGISTERS * meters, 16)
    registers = np.frombuffer(record, "<i8", offset=16 + energies.nbytes)
    return sequence, np.concatenate([energies, registers]).astype(np.int64).reshape(-1, meters)


def _quarter(community_id: str, period: int, community: _Community) -> Quarter:
    return tell(
        community_id,
        period,
        community.meters,
        [cells for _, cells in community.periods[period].values()],
    )


def tell(community_id: str, period: int, meters: tuple[str, ...], minutes: list[Cells]) -> Quarter:
    """Return the outputs of a quarter-hour from the cells of its minutes."""
    cells = np.stack(minutes)
    consumption = cells[:, _CONSUMPTION]
    known = np.maximum(cells[:, :4], 0)
    net = known[:, _CONSUMPTION] - known[:, _PRODUCTION] + known[:, _CHARGE] - known[:, _DISCHARGE]
    has_consumption = consumption != MISSING
    net *= has_consumption
    measured = has_consumption.sum(axis=0)
    sums = np.empty((len(_FLOWS), cells.shape[2]), dtype=np.int64)
    sums[[0, 1, 4, 5]] = known.sum(axis=0)
    sums[2] = np.maximum(net, 0).sum(axis=0)
    sums[3] = np.maximum(-net, 0).sum(axis=0)
    together = sums.sum(axis=1)
    unknown = cells[:, :4].max(axis=0) == MISSING
    sums[[0, 1, 4, 5]] = np.where(unknown, MISSING, sums[[0, 1, 4, 5]])
    sums[2:4, unknown[_CONSUMPTION]] = MISSING
    head = {"community_id": community_id, "period_start": period}
    households: dict[str, Any] = {**head, "meter_id": meters}
    for name, row in zip(_FLOWS, sums.tolist(), strict=True):
        households[name] = [None if value < 0 else value for value in row] if -1 in row else row
    households["measured_minutes"] = measured.tolist()
    return Quarter(
        community_id.encode(),
        orjson.dumps(households),
        orjson.dumps(head | dict(zip(_FLOWS, together.tolist(), strict=True))),
    )
