"""What is wrong with a reading as it stands, asked of whole columns at once.

One pass over the cells of a batch, which numba compiles into vector instructions: the hot path
asks this of every reading. Each rule is one function of numbers, tested alone.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from streams.compiled import compiled
from streams.domain.channels import CHARGE, DISCHARGE, MISSING, PRODUCTION, Cells, positions
from streams.domain.vee import MWH_PER_W_MINUTE, Energies, Flags, Rule, Thresholds, bit

LEVEL: Final = DISCHARGE + 1

_NEGATIVE: Final = bit(Rule.NEGATIVE_ENERGY)
_OVER_CAP: Final = bit(Rule.OVER_CAP)
_LEVEL_RULE: Final = bit(Rule.BATTERY_LEVEL)
_NO_BATTERY: Final = bit(Rule.NO_BATTERY)
_NIGHT: Final = bit(Rule.NIGHT_PRODUCTION)
_BALANCE: Final = bit(Rule.BATTERY_BALANCE)


def check_minutes(  # noqa: PLR0913 - readings, and what they are held against
    cells: Cells,
    mask: int,
    caps: Cells,
    is_night: npt.NDArray[np.bool_],
    level_before: Energies,
    *,
    thresholds: Thresholds,
) -> tuple[Flags, Energies]:
    """Return what is wrong with each reading, and the batteries' levels after it.

    Args:
        cells: (minute, channel, meter) mWh, `MISSING` where not measured; minutes in order.
        mask: Bit for each channel that `cells` has a row for.
        caps: (channel, meter) mWh, as `MeterLimits.minute_caps`.
        is_night: By minute.
        level_before: By meter, mWh, the last known; `MISSING` for none. 8 bytes a meter.
        thresholds: What is compared with.
    """
    channels = positions(mask)
    rows = tuple(channels.index(c) if c in channels else -1 for c in range(LEVEL + 1))
    flags = np.zeros((cells.shape[0], cells.shape[2]), np.uint32)
    _ranges(cells, rows, caps, flags)
    if rows[PRODUCTION] >= 0:
        _night(cells[:, rows[PRODUCTION]], is_night, _night_mwh(thresholds), flags)
    level_after = level_before.copy()
    if rows[LEVEL] >= 0:
        efficiency, share = thresholds.battery_efficiency, thresholds.balance_share
        _balances(cells, rows, level_after, efficiency, thresholds.balance_mwh, share, flags)
    return flags, level_after


def _night_mwh(thresholds: Thresholds) -> int:
    return int(thresholds.night_power_w * MWH_PER_W_MINUTE)


@compiled
def is_negative(energy: int) -> bool:
    """Say whether an energy is below 0; -1 mWh is `MISSING` here, and refused at the door."""
    return energy < MISSING


@compiled
def is_over(energy: int, cap: int) -> bool:
    """Say whether an energy, or a battery's level, is above what is possible; mWh both."""
    return energy > cap


@compiled
def is_unbalanced(  # noqa: PLR0913, PLR0917 - numba takes no dataclass
    level: int, before: int, charge: int, discharge: int, efficiency: float, within: float
) -> bool:
    """Say whether a battery's level went elsewhere than its charge and discharge say; mWh."""
    return abs(level - before - (charge * efficiency - discharge)) > within


@compiled
def _ranges(cells: Cells, rows: tuple[int, ...], caps: Cells, flags: Flags) -> None:
    for minute in range(cells.shape[0]):
        found = flags[minute]
        for channel in range(LEVEL + 1):
            if rows[channel] < 0:
                continue
            energies, cap = cells[minute, rows[channel]], caps[channel]
            if channel == LEVEL:
                for meter in range(energies.shape[0]):
                    energy = energies[meter]
                    bits = np.uint32(0)
                    if is_negative(energy) or is_over(energy, cap[meter]):
                        bits = np.uint32(_LEVEL_RULE)
                    found[meter] |= bits
            else:
                over = np.uint32(_OVER_CAP)
                for meter in range(energies.shape[0]):
                    energy = energies[meter]
                    bits = np.uint32(0)
                    if is_negative(energy):
                        bits = np.uint32(_NEGATIVE)
                    elif is_over(energy, cap[meter]):
                        no_battery = channel in (CHARGE, DISCHARGE) and cap[meter] == 0
                        bits = np.uint32(_NO_BATTERY) if no_battery else over
                    found[meter] |= bits


@compiled
def _night(
    production: Energies, is_night: npt.NDArray[np.bool_], most_mwh: int, flags: Flags
) -> None:
    for minute in range(production.shape[0]):
        if is_night[minute]:
            for meter in range(production.shape[1]):
                if is_over(production[minute, meter], most_mwh):
                    flags[minute, meter] |= np.uint32(_NIGHT)


@compiled
def _balances(  # noqa: PLR0913, PLR0917 - numba takes no dataclass
    cells: Cells,
    rows: tuple[int, ...],
    level_before: Energies,
    efficiency: float,
    least_mwh: int,
    share: float,
    flags: Flags,
) -> None:
    """Set the flag of a level that does not fit its minute; put the levels into `level_before`."""
    for minute in range(cells.shape[0]):
        for meter in range(cells.shape[2]):
            level = cells[minute, rows[LEVEL], meter]
            before = level_before[meter]
            level_before[meter] = level
            if level < 0 or before < 0:
                continue
            charge = cells[minute, rows[CHARGE], meter] if rows[CHARGE] >= 0 else MISSING
            discharge = cells[minute, rows[DISCHARGE], meter] if rows[DISCHARGE] >= 0 else MISSING
            if charge < 0 or discharge < 0:
                continue
            within = max(least_mwh, share * (charge + discharge))
            if is_unbalanced(level, before, charge, discharge, efficiency, within):
                flags[minute, meter] |= np.uint32(_BALANCE)
