"""What every meter reported in every minute: the windowed state of metering.

Tumbling windows of 1 minute, keyed (community, minute). A record is written once per frame and
deleted once its minute can't be corrected any more. Its bytes begin with the schema's number, so
that a later version can read them.
"""

import struct
from typing import Final

import numpy as np
from faust import Table

from streams.delivery.app import App
from streams.domain.channels import Cells, positions
from streams.domain.minutes import Minute, Origins, packed
from streams.domain.packing import unpack

SCHEMA: Final = 2
# Schema, mask, whether there are origins, ranks, meters, version, widths of the packed rows.
_HEAD: Final = struct.Struct("<BBBHIQI")
# Schema, mask, bytes a cell, whether there are origins, ranks, meters, version.
_HEAD_OF_1: Final = struct.Struct("<BBBBHIQ")
_RANK: Final = struct.Struct("<qq")
_START: Final = struct.Struct(">Q")  # big-endian: keys of a community sort by time


class SchemaError(ValueError):
    """A record of a schema that this version does not know."""


def declare(app: App) -> Table[bytes, bytes]:
    """Declare the table."""
    return app.bytes_table("minutes")


def key(community_id: str, start: int) -> bytes:
    """Return the key of a community's minute."""
    return b"%s\0%s" % (community_id.encode(), _START.pack(start))


def prefix(community_id: str) -> bytes:
    """Return what the keys of all minutes of a community begin with."""
    return b"%s\0" % community_id.encode()


def start_of(record_key: bytes) -> int:
    """Return the start of the minute that a key names."""
    start: int = _START.unpack(record_key[-_START.size :])[0]
    return start


def encode(minute: Minute) -> bytes:
    """Return a minute as bytes."""
    cells = minute.cells
    in_few_bytes, widths = packed(minute)
    head = _HEAD.pack(
        SCHEMA,
        minute.mask,
        minute.origins is not None,
        len(minute.ranks),
        cells.shape[1],
        minute.version,
        widths,
    )
    ranks = b"".join([_RANK.pack(*rank) for rank in minute.ranks])
    origins = b"" if minute.origins is None else minute.origins.astype("<u2").tobytes()
    return b"".join((head, ranks, in_few_bytes, origins))


def decode(data: bytes) -> Minute:
    """Return the minute that bytes hold; schema 1, of version 0.1.0, is read as well.

    Raises:
        SchemaError: If a later version wrote them.
    """
    if data[0] == 1:
        return _decode_1(data)
    if data[0] != SCHEMA:
        raise SchemaError(
            f"minutes table: schema {data[0]} is unknown here, known are 1 to {SCHEMA}"
        )
    _, mask, has_origins, n_ranks, n_meters, version, widths = _HEAD.unpack_from(data)
    ranks, place = _ranks(data, _HEAD.size, n_ranks)
    cells = np.empty((len(positions(mask)), n_meters), dtype=np.int64)
    place += unpack(np.frombuffer(data, np.uint8, offset=place), widths, cells)
    return Minute(
        mask, cells, ranks, version, _origins(data, place, cells) if has_origins else None
    )


def _decode_1(data: bytes) -> Minute:
    _, mask, itemsize, has_origins, n_ranks, n_meters, version = _HEAD_OF_1.unpack_from(data)
    ranks, place = _ranks(data, _HEAD_OF_1.size, n_ranks)
    shape = (len(positions(mask)), n_meters)
    stored = np.frombuffer(data, f"<i{itemsize}", shape[0] * shape[1], place)
    cells = stored.reshape(shape).astype(np.int64)
    place += stored.nbytes
    return Minute(
        mask, cells, ranks, version, _origins(data, place, cells) if has_origins else None
    )


def _ranks(data: bytes, place: int, count: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """Return the ranks that begin at a place, and where they end."""
    end = place + count * _RANK.size
    return tuple(_RANK.iter_unpack(data[place:end])), end


def _origins(data: bytes, place: int, cells: Cells) -> Origins:
    return np.frombuffer(data, "<u2", cells.size, place).reshape(cells.shape)
