"""The sum check: what a meter's readings add up to against what its registers went on by.

By minute it says which reading is wrong; by period it finds what is too small to be seen in one,
because a register's rounding does not add up. A unit that was swapped shows in the ratio of both.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.units import MINUTE_S, PERIOD_MINUTES
from streams.compiled import compiled
from streams.domain.channels import (
    CHARGE,
    CONSUMPTION,
    DISCHARGE,
    MISSING,
    PRODUCTION,
    Cells,
    positions,
)
from streams.domain.registers import Followed, State, Step
from streams.domain.vee import Energies, Flags, Rule, Thresholds, bit

UNIT_FACTORS: Final = (1000.0, 60.0)
"""kWh for Wh, and W for Wh a minute; each may be swapped either way."""

_MISMATCH: Final = bit(Rule.REGISTER_MISMATCH)
_UNIT: Final = bit(Rule.SWAPPED_UNIT)
_RESET: Final = int(Step.RESET)

Confirmed = npt.NDArray[np.bool_]


def check_registers(  # noqa: PLR0913 - two registers, before and after
    cells: Cells,
    mask: int,
    first_minute: int,
    imports: Followed,
    exports: Followed,
    *,
    imports_before: State,
    exports_before: State,
    thresholds: Thresholds,
) -> tuple[Flags, Confirmed]:
    """Return which readings their registers contradict, and which they confirm.

    A reading is held against its registers when both were accepted at its end and at its start.
    One that neither is contradicted nor confirmed has no such registers.

    Args:
        cells: (minute, channel, meter) mWh, `MISSING` where not measured.
        mask: Bit for each channel that `cells` has a row for.
        first_minute: Epoch seconds of the first row.
        imports: The import registers, as `registers.follow` returned them.
        exports: The export registers.
        imports_before: Their state before the batch.
        exports_before: Theirs.
        thresholds: What is compared with.

    Returns:
        (minute, meter) flags of `REGISTER_MISMATCH` and `SWAPPED_UNIT`, and (minute, meter) bool.
    """
    net = net_of(cells, mask)
    flags = np.zeros(net.shape, np.uint32)
    confirmed = np.zeros(net.shape, np.bool_)
    registered = np.full(net.shape, UNKNOWN_NET)
    start = first_minute // MINUTE_S
    _register(
        start,
        imports.totals,
        exports.totals,
        np.maximum(imports.steps, exports.steps),
        imports_before["total"].copy(),
        exports_before["total"].copy(),
        np.minimum(imports_before["minute"], exports_before["minute"]).astype(np.int64),
        registered,
    )
    for first, end in _periods(start, len(net)):
        _compare(
            net,
            registered,
            first,
            end,
            thresholds.register_mwh,
            thresholds.register_share,
            thresholds.unit_share,
            thresholds.unit_floor_mwh,
            flags,
            confirmed,
        )
    return flags, confirmed


UNKNOWN_NET: Final = int(np.iinfo(np.int64).min)
_MEASURED: Final = (CONSUMPTION, PRODUCTION, CHARGE, DISCHARGE)


def net_of(cells: Cells, mask: int) -> Energies:
    """Return each reading's import less its export, mWh; `UNKNOWN_NET` without a consumption.

    What a household does not measure counts as nothing, as in `streams.domain.sums`.
    """
    channels = positions(mask)
    rows = tuple(channels.index(c) if c in channels else -1 for c in _MEASURED)
    net = np.full((cells.shape[0], cells.shape[2]), UNKNOWN_NET)
    if CONSUMPTION in channels:
        _net(cells, rows, net)
    return net


@compiled
def _net(cells: Cells, rows: tuple[int, ...], net: Energies) -> None:
    for minute in range(net.shape[0]):
        for meter in range(net.shape[1]):
            if cells[minute, rows[0], meter] != MISSING:
                net[minute, meter] = cells[minute, rows[0], meter]
        for place, sign in ((1, -1), (2, 1), (3, -1)):
            if rows[place] >= 0:
                energies = cells[minute, rows[place]]
                for meter in range(net.shape[1]):
                    is_known = net[minute, meter] != UNKNOWN_NET and energies[meter] != MISSING
                    net[minute, meter] += sign * energies[meter] if is_known else 0


def _periods(start: int, minutes: int) -> Iterator[tuple[int, int]]:
    """Yield the rows of each period; `start` is the epoch minute of the first row."""
    first = 0
    while first < minutes:
        end = min(first + PERIOD_MINUTES - (start + first) % PERIOD_MINUTES, minutes)
        yield first, end
        first = end


@compiled
def is_contradicted(told: float, registered: float, least_mwh: int, share: float) -> bool:
    """Say whether what was told is farther from what was registered than rounding explains."""
    return abs(told - registered) > least_mwh + share * abs(registered)


@compiled
def is_other_unit(told: float, registered: float, share: float) -> bool:
    """Say whether what was told is what was registered, in another unit."""
    if told == 0 or registered == 0:
        return False
    ratio = told / registered
    for factor in UNIT_FACTORS:
        if abs(ratio / factor - 1) <= share or abs(ratio * factor - 1) <= share:
            return True
    return False


@compiled
def _register(  # noqa: PLR0913, PLR0917 - numba takes no dataclass
    start: int,
    imports: Energies,
    exports: Energies,
    steps: npt.NDArray[np.uint8],
    last_import: Energies,
    last_export: Energies,
    last_minute: Energies,
    registered: Energies,
) -> None:
    """Put what import went on by, less export, into `registered`, where a minute has both ends."""
    minutes, meters = imports.shape
    for row in range(minutes):
        now = start + row
        for meter in range(meters):
            forth, back = imports[row, meter], exports[row, meter]
            if min(forth, back) < 0:
                continue
            is_next = last_minute[meter] == now - 1 and steps[row, meter] != _RESET
            if is_next and last_import[meter] != MISSING and last_export[meter] != MISSING:
                registered[row, meter] = forth - last_import[meter] - back + last_export[meter]
            last_import[meter], last_export[meter], last_minute[meter] = forth, back, now


@compiled
def _compare(  # noqa: C901, PLR0913, PLR0917 - numba takes no dataclass
    net: Energies,
    registered: Energies,
    first: int,
    end: int,
    least_mwh: int,
    share: float,
    unit_share: float,
    unit_floor: int,
    flags: Flags,
    confirmed: Confirmed,
) -> None:
    """Hold the rows [first, end), which are of one period, against their registers."""
    for meter in range(net.shape[1]):
        told_rest, registered_rest, has_wrong = 0.0, 0.0, False
        for row in range(first, end):
            told, truly = net[row, meter], registered[row, meter]
            if min(truly, told) == UNKNOWN_NET:
                continue
            confirmed[row, meter] = True
            if is_contradicted(told, truly, least_mwh, share):
                flags[row, meter] |= np.uint32(_MISMATCH)
                confirmed[row, meter] = False
                has_wrong = True
            else:
                told_rest += told
                registered_rest += truly
        is_off = is_contradicted(told_rest, registered_rest, least_mwh, share)
        if not is_off and not has_wrong:
            continue
        told_wrong, truly_wrong = 0.0, 0.0
        for row in range(first, end):
            if is_off and confirmed[row, meter]:
                flags[row, meter] |= np.uint32(_MISMATCH)
                confirmed[row, meter] = False
            if flags[row, meter]:
                told_wrong += net[row, meter]
                truly_wrong += registered[row, meter]
        is_large = max(abs(told_wrong), abs(truly_wrong)) > unit_floor
        if is_large and is_other_unit(told_wrong, truly_wrong, unit_share):
            for row in range(first, end):
                if flags[row, meter]:
                    flags[row, meter] |= np.uint32(_UNIT)
