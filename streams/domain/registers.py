"""Following a meter's register: what is an advance, a rollover, a glitch, a reset.

A register only goes on, up to where it begins again at 0. What it can't have done is held back: if
it comes back within a few readings it was a glitch, and nothing is rebased; if it stays, the meter
was reset (or exchanged), and counts on from there.
"""

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.units import MINUTE_S
from streams.compiled import compiled
from streams.domain.channels import MISSING
from streams.domain.vee import Energies

STATE: Final = np.dtype(
    [
        ("total", "<i8"),
        ("carried", "<i8"),
        ("held", "<i8"),
        ("minute", "<i4"),
        ("held_minute", "<i4"),
        ("held_count", "u1"),
    ]
)
"""What is remembered of one register, packed: 33 bytes.

`total` is the last accepted reading with all rollovers added, `MISSING` before the first, and
`carried` what they added; `held` is the last that was held back. Minutes are epoch minutes.
"""

State = npt.NDArray[np.void]


class Step(IntEnum):
    """What a register's reading is, after the one before it."""

    ABSENT = 0
    ADVANCE = 1
    ROLLOVER = 2
    GLITCH = 3
    RESET = 4


class Followed(NamedTuple):
    """A batch of one register's readings.

    Attributes:
        totals: (minute, meter) mWh since the register was set, rollovers added; `MISSING` where
            there is none or it was held back.
        steps: (minute, meter) `Step` as uint8. A reset stands where the register became low, if
            that is in this batch; a reading that is still held back stands as a glitch.
        state: After the batch.
    """

    totals: Energies
    steps: npt.NDArray[np.uint8]
    state: State


def unknown(meters: int) -> State:
    """Return the state of registers that nothing is known of."""
    state = np.zeros(meters, STATE)
    state["total"] = MISSING
    return state


def follow(  # noqa: PLR0913 - a register, its state, and what it can do
    registers: Energies,
    first_minute: int,
    state: State,
    *,
    minute_caps: Energies,
    maximum: Energies,
    glitch_readings: int,
) -> Followed:
    """Return what the readings of a register are, minute by minute.

    Args:
        registers: (minute, meter) mWh at the end of the minute, `MISSING` where not read.
        first_minute: Epoch seconds of the first row.
        state: (meter), as it was before.
        minute_caps: By meter, the most it can go on in a minute, mWh.
        maximum: By meter, where it begins again at 0, mWh; 0 when not known.
        glitch_readings: How many readings it may be elsewhere and come back.
    """
    after = state.copy()
    totals = np.full(registers.shape, MISSING, np.int64)
    steps = np.zeros(registers.shape, np.uint8)
    start = first_minute // MINUTE_S
    _follow(registers, start, after, minute_caps, maximum, glitch_readings, totals, steps)
    return Followed(totals, steps, after)


@compiled
def _follow(  # noqa: C901, PLR0913, PLR0917 - numba takes no dataclass
    registers: Energies,
    start: int,
    state: State,
    minute_caps: Energies,
    maximum: Energies,
    glitch_readings: int,
    totals: Energies,
    steps: npt.NDArray[np.uint8],
) -> None:
    minutes, meters = registers.shape
    for meter in range(meters):
        record = state[meter]
        total, carried, held = record["total"], record["carried"], record["held"]
        last, held_last, count = record["minute"], record["held_minute"], record["held_count"]
        cap, modulus = minute_caps[meter], maximum[meter]
        # Rows of this batch that are held back, oldest first, at most as many as make a reset.
        first_held = -1
        for row in range(minutes):
            reading = registers[row, meter]
            if reading < 0:
                continue
            now = start + row
            advance = reading + carried - total
            step = 0
            if total == MISSING or 0 <= advance <= cap * (now - last):
                step = 1
            elif modulus > 0 and 0 <= advance + modulus <= cap * (now - last):
                step, carried = 2, carried + modulus
            if step:
                total, last, count = reading + carried, now, 0
                totals[row, meter], steps[row, meter] = total, step
                continue
            goes_on = count > 0 and 0 <= reading - held <= cap * (now - held_last)
            if not goes_on:
                first_held = row
            count = count + 1 if goes_on else 1
            held, held_last = reading, now
            steps[row, meter] = 3
            if count > glitch_readings:
                begin = max(first_held, 0)
                is_first = True
                for again in range(begin, row + 1):
                    if registers[again, meter] >= 0:
                        totals[again, meter] = registers[again, meter]
                        steps[again, meter] = 4 if is_first else 1
                        is_first = False
                total, carried, last, count = reading, 0, now, 0
        # What is held back over the end of the batch began in no row of the next.
        record["total"], record["carried"], record["held"] = total, carried, held
        record["minute"], record["held_minute"], record["held_count"] = last, held_last, count
