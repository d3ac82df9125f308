"""What the balance reads from the bytes of two topics, and what it tells into theirs."""

from collections.abc import Iterable, Iterator
from typing import Final

from schemas.energy_balance import GridMinute, GridPartial
from schemas.metering import CommunityMinute
from streams.codecs.results import Message
from streams.domain.energy_balance import Sums

GRID: Final = b"grid"
"""The key of all that concerns the whole grid: it lies in one partition."""


def community_sums(value: bytes | None) -> Sums:
    """Return what a record of `community-minutes` tells.

    Raises:
        ValueError: If it tells none.
    """
    told = CommunityMinute.model_validate_json(value or b"")
    return Sums(
        told.community_id,
        told.minute,
        told.version,
        told.meters_reported,
        len(told.missing_meters),
        told.consumption_mwh or 0,
        told.production_mwh or 0,
        told.import_mwh or 0,
        told.export_mwh or 0,
    )


def partial(value: bytes | None) -> GridPartial:
    """Return what a record of `grid-partials` tells.

    Raises:
        ValueError: If it tells none.
    """
    return GridPartial.model_validate_json(value or b"")


def grid_minute(value: bytes | None) -> GridMinute:
    """Return what a record of `grid-minutes` tells.

    Raises:
        ValueError: If it tells none.
    """
    return GridMinute.model_validate_json(value or b"")


def of_the_grid(told: Iterable[GridPartial | GridMinute]) -> Iterator[Message]:
    """Yield key and value of what is told of the grid."""
    for one in told:
        yield GRID, one.model_dump_json().encode()
