"""What validation remembers: each community's periods, what its rules know, and its last days.

`validation-periods` is keyed by community, part and period: its readings and what was said of
them. A record is written when a period is told and when figures are put in its place, and deleted
once it can't be told again (the retention of metering's windows and an hour).
`validation-parts` is keyed by community and part: 243 bytes for each meter, written once a period.
`validation-days` is keyed by community, part, kind of day and place: 384 bytes for each meter,
written once a day; there are nine.
"""

import struct
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np
from faust import Table

from schemas.units import PERIOD_MINUTES
from streams.delivery.app import App
from streams.domain.channels import MISSING, positions
from streams.domain.like_days import PERIODS_A_DAY, DayKind, LikeDays
from streams.domain.minutes import packed_cells
from streams.domain.packing import unpack
from streams.domain.premises import Registered
from streams.domain.validated_communities import Validations
from streams.domain.validated_periods import Kept, Part, PartId
from streams.domain.validation import MEMORY
from tables.minutes import SchemaError
from tables.store import Store

SCHEMA: Final = 1
_PART: Final = struct.Struct(">I")
_START: Final = struct.Struct(">Q")  # big-endian: keys of a part sort by time
_DAY_KEY: Final = struct.Struct(">BB")
# Schema, version, mask, meters, flagged readings; then the widths of each minute's rows.
_PERIOD_HEAD: Final = struct.Struct("<BQBIH")
_WIDTHS: Final = struct.Struct(f"<{PERIOD_MINUTES}I")
_FLAGGED: Final = np.dtype([("minute", "u1"), ("meter", "<u2"), ("flags", "<u4")])
# Schema, newest period judged, its day, oldest period kept, meters.
_PART_HEAD: Final = struct.Struct("<BqqqI")
# Schema, number of the day, meters.
_DAY_HEAD: Final = struct.Struct("<BiI")
_TIME: Final = np.dtype("<i8")
_WH: Final = np.dtype("<u2")


@dataclass(frozen=True, slots=True)
class ValidationTables:
    """All three tables, declared."""

    periods: Table[bytes, bytes]
    parts: Table[bytes, bytes]
    days: Table[bytes, bytes]


def declare(app: App) -> ValidationTables:
    """Declare the tables."""
    return ValidationTables(
        app.bytes_table("validation-periods"),
        app.bytes_table("validation-parts"),
        app.bytes_table("validation-days"),
    )


def part_key(part: PartId) -> bytes:
    """Return the key of a part."""
    return b"%s\0%s" % (part.community_id.encode(), _PART.pack(part.number))


def period_key(part: PartId, start: int) -> bytes:
    """Return the key of a part's period."""
    return part_key(part) + _START.pack(start)


def day_key(part: PartId, kind: DayKind, place: int) -> bytes:
    """Return the key of a part's like day."""
    return part_key(part) + _DAY_KEY.pack(kind, place)


def encode_period(kept: Kept) -> bytes:
    """Return a period as bytes."""
    minutes = [packed_cells(cells) for cells in kept.cells]
    rows, meters = kept.flags.nonzero()
    flagged = np.empty(len(rows), _FLAGGED)
    flagged["minute"], flagged["meter"], flagged["flags"] = rows, meters, kept.flags[rows, meters]
    head = _PERIOD_HEAD.pack(SCHEMA, kept.version, kept.mask, kept.flags.shape[1], len(flagged))
    return b"".join(
        (
            head,
            _WIDTHS.pack(*(widths for _, widths in minutes)),
            flagged.tobytes(),
            np.packbits(kept.is_replaced).tobytes(),
            *(data for data, _ in minutes),
        )
    )


def decode_period(data: bytes) -> Kept:
    """Return the period that bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    _check(data, "validation-periods")
    _, version, mask, n_meters, n_flagged = _PERIOD_HEAD.unpack_from(data)
    place = _PERIOD_HEAD.size
    widths = _WIDTHS.unpack_from(data, place)
    place += _WIDTHS.size
    flagged = np.frombuffer(data, _FLAGGED, n_flagged, place)
    place += flagged.nbytes
    flags = np.zeros((PERIOD_MINUTES, n_meters), np.uint32)
    flags[flagged["minute"], flagged["meter"]] = flagged["flags"]
    bits = np.frombuffer(data, np.uint8, -(-n_meters // 8), place)
    place += bits.nbytes
    cells = np.full((PERIOD_MINUTES, len(positions(mask)), n_meters), MISSING, dtype=np.int64)
    for minute, its_widths in enumerate(widths):
        place += unpack(np.frombuffer(data, np.uint8, offset=place), its_widths, cells[minute])
    is_replaced = np.unpackbits(bits, count=n_meters).astype(np.bool_)
    return Kept(version, mask, cells, flags, is_replaced)


def encode_part(part: Part) -> bytes:
    """Return what is remembered of a part, without its days, as bytes."""
    head = _PART_HEAD.pack(SCHEMA, part.judged, part.day, part.kept_from, len(part.memory))
    times = (part.heard.astype(_TIME).tobytes(), part.gap_from.astype(_TIME).tobytes())
    return b"".join((head, part.memory.tobytes(), *times))


def decode_part(data: bytes) -> Part:
    """Return the part that bytes hold; its days are empty.

    Raises:
        SchemaError: If a later version wrote them.
    """
    _check(data, "validation-parts")
    _, judged, day, kept_from, n_meters = _PART_HEAD.unpack_from(data)
    place = _PART_HEAD.size
    memory = np.frombuffer(data, MEMORY, n_meters, place).copy()
    place += memory.nbytes
    heard, gap_from = np.frombuffer(data, _TIME, 2 * n_meters, place).reshape(2, n_meters)
    return Part(
        memory,
        heard.astype(np.int64),
        gap_from.astype(np.int64),
        LikeDays.empty(n_meters),
        LikeDays.empty(n_meters),
        judged,
        day,
        kept_from,
    )


def encode_day(part: Part, kind: DayKind, place: int) -> bytes:
    """Return a like day of both channels as bytes."""
    sums = (part.loads.sums[kind, place], part.panels.sums[kind, place])
    head = _DAY_HEAD.pack(SCHEMA, int(part.loads.days[kind, place]), len(part.memory))
    return head + b"".join(each.astype(_WH).tobytes() for each in sums)


def decode_day_into(part: Part, kind: DayKind, place: int, data: bytes) -> None:
    """Put a like day back where it was; meters that came later have none.

    Raises:
        SchemaError: If a later version wrote it.
    """
    _check(data, "validation-days")
    _, day, n_meters = _DAY_HEAD.unpack_from(data)
    count = 2 * PERIODS_A_DAY * n_meters
    stored = np.frombuffer(data, _WH, count, _DAY_HEAD.size).reshape(2, PERIODS_A_DAY, n_meters)
    for days, sums in zip((part.loads, part.panels), stored, strict=True):
        days.days[kind, place] = day
        days.sums[kind, place, :, :n_meters] = sums


def load(
    registered: Registered,
    *,
    retention_s: int,
    of_periods: Store,
    of_parts: Store,
    of_days: Store,
) -> Validations:
    """Return a partition's validations as the tables have them.

    Raises:
        SchemaError: If a later version wrote them.
    """
    parts = {
        _part_of(key): decode_part(data)
        for key, data in of_parts.items(b"", prefix=b"")
        if not key.startswith(b"__faust\0")
    }
    days: dict[PartId, list[tuple[DayKind, int, bytes]]] = defaultdict(list)
    for key, data in of_days.items(b"", prefix=b""):
        if not key.startswith(b"__faust\0"):
            kind, place = _DAY_KEY.unpack(key[-_DAY_KEY.size :])
            days[_part_of(key[: -_DAY_KEY.size])].append((DayKind(kind), place, data))
    for part_id, stored in days.items():
        for kind, place, data in stored:
            decode_day_into(parts[part_id], kind, place, data)

    def read(part: PartId, start: int) -> Kept | None:
        data = of_periods.get(period_key(part, start))
        return None if data is None else decode_period(data)

    return Validations(registered, retention_s=retention_s, read=read, parts=parts)


def _part_of(key: bytes) -> PartId:
    (number,) = _PART.unpack(key[-_PART.size :])
    return PartId(key[: -_PART.size - 1].decode(), number)


def _check(data: bytes, table: str) -> None:
    if data[0] != SCHEMA:
        raise SchemaError(f"{table} table: schema {data[0]} is unknown here, known is {SCHEMA}")
