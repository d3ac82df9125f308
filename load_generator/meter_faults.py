"""What goes wrong in the meters and their terminals, drawn beforehand: each fault is a label.

Faults on the way are in `faults.py`; these are in what is told. Off unless asked for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from load_generator.faults import FaultRateError
from load_generator.fleet import Fleet
from schemas.units import MINUTE_S

METER_FAULT_STREAM: Final = 5
DAYS_A_MONTH: Final = 30
MINUTES_A_MONTH: Final = DAYS_A_MONTH * 24 * 60
APART_MINUTES: Final = 180
"""Faults of one meter keep so far apart that each can be told from the others."""
MOST_GLITCHED_READINGS: Final = 3


class MeterFaultKind(StrEnum):
    """What can go wrong with a meter; the last two are of a terminal, and so of all its meters."""

    STUCK = "stuck_value"
    SPIKE = "spike"
    NEGATIVE = "negative"
    UNIT = "swapped_unit"
    PHANTOM = "phantom_battery"
    RESET = "register_reset"
    GLITCH = "register_glitch"
    ROLLOVER = "register_rollover"
    OUTAGE = "outage"
    WRONG_COMMUNITY = "wrong_community"
    DRIFT = "clock_drift"
    TERMINAL_OUTAGE = "terminal_outage"


TERMINAL_KINDS: Final = (MeterFaultKind.DRIFT, MeterFaultKind.TERMINAL_OUTAGE)


@dataclass(frozen=True, kw_only=True)
class MeterFaultRates:
    """Mean number of faults in 30 days: of a meter, or of a terminal for the last two.

    `register_rollover` is the share of meters whose import register is about to begin again at 0.
    """

    stuck_value: float = 0.0
    spike: float = 0.0
    negative: float = 0.0
    swapped_unit: float = 0.0
    phantom_battery: float = 0.0
    register_reset: float = 0.0
    register_glitch: float = 0.0
    register_rollover: float = 0.0
    outage: float = 0.0
    wrong_community: float = 0.0
    clock_drift: float = 0.0
    terminal_outage: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what can't be."""
        for field in fields(self):
            rate = getattr(self, field.name)
            if not 0 <= rate < float("inf"):
                raise FaultRateError(f"rate {field.name}={rate} must be at least 0 and finite")
        if self.register_rollover > 1:
            raise FaultRateError(f"register_rollover={self.register_rollover} must be at most 1")


METER_FAULT_RATES: Final = {
    "none": MeterFaultRates(),
    "some": MeterFaultRates(
        stuck_value=0.2,
        spike=0.3,
        negative=0.2,
        swapped_unit=0.2,
        phantom_battery=0.1,
        register_reset=0.1,
        register_glitch=0.2,
        register_rollover=0.1,
        outage=0.6,
        wrong_community=0.1,
        clock_drift=1.5,
        terminal_outage=1.0,
    ),
}
"""The rates by the word that users say; far more than in any real fleet, so that a month tells."""


@dataclass(frozen=True)
class MeterFault:
    """One fault, which is its own label.

    Attributes:
        kind: What goes wrong.
        owner: The household, or the terminal, by its place in the fleet.
        channel: Whose column is wrong; None when all of the reading is, or its register.
        first_minute: Epoch seconds.
        minutes: How long.
        factor: Of a spike or a unit what it is multiplied with, of a drift the minutes that the
            clock is off in the end, of a wrong community its number; else unused.
    """

    kind: MeterFaultKind
    owner: int
    channel: str | None
    first_minute: int
    minutes: int
    factor: float = 0.0

    @property
    def end(self) -> int:
        """Start of the first minute after it, epoch seconds."""
        return self.first_minute + self.minutes * MINUTE_S


def draw_meter_faults(
    fleet: Fleet, rates: MeterFaultRates, *, first_minute: int, minutes: int
) -> tuple[MeterFault, ...]:
    """Return the faults of a run, in the order of time; rollovers show as the registers go on."""
    rng = np.random.default_rng([fleet.seed, METER_FAULT_STREAM])
    months = minutes / MINUTES_A_MONTH
    drawn: list[MeterFault] = []
    for kind in MeterFaultKind:
        if kind is MeterFaultKind.ROLLOVER:
            continue
        owners = len(fleet.terminals) if kind in TERMINAL_KINDS else fleet.households
        rate = getattr(rates, kind.value)
        for owner in np.repeat(np.arange(owners), rng.poisson(rate * months, owners)).tolist():
            # The first day is left whole, as far as there is more than one.
            start = int(rng.integers(min(minutes // 4, 1440), max(minutes, 2)))
            fault = _fault(rng, fleet, kind, owner, first_minute + start * MINUTE_S)
            if fault is not None and fault.end < first_minute + minutes * MINUTE_S:
                drawn.append(fault)
    return tuple(_apart(fleet, drawn))


def _fault(  # noqa: C901 - one case for each kind
    rng: np.random.Generator, fleet: Fleet, kind: MeterFaultKind, owner: int, start: int
) -> MeterFault | None:
    """Return a fault of the kind, or None where the household has nothing that could have it."""

    def lasting(least: int, most: int) -> int:
        return round(float(np.exp(rng.uniform(np.log(least), np.log(most)))))

    has_panels, has_battery = owner in fleet.pv, owner in fleet.battery
    channel, length, factor = None, 1, 0.0
    match kind:
        case MeterFaultKind.STUCK:
            channel = "production" if has_panels and rng.random() < 0.5 else "consumption"  # noqa: PLR2004
            length = lasting(30, 48 * 60)
        case MeterFaultKind.SPIKE:
            channel = "battery_level" if has_battery and rng.random() < 0.5 else "consumption"  # noqa: PLR2004
            length, factor = int(rng.integers(1, 4)), float(lasting(5, 200))
        case MeterFaultKind.NEGATIVE:
            channel, length = "consumption", int(rng.integers(1, 6))
        case MeterFaultKind.UNIT:
            length, factor = lasting(60, 72 * 60), float(rng.choice([1000, 0.001, 60, 1 / 60]))
        case MeterFaultKind.PHANTOM:
            if has_battery:
                return None
            channel, length = "battery_discharge", lasting(10, 60)
        case MeterFaultKind.GLITCH:
            channel, length = "import_register", int(rng.integers(1, MOST_GLITCHED_READINGS + 1))
            factor = float(rng.choice([0.0, 0.5, 10.0]))
        case MeterFaultKind.OUTAGE:
            length = lasting(5, 72 * 60)
        case MeterFaultKind.TERMINAL_OUTAGE:
            length = lasting(10, 12 * 60)
        case MeterFaultKind.WRONG_COMMUNITY:
            length = lasting(60, 24 * 60)
            own = int(fleet.community[owner])
            factor = float(own + 1)
        case MeterFaultKind.DRIFT:
            length = lasting(6 * 60, 48 * 60)
            factor = float(rng.choice([-1, 1]) * rng.integers(3, 20))
        case _:
            pass
    return MeterFault(kind, owner, channel, start, length, factor)


def _apart(fleet: Fleet, drawn: Iterable[MeterFault]) -> Iterator[MeterFault]:
    """Yield the faults that are far enough from those before them, in the order of time."""
    free_from = np.zeros(fleet.households, np.int64)
    for fault in sorted(drawn, key=lambda fault: (fault.first_minute, fault.kind, fault.owner)):
        meters = meters_of(fleet, fault)
        if (free_from[meters] <= fault.first_minute).all():
            free_from[meters] = fault.end + APART_MINUTES * MINUTE_S
            yield fault


def meters_of(fleet: Fleet, fault: MeterFault) -> slice:
    """Return which households a fault concerns."""
    if fault.kind in TERMINAL_KINDS:
        terminal = fleet.terminals[fault.owner]
        return slice(terminal.first, terminal.last)
    return slice(fault.owner, fault.owner + 1)


LABEL_SCHEMA: Final = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("community_id", pa.string(), nullable=False),
        pa.field("meter_id", pa.string(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("first_minute", pa.timestamp("s", tz="UTC"), nullable=False),
        pa.field("minutes", pa.int32(), nullable=False),
    ]
)
"""One row for each fault and meter that it concerns."""


def label_table(fleet: Fleet, faults: Sequence[MeterFault]) -> pa.Table:
    """Return the labels of faults."""
    rows = [
        {
            "kind": fault.kind.value,
            "community_id": fleet.community_ids[int(fleet.community[meter])],
            "meter_id": fleet.meter_ids[meter],
            "channel": fault.channel,
            "first_minute": fault.first_minute,
            "minutes": fault.minutes,
        }
        for fault in faults
        for meter in range(fleet.households)[meters_of(fleet, fault)]
    ]
    return pa.Table.from_pylist(rows, schema=LABEL_SCHEMA)


def write_labels(labels: pa.Table, path: Path) -> None:
    """Write labels as Parquet."""
    pq.write_table(labels, path, compression="zstd")
