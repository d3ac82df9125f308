"""What every Python peer does with a frame: decode, validate, and round to whole mWh.

The rules are those of `meter-frames`: the schema, columns as long as the meters, no meter twice,
and no negative energy (that meter's reading is refused, the others count).
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

MISSING: Final = -1
CHANNELS: Final = 7

Cells = npt.NDArray[np.int64]
"""(channel, meter) mWh, `MISSING` where not measured."""

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Column = list[float | None]


class _Frame(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    community_id: _Id
    minute: Annotated[int, msgspec.Meta(ge=0, multiple_of=60)]
    meter_id: Annotated[list[_Id], msgspec.Meta(min_length=1)]
    consumption_wh: _Column
    production_wh: _Column | None = None
    battery_charge_wh: _Column | None = None
    battery_discharge_wh: _Column | None = None
    battery_level_wh: _Column | None = None
    import_register_wh: _Column | None = None
    export_register_wh: _Column | None = None
    sequence: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Frame(NamedTuple):
    """A valid frame."""

    community_id: str
    minute: int
    sequence: int
    meters: tuple[str, ...]
    cells: Cells


_decode: Final = msgspec.json.Decoder(_Frame).decode
_known: Final[dict[tuple[str, ...], tuple[str, ...]]] = {}


def decode(values: Iterable[bytes]) -> Iterator[Frame]:
    """Yield the valid frames; numbers of frames of one size are converted together."""
    frames: list[_Frame] = []
    numbers: list[float | None] = []
    for value in values:
        try:
            frame = _decode(value)
        except msgspec.DecodeError:
            continue
        count = len(frame.meter_id)
        nothing = [None] * count
        columns = (
            frame.consumption_wh,
            frame.production_wh or nothing,
            frame.battery_charge_wh or nothing,
            frame.battery_discharge_wh or nothing,
            frame.battery_level_wh or nothing,
            frame.import_register_wh or nothing,
            frame.export_register_wh or nothing,
        )
        if any(len(column) != count for column in columns):
            continue
        frames.append(frame)
        for column in columns:
            numbers.extend(column)
    if not frames:
        return
    energy_wh = np.array(numbers, dtype=np.float64)
    if (energy_wh < 0).any():
        energy_wh = _without_negative(energy_wh, frames)
    energy_mwh = _to_mwh(energy_wh)
    place = 0
    for frame in frames:
        names = tuple(frame.meter_id)
        meters = _known.get(names)
        count = len(names)
        start, place = place, place + CHANNELS * count
        if meters is None:
            if len(set(names)) != count:
                continue
            meters = _known[names] = names
        yield Frame(
            frame.community_id,
            frame.minute,
            -1 if frame.sequence is None else frame.sequence,
            meters,
            energy_mwh[start:place].reshape(CHANNELS, count),
        )


def _to_mwh(energy_wh: npt.NDArray[np.float64]) -> Cells:
    """Return Wh as whole mWh, the sent decimal's halves to even; NaN becomes `MISSING`.

    The double nearest to a half of a mWh is the one that a division of that half yields.
    """
    below = np.floor(energy_wh * 1000)
    half_wh = (below + 0.5) / 1000
    above = (energy_wh > half_wh) | ((energy_wh == half_wh) & (below % 2 == 1))
    rounded = below + above
    rounded[np.isnan(rounded)] = MISSING
    energy_mwh: Cells = rounded.astype(np.int64)
    return energy_mwh


def _without_negative(
    energy_wh: npt.NDArray[np.float64], frames: list[_Frame]
) -> npt.NDArray[np.float64]:
    """Blank every channel of a meter that has a negative energy in one of them."""
    place = 0
    for frame in frames:
        count = len(frame.meter_id)
        cells = energy_wh[place : place + CHANNELS * count].reshape(CHANNELS, count)
        cells[:, (cells < 0).any(axis=0)] = np.nan
        place += CHANNELS * count
    return energy_wh
