"""From closed periods to what validation looks at, and from its verdicts to the bytes of topics."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import orjson

from schemas.units import MINUTE_S, PERIOD_MINUTES
from schemas.validation import (
    EstimationMethod,
    PeriodReadings,
    Quality,
    ReadingVerdicts,
    ValidatedIntervals,
)
from streams.codecs.results import Message
from streams.domain.channels import FLOWS, MISSING, positions
from streams.domain.frames import EDIT_SEQUENCE
from streams.domain.gap_shapes import Method
from streams.domain.minutes import Minute, packed, packed_cells, spread
from streams.domain.packing import unpack
from streams.domain.steps import ClosedPeriod
from streams.domain.validated_periods import Figures, PartId, Told, Verdicts
from streams.domain.vee import Quality as QualityCode
from streams.domain.vee import rules_in, verdict_of

METERS_IN_A_PART: Final = 500
"""So many meters' readings of a quarter-hour, all channels, take 0.4 MB."""

_QUALITIES: Final = {code: Quality[code.name] for code in QualityCode}
_METHODS: Final = {code: EstimationMethod[code.name] for code in Method}


def period_readings(closed: Sequence[ClosedPeriod]) -> Iterator[Message]:
    """Yield key and value of the `PeriodReadings` of each closed period."""
    for period in closed:
        parts = max(1, -(-len(period.meters) // METERS_IN_A_PART))
        for part in range(parts):
            yield period.community_id.encode(), _readings(period, part, parts)


def _readings(period: ClosedPeriod, part: int, parts: int) -> bytes:
    first, end = part * METERS_IN_A_PART, (part + 1) * METERS_IN_A_PART
    cells = [_packed(minute, first, end, is_whole=parts == 1) for minute in period.minutes]
    return orjson.dumps(
        {
            "schema_version": 1,
            "community_id": period.community_id,
            "period_start": period.start,
            "version": period.version,
            "part": part,
            "parts": parts,
            "meter_id": list(period.meters[first:end]),
            "minute": list(period.starts),
            "mask": [minute.mask for minute in period.minutes],
            "meters": [
                min(max(minute.cells.shape[1] - first, 0), end - first) for minute in period.minutes
            ],
            "widths": [widths for _, widths in cells],
            "edited": [
                [start, period.meters[first + meter]]
                for start, minute in zip(period.starts, period.minutes, strict=True)
                for meter in edited_meters(minute, first, end)
            ],
            "cells_base64": base64.b64encode(b"".join(data for data, _ in cells)).decode(),
        }
    )


def edited_meters(minute: Minute, first: int, end: int) -> list[int]:
    """Return whose energies of a minute an operator has put right; places from `first` on."""
    by_hand = [place for place, (rank, _) in enumerate(minute.ranks) if rank == EDIT_SEQUENCE]
    if not by_hand:
        return []
    if minute.origins is None:
        is_edited = (minute.cells[:, first:end] != MISSING).any(axis=0)
    else:
        is_edited = np.isin(minute.origins[:, first:end], by_hand).any(axis=0)
    return [int(place) for place in np.flatnonzero(is_edited)]


def _packed(minute: Minute, first: int, end: int, *, is_whole: bool) -> tuple[bytes, int]:
    return packed(minute) if is_whole else packed_cells(minute.cells[:, first:end])


def told_readings(value: bytes | None, *, place: int) -> Told:
    """Return what a message of `period-readings` says.

    Args:
        value: The message.
        place: Of its record among all there ever were.

    Raises:
        ValueError: If it is none.
    """
    message = PeriodReadings.model_validate_json(value or b"")
    columns = (message.mask, message.meters, message.widths)
    if any(len(column) != len(message.minute) for column in columns):
        raise ValueError("minute, mask, meters and widths differ in length")
    mask = 0
    for each in message.mask:
        mask |= each
    n_meters = len(message.meter_id)
    cells = np.full((PERIOD_MINUTES, len(positions(mask)), n_meters), MISSING, dtype=np.int64)
    try:
        data = np.frombuffer(base64.b64decode(message.cells_base64), np.uint8)
    except binascii.Error as error:
        raise ValueError(f"cells_base64: {error}") from error
    begin = 0
    for minute, its_mask, width, widths in zip(message.minute, *columns, strict=True):
        row = (minute - message.period_start) // MINUTE_S
        channels = len(positions(its_mask))
        size = sum((widths >> 3 * channel & 7) + 1 for channel in range(channels)) * width
        if not 0 <= row < PERIOD_MINUTES or width > n_meters or begin + size > len(data):
            raise ValueError(f"minute {minute} does not fit its period, meters or cells")
        of_minute = np.empty((channels, width), dtype=np.int64)
        unpack(data[begin : begin + size], widths, of_minute)
        begin += size
        cells[row] = spread(of_minute, its_mask, mask, n_meters)
    return Told(
        PartId(message.community_id, message.part),
        message.period_start,
        message.version,
        place,
        tuple(message.meter_id),
        mask,
        cells,
        frozenset(
            ((minute - message.period_start) // MINUTE_S, message.meter_id.index(meter))
            for minute, meter in message.edited
        ),
    )


def validated_intervals(figures: Sequence[Figures]) -> Iterator[Message]:
    """Yield key and value of a `ValidatedIntervals` for each period's figures."""
    for told in figures:
        values: dict[str, object] = {
            f"{flow}_mwh": _nullable(told.flows[row]) for row, flow in enumerate(FLOWS)
        }
        message = ValidatedIntervals.model_validate(
            {
                "community_id": told.part.community_id,
                "period_start": told.start,
                "version": told.version,
                "of_version": told.of_version,
                "part": told.part.number,
                "meter_id": list(told.meters),
                **values,
                "quality": [_QUALITIES[QualityCode(code)] for code in told.quality.tolist()],
                "method": [_METHODS[Method(code)] for code in told.method.tolist()],
                "measured_minutes": told.measured_minutes.tolist(),
                "substituted_minutes": told.substituted_minutes.tolist(),
                "estimated_minutes": told.estimated_minutes.tolist(),
                "missing_minutes": told.missing_minutes.tolist(),
            }
        )
        yield told.part.community_id.encode(), message.model_dump_json().encode()


def reading_verdicts(verdicts: Sequence[Verdicts]) -> Iterator[Message]:
    """Yield key and value of a `ReadingVerdicts` for each period's verdicts."""
    for told in verdicts:
        message = ReadingVerdicts.model_validate(
            {
                "community_id": told.part.community_id,
                "period_start": told.start,
                "version": told.version,
                "of_version": told.of_version,
                "part": told.part.number,
                "meter_id": [meter for meter, _, _ in told.readings],
                "minute": [minute for _, minute, _ in told.readings],
                "verdict": [str(verdict_of(flags)) for _, _, flags in told.readings],
                "rules": [[str(rule) for rule in rules_in(flags)] for _, _, flags in told.readings],
            }
        )
        yield told.part.community_id.encode(), message.model_dump_json().encode()


def _nullable(row: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> list[int | None]:
    return [None if value == MISSING else value for value in row.tolist()]
