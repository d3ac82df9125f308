"""What the balance remembers: minutes of communities in one table, partials in the other.

`balance-minutes`: under a minute and a place, what a batch of communities said of that minute;
under a minute, up to which place all is known in what was told of it; under a community, what it
had when it fell silent. `balance-partials`: under a minute and a partition, its last partial; under
a minute as above. Minutes are deleted when they can't be told anew any more.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final

import orjson
from faust import Table

from schemas.energy_balance import GridPartial
from streams.delivery.app import App
from streams.domain.energy_balance import (
    BalancePolicy,
    Last,
    PartitionBalance,
    Sums,
)
from streams.domain.energy_balance_grid import GridBalance
from tables.minutes import SchemaError
from tables.store import Store

SCHEMA: Final = 1

# No id begins with one of these, so that no key is taken for a community's.
_MINUTE, _TOLD_OF, _SILENT = b"\x01", b"\x02", b"\x03"
_PLACE: Final = Struct(">cqq")
_TOLD: Final = Struct(">cq")


def declare_minutes(app: App) -> Table[bytes, bytes]:
    """Declare the table of communities' minutes."""
    return app.bytes_table("balance-minutes")


def declare_partials(app: App) -> Table[bytes, bytes]:
    """Declare the table of partitions' minutes."""
    return app.bytes_table("balance-partials")


def minute_key(minute: int, number: int) -> bytes:
    """Return the key of what is known of a minute: of a batch by its place, or of a partition."""
    return _PLACE.pack(_MINUTE, minute, number)


def told_key(minute: int) -> bytes:
    """Return the key of up to where what was told of a minute was known."""
    return _TOLD.pack(_TOLD_OF, minute)


def silent_key(community_id: str) -> bytes:
    """Return the key of what a community had when it fell silent."""
    return _SILENT + community_id.encode()


def encode(rows: Iterable[Iterable[object]], *, place: int) -> bytes:
    """Return what belongs under a key as bytes, with the place up to which it was known."""
    return orjson.dumps([SCHEMA, place, [tuple(row) for row in rows]])


def encode_partial(partial: GridPartial, *, place: int) -> bytes:
    """Return a partial as bytes."""
    return encode([[partial.model_dump()]], place=place)


def encode_told(*, place: int, time: float) -> bytes:
    """Return up to which place all is known in what was told, and when that was, as bytes."""
    return encode([[time]], place=place)


def decode(data: bytes) -> tuple[int, list[list[object]]]:
    """Return the place and the content that bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    schema, place, content = orjson.loads(data)
    if schema != SCHEMA:
        raise SchemaError(f"balance tables: schema {schema} is unknown here, known is {SCHEMA}")
    return place, content


def load_partition(
    policy: BalancePolicy, store: Store
) -> tuple[PartitionBalance, dict[int, list[bytes]]]:
    """Return the balance of a partition, and by minute the keys of what is stored of it.

    Raises:
        SchemaError: If a later version wrote it.
    """
    keys: dict[int, list[bytes]] = {}
    taken, silent = [], []
    for key, data in store.items(_MINUTE, prefix=_MINUTE):
        place, rows = decode(data)
        taken.append((place, [Sums(*row) for row in rows]))  # type: ignore[arg-type] # as written
        keys.setdefault(_PLACE.unpack(key)[1], []).append(key)
    for key, data in store.items(_SILENT, prefix=_SILENT):
        _, (last,) = decode(data)
        silent.append((key[1:].decode(), Last(*last)))  # type: ignore[arg-type] # as written
    balance = PartitionBalance(policy)
    balance.restore(silent=silent, taken=taken, told=_told(store))
    return balance, keys


def load_grid(policy: BalancePolicy, store: Store, *, now: float) -> GridBalance:
    """Return the balance of the grid.

    Raises:
        SchemaError: If a later version wrote it.
    """
    grid, parts = GridBalance(policy), []
    for _, data in store.items(_MINUTE, prefix=_MINUTE):
        place, ((row,),) = decode(data)
        parts.append((place, GridPartial.model_validate(row)))
    grid.restore(parts=parts, told=_told(store), now=now)
    return grid


def _told(store: Store) -> Iterable[tuple[int, int, float]]:
    for key, data in store.items(_TOLD_OF, prefix=_TOLD_OF):
        place, ((time,),) = decode(data)
        yield _TOLD.unpack(key)[1], place, time  # type: ignore[misc] # as written
