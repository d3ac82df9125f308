"""What goes wrong on the way, how often, and how often it did."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from load_generator.breakdowns import Breakdown, masks
from load_generator.fleet import Fleet
from schemas.errors import OperatorError

MAX_REORDERED_MINUTES: Final = 2
MAX_LATE_MINUTES: Final = 90
MAX_DUPLICATE_MINUTES: Final = 5
QUIET_LAST_MINUTES: Final = 3
"""The last minutes of a run arrive whole and in time, so that everything closes."""

FAULT_STREAM: Final = 2


class FaultRateError(OperatorError, ValueError):
    """A rate that can't be; the text names it, its value and the limit."""


@dataclass(frozen=True, kw_only=True)
class FaultRates:
    """Shares in [0, 1] of all frames, and of all readings for `invalid`.

    A frame is at most one of lost, late and reordered. Reordered: overtaken by frames up to 2 min
    younger. Late: sent 3 to 90 min after its minute. Duplicated: the same bytes again within
    5 min. Corrected: its energies are wrong for some or all of its meters, and within 90 min a
    second frame puts them right. Invalid: a reading with a negative energy.

    `silent` and `nonsense` are shares of the communities: once in a run the terminal sends nothing,
    or one meter sends negative energies, for 10 to 45 min (`breakdowns`).
    """

    duplicated: float = 0.0
    reordered: float = 0.0
    late: float = 0.0
    lost: float = 0.0
    corrected: float = 0.0
    invalid: float = 0.0
    silent: float = 0.0
    nonsense: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what can't be."""
        for field in fields(self):
            rate = getattr(self, field.name)
            if not 0 <= rate <= 1:
                raise FaultRateError(f"rate {field.name}={rate} must lie in [0, 1]")
        exclusive = self.lost + self.late + self.reordered
        if exclusive > 1:
            raise FaultRateError(f"lost + late + reordered = {exclusive} must be at most 1")


FAULT_RATES: Final = {
    "none": FaultRates(),
    "some": FaultRates(
        duplicated=0.01,
        reordered=0.02,
        late=0.01,
        lost=0.005,
        corrected=0.005,
        invalid=0.0001,
        silent=0.1,
        nonsense=0.1,
    ),
    "many": FaultRates(
        duplicated=0.05,
        reordered=0.1,
        late=0.05,
        lost=0.02,
        corrected=0.03,
        invalid=0.001,
        silent=0.25,
        nonsense=0.25,
    ),
}
"""The rates by the word that users say."""


@dataclass(frozen=True, kw_only=True)
class FaultCounts:
    """How many frames and readings met which fate.

    `sent` and `readings_sent` count everything handed to the broker: originals that were not lost,
    duplicates and corrections. `rejected_readings` counts an invalid reading each time that it is
    sent, as the receiver sees it.
    """

    sent: int = 0
    readings_sent: int = 0
    duplicates: int = 0
    reordered: int = 0
    late: int = 0
    lost: int = 0
    lost_readings: int = 0
    corrected: int = 0
    corrected_readings: int = 0
    rejected_readings: int = 0

    def __add__(self, other: Self) -> "FaultCounts":
        """Return the counts of both together."""
        return FaultCounts(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )


@dataclass(frozen=True)
class Fates:
    """What happens to the frames and readings of some minutes; delays are in minutes.

    Frame arrays are (minutes, terminals), `invalid` is (minutes, households). A delay of -1 in
    `duplicate_delay` and `correction_delay` means: none.
    """

    lost: NDArray[np.bool_]
    delay: NDArray[np.int64]
    duplicate_delay: NDArray[np.int64]
    correction_delay: NDArray[np.int64]
    invalid: NDArray[np.bool_]


def draw_fates(  # noqa: PLR0913 - what they follow from
    fleet: Fleet,
    rates: FaultRates,
    breakdowns: Sequence[Breakdown],
    *,
    first_minute: int,
    minutes: int,
    quiet: int,
) -> Fates:
    """Return the fates of `minutes` minutes; the last `quiet` of them lose and delay nothing."""
    silent, broken = masks(fleet, breakdowns, first_minute=first_minute, minutes=minutes)
    rng = np.random.Generator(np.random.SFC64([fleet.seed, FAULT_STREAM, first_minute]))
    shape = (minutes, len(fleet.terminals))
    disturbed = (np.arange(minutes) < minutes - quiet)[:, np.newaxis]

    lot = rng.random(shape)
    lost = disturbed & ((lot < rates.lost) | silent)
    late = disturbed & ~lost & (lot < rates.lost + rates.late)
    reordered = disturbed & ~lost & ~late & (lot < rates.lost + rates.late + rates.reordered)
    delay = np.where(reordered, rng.integers(1, MAX_REORDERED_MINUTES + 1, shape), 0)
    late_by = rng.integers(MAX_REORDERED_MINUTES + 1, MAX_LATE_MINUTES + 1, shape)
    delay = np.where(late, late_by, delay)

    duplicated = ~lost & (rng.random(shape) < rates.duplicated)
    again_after = rng.integers(0, MAX_DUPLICATE_MINUTES + 1, shape)
    corrected = disturbed & ~lost & (rng.random(shape) < rates.corrected)
    corrected_after = rng.integers(1, MAX_LATE_MINUTES + 1, shape)

    invalid = np.zeros((minutes, fleet.households), np.bool_)
    spots = rng.integers(0, invalid.size, rng.binomial(invalid.size, rates.invalid))
    invalid.reshape(-1)[spots] = True
    return Fates(
        lost=lost,
        delay=delay,
        duplicate_delay=np.where(duplicated, again_after, -1),
        correction_delay=np.where(corrected, corrected_after, -1),
        invalid=(invalid | broken) & disturbed,
    )
