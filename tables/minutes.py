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
from streams.domain.minutes import Minute

SCHEMA: Final = 1
_HEAD: Final = struct.Struct("<BBBBHIQ")  # schema, mask, bytes a cell, has origins, ranks, meters
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
    origins = b"" if minute.origins is None else minute.origins.astype("<u2").tobytes()
    head = _HEAD.pack(
        SCHEMA,
        minute.mask,
        cells.itemsize,
        minute.origins is not None,
        len(minute.ranks),
        cells.shape[1],
        minute.version,
    )
    ranks = b"".join([_RANK.pack(*rank) for rank in minute.ranks])
    return b"".join((head, ranks, cells.tobytes(), origins))


def decode(data: bytes) -> Minute:
    """Return the minute that bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    if data[0] != SCHEMA:
        raise SchemaError(f"minutes table: schema {data[0]} is unknown here, known is {SCHEMA}")
    _, mask, itemsize, has_origins, n_ranks, n_meters, version = _HEAD.unpack_from(data)
    place = _HEAD.size
    ranks = tuple(_RANK.iter_unpack(data[place : place + n_ranks * _RANK.size]))
    place += n_ranks * _RANK.size
    shape = (len(positions(mask)), n_meters)
    count = shape[0] * shape[1]
    cells: Cells = np.frombuffer(data, f"<i{itemsize}", count, place).reshape(shape)
    place += count * itemsize
    origins = np.frombuffer(data, "<u2", count, place).reshape(shape) if has_origins else None
    return Minute(mask, cells, ranks, version, origins)
