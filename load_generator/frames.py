"""Frames as bytes: the same columns for a whole grid, cut and joined by terminal and minute.

Numbers are formatted for all minutes of a terminal's column at once, which is what makes a
million readings a second possible.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from load_generator.energy_flows import Energy, EnergyFlows
from load_generator.fleet import Fleet, Index, Terminal
from schemas.units import MINUTE_S

Wh = NDArray[np.float64]
"""(minutes, households); NaN where the meter does not measure, which is null in JSON."""

MWH_A_WH: Final = 1000
FINE_PARTS_A_MWH: Final = 10
SENT_A_MINUTE: Final = 128
"""Sequence numbers a terminal has for one minute; corrections of up to 90 older ones fit in."""

FINE_STREAM: Final = 3


class Frame(NamedTuple):
    """One record to send: the key, the JSON, and how many readings it holds."""

    key: bytes
    value: bytes
    readings: int


@dataclass(frozen=True)
class Correction:
    """What some households of a terminal really used and made in one minute, mWh by household.

    The frame of the minute says `wrong_consumption` and `wrong_production` instead: it stands until
    the correction comes. Production counts only for those who measure it. The registers are right
    in both.
    """

    minute_index: int
    terminal: int
    delay_minutes: int
    households: Index
    consumption: Energy
    production: Energy
    wrong_consumption: Energy
    wrong_production: Energy


@dataclass(frozen=True)
class FrameColumns:
    """What the meters report in some minutes, in Wh, by column name in the frame's order."""

    first_minute: int
    of: dict[str, Wh]

    def before(self, corrections: Sequence[Correction]) -> "FrameColumns":
        """Return what they report as long as the corrections of it have not come.

        A reading that is invalid stays so.
        """
        if not corrections:
            return self
        of = {name: column.copy() for name, column in self.of.items()}
        for correction in corrections:
            place = correction.minute_index, correction.households
            for name, wrong in (
                ("consumption_wh", correction.wrong_consumption),
                ("production_wh", correction.wrong_production),
            ):
                is_valid = self.of[name][place] >= 0
                of[name][place] = np.where(is_valid, wrong / MWH_A_WH, self.of[name][place])
        return FrameColumns(self.first_minute, of)

    @property
    def minutes(self) -> range:
        """Starts of the minutes, epoch seconds."""
        count = len(next(iter(self.of.values())))
        return range(self.first_minute, self.first_minute + count * MINUTE_S, MINUTE_S)


def frame_columns(
    fleet: Fleet, flows: EnergyFlows, *, first_minute: int, invalid: NDArray[np.bool_]
) -> FrameColumns:
    """Return the columns as the terminals send them; invalid readings have a negative energy.

    Where a terminal sends more than three decimals, they round half to even to the flow's mWh,
    ties included.
    """
    consumption, production = flows.consumption, flows.production
    if invalid.any():
        wrong_production = invalid[:, fleet.pv].copy()
        wrong_production[::2] = False
        wrong_consumption = invalid.copy()
        wrong_consumption[:, fleet.pv] &= ~wrong_production
        consumption = np.where(wrong_consumption, -1 - consumption, consumption)
        production = np.where(wrong_production, -1 - production, production)
    sent = consumption / MWH_A_WH
    rng = np.random.Generator(np.random.SFC64([fleet.seed, FINE_STREAM, first_minute]))
    sent[:, fleet.fine] = _with_a_fourth_decimal(rng, consumption[:, fleet.fine])
    return FrameColumns(
        first_minute=first_minute,
        of={
            "consumption_wh": sent,
            "production_wh": _spread(fleet, fleet.pv, production),
            "battery_charge_wh": _spread(fleet, fleet.battery, flows.battery_charge),
            "battery_discharge_wh": _spread(fleet, fleet.battery, flows.battery_discharge),
            "battery_level_wh": _spread(fleet, fleet.battery, flows.battery_level),
            "import_register_wh": flows.import_register / MWH_A_WH,
            "export_register_wh": flows.export_register / MWH_A_WH,
        },
    )


def _spread(fleet: Fleet, owners: Index, energy: Energy) -> Wh:
    column = np.full((len(energy), fleet.households), np.nan)
    column[:, owners] = energy / MWH_A_WH
    return column


def _with_a_fourth_decimal(rng: np.random.Generator, energy: Energy) -> Wh:
    digits = rng.integers(-5, 6, energy.shape)
    # A tie goes to the even neighbour, so an odd number of mWh has none that leads to it.
    digits = np.where(energy % 2 == 1, np.clip(digits, -4, 4), digits)
    # Nothing becomes negative, and nothing negative becomes nothing.
    digits = np.where(np.abs(energy) <= 1, np.abs(digits) * np.sign(energy + 0.5), digits)
    return (energy * FINE_PARTS_A_MWH + digits) / (MWH_A_WH * FINE_PARTS_A_MWH)


def sequence(minute: int, terminal: Terminal, *, delay_minutes: int = 0) -> int:
    """Return the number of what a terminal says about `minute` when `delay_minutes` have passed.

    It grows with everything that the terminal makes: a correction is above its original, and
    parts of one community never share a number.
    """
    made = minute // MINUTE_S + delay_minutes
    return (made * SENT_A_MINUTE + delay_minutes) * terminal.parts + terminal.part


@dataclass(frozen=True)
class FrameEncoder:
    """Writes a fleet's frames; what never changes in them is prepared once."""

    fleet: Fleet
    names: tuple[tuple[str, ...], ...]
    templates: tuple[bytes, ...]
    keys: tuple[bytes, ...]

    @classmethod
    def of(cls, fleet: Fleet) -> Self:
        """Return a fleet's encoder; a column that no meter of a terminal has is absent."""
        names = tuple(tuple(_columns_of(fleet, terminal)) for terminal in fleet.terminals)
        return cls(
            fleet=fleet,
            names=names,
            templates=tuple(
                _template(terminal, fleet.meter_ids[terminal.first : terminal.last], columns)
                for terminal, columns in zip(fleet.terminals, names, strict=True)
            ),
            keys=tuple(terminal.community_id.encode() for terminal in fleet.terminals),
        )

    def frames(self, columns: FrameColumns) -> list[list[Frame]]:
        """Return every terminal's frames, one a minute: `frames[terminal][minute]`."""
        minutes = columns.minutes
        result = []
        for terminal, names, template, key in zip(
            self.fleet.terminals, self.names, self.templates, self.keys, strict=True
        ):
            readings = terminal.last - terminal.first
            texts = [_texts(columns.of[name][:, terminal.first : terminal.last]) for name in names]
            numbers = [sequence(minute, terminal) for minute in minutes]
            result.append(
                [
                    Frame(key, template % row, readings)
                    for row in zip(minutes, numbers, *texts, strict=True)
                ]
            )
        return result

    def correction(self, columns: FrameColumns, correction: Correction) -> Frame:
        """Return the frame that puts readings right; what was right, it repeats."""
        terminal = self.fleet.terminals[correction.terminal]
        households = correction.households
        minute = columns.minutes[correction.minute_index]
        values = {
            name: columns.of[name][correction.minute_index, households]
            for name in self.names[correction.terminal]
        }
        values["consumption_wh"] = correction.consumption / MWH_A_WH
        if "production_wh" in values:
            measured = ~np.isnan(values["production_wh"])
            values["production_wh"] = np.where(measured, correction.production / MWH_A_WH, np.nan)
        content = {
            "community_id": terminal.community_id,
            "minute": minute,
            "sequence": sequence(minute, terminal, delay_minutes=correction.delay_minutes),
            "meter_id": [self.fleet.meter_ids[household] for household in households.tolist()],
            **values,
        }
        return Frame(
            self.keys[correction.terminal],
            orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY),
            len(households),
        )


def _columns_of(fleet: Fleet, terminal: Terminal) -> Iterable[str]:
    def owned(owners: Index) -> bool:
        first, last = np.searchsorted(owners, [terminal.first, terminal.last])
        return bool(first < last)

    yield "consumption_wh"
    if owned(fleet.pv):
        yield "production_wh"
    if owned(fleet.battery):
        yield from ("battery_charge_wh", "battery_discharge_wh", "battery_level_wh")
    yield from ("import_register_wh", "export_register_wh")


def _template(terminal: Terminal, meter_ids: Sequence[str], columns: Sequence[str]) -> bytes:
    constant = orjson.dumps({"community_id": terminal.community_id, "meter_id": meter_ids})[1:-1]
    places = b"".join(b',"%b":[%%b]' % name.encode() for name in columns)
    return b'{"minute":%d,"sequence":%d,' + constant.replace(b"%", b"%%") + places + b"}"


def _texts(column: Wh) -> list[bytes]:
    """Return the numbers of each minute as JSON, without the brackets."""
    text = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)
    return text[2:-2].split(b"],[")
