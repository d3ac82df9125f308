"""What breaks down for a while: terminals that send nothing, meters that send nonsense.

Drawn beforehand, and each is its own label: it must get a ticket. Frames that chance has lost or
delayed in a row can look like one, and may get a ticket: these are suspects, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from load_generator.fleet import Fleet
from schemas.malfunction import MalfunctionKind
from schemas.units import MINUTE_S

BREAKDOWN_STREAM: Final = 6
SHORTEST_MINUTES, LONGEST_MINUTES = 10, 45
CALM_MINUTES: Final = 30
"""At the begin and at the end of a run nothing breaks down, so that it can be known and cleared."""
SILENT_MINUTES: Final = 3
"""So many minutes in a row without a frame look like silence."""
REFUSED_MINUTES: Final = 5
"""So many refused minutes of a meter look like a malfunction, within an hour."""
_HOUR_MINUTES: Final = 60

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One breakdown.

    Attributes:
        kind: Of the ticket that it must get.
        community: Whose terminal or meter it is, by its place in the fleet.
        household: Whose meter sends nonsense, by its place; None: the terminal is silent.
        first_minute: Epoch seconds.
        minutes: How long.
    """

    kind: MalfunctionKind
    community: int
    household: int | None
    first_minute: int
    minutes: int

    @property
    def end(self) -> int:
        """Start of the first minute after it, epoch seconds."""
        return self.first_minute + self.minutes * MINUTE_S


def draw_breakdowns(
    fleet: Fleet, *, silent: float, nonsense: float, first_minute: int, minutes: int
) -> tuple[Breakdown, ...]:
    """Return a run's breakdowns: none in a run too short for them, at most one in a community.

    Args:
        fleet: Whose.
        silent: Share of the communities whose terminal falls silent once.
        nonsense: Share of the communities of which one meter sends nonsense for a while.
        first_minute: Of the run, epoch seconds.
        minutes: Length of the run.
    """
    room = minutes - 2 * CALM_MINUTES - LONGEST_MINUTES
    if room < 1:
        return ()
    rng = np.random.default_rng([fleet.seed, BREAKDOWN_STREAM])
    communities = len(fleet.community_ids)
    order = rng.permutation(communities).tolist()
    silences = round(silent * communities)
    broken = order[silences : silences + round(nonsense * communities)]
    drawn = []
    for community in (*order[:silences], *broken):
        start = CALM_MINUTES + int(rng.integers(0, room))
        length = int(rng.integers(SHORTEST_MINUTES, LONGEST_MINUTES + 1))
        household = int(rng.choice(np.flatnonzero(fleet.community == community)))
        is_broken = community in broken
        drawn.append(
            Breakdown(
                MalfunctionKind.INCONSISTENT if is_broken else MalfunctionKind.TERMINAL_SILENT,
                community,
                household if is_broken else None,
                first_minute + start * MINUTE_S,
                length,
            )
        )
    return tuple(drawn)


def masks(
    fleet: Fleet, breakdowns: Sequence[Breakdown], *, first_minute: int, minutes: int
) -> tuple[Mask, Mask]:
    """Return what some minutes have of them: which terminals are silent, which meters broken.

    Returns:
        (minutes, terminals) and (minutes, households).
    """
    silent = np.zeros((minutes, len(fleet.terminals)), np.bool_)
    broken = np.zeros((minutes, fleet.households), np.bool_)
    for breakdown in breakdowns:
        first = max((breakdown.first_minute - first_minute) // MINUTE_S, 0)
        end = min((breakdown.end - first_minute) // MINUTE_S, minutes)
        if first >= end:
            continue
        if breakdown.household is None:
            name = fleet.community_ids[breakdown.community]
            silent[first:end] |= [each.community_id == name for each in fleet.terminals]
        else:
            broken[first:end, breakdown.household] = True
    return silent, broken


@dataclass(frozen=True, slots=True)
class Suspect:
    """What a ticket can be about.

    Attributes:
        kind: Of the ticket.
        community_id: Whose.
        meter_id: The meter that is refused; None: the terminal, or some of its meters, is silent.
        first_minute: At which it is wrong, epoch seconds.
        end: Start of the first minute after it, epoch seconds.
        is_certain: Whether there must be a ticket; else there may be one.
    """

    kind: MalfunctionKind
    community_id: str
    meter_id: str | None
    first_minute: int
    end: int
    is_certain: bool


def suspects_of(
    fleet: Fleet, breakdowns: Sequence[Breakdown], *, absent: Mask, refused: Mask, first_minute: int
) -> Iterator[Suspect]:
    """Yield what a run's tickets can be about.

    Args:
        fleet: Whose.
        breakdowns: Of the run.
        absent: (minutes, terminals) of the run: where no frame came in time.
        refused: (minutes, households): where a reading was refused.
        first_minute: Of the run, epoch seconds.
    """
    for breakdown in breakdowns:
        meter = None if breakdown.household is None else fleet.meter_ids[breakdown.household]
        community = fleet.community_ids[breakdown.community]
        yield Suspect(
            breakdown.kind, community, meter, breakdown.first_minute, breakdown.end, is_certain=True
        )
    for place, terminal in enumerate(fleet.terminals):
        for first, end in _runs(absent[:, place]):
            yield Suspect(
                MalfunctionKind.TERMINAL_SILENT,
                terminal.community_id,
                None,
                first_minute + first * MINUTE_S,
                first_minute + end * MINUTE_S,
                is_certain=False,
            )
    for household in np.flatnonzero(refused.sum(axis=0) >= REFUSED_MINUTES).tolist():
        for first, end in _refusals(refused[:, household]):
            yield Suspect(
                MalfunctionKind.INCONSISTENT,
                fleet.community_ids[int(fleet.community[household])],
                fleet.meter_ids[household],
                first_minute + first * MINUTE_S,
                first_minute + end * MINUTE_S,
                is_certain=False,
            )


def _runs(absent: Mask) -> Iterator[tuple[int, int]]:
    """Yield where nothing came for so many minutes in a row that it looks like silence."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], absent.astype(np.int8), [0]])))
    for first, end in edges.reshape(-1, 2).tolist():
        if end - first >= SILENT_MINUTES:
            yield first, end


def _refusals(refused: Mask) -> Iterator[tuple[int, int]]:
    """Yield where so much of a meter is refused that it looks like a malfunction."""
    minutes = np.flatnonzero(refused).tolist()
    for first, last in zip(minutes, minutes[REFUSED_MINUTES - 1 :], strict=False):
        if last - first <= _HOUR_MINUTES:
            yield first, last + 1
