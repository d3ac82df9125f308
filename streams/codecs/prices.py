"""Prices to the records of their topic, and back."""

from typing import Final

from pydantic import ValidationError

from schemas.prices import Price
from streams.codecs.registry import SEPARATOR, UnreadableEntryError

GRID: Final = b"grid"


def encode(price: Price) -> tuple[bytes, bytes]:
    """Return key and value of a price's record."""
    key = SEPARATOR.join((GRID, price.kind.encode(), str(price.period_start).encode()))
    return key, price.model_dump_json().encode()


def decode(value: bytes) -> Price:
    """Return the price of a record.

    Raises:
        UnreadableEntryError: If it is none of this version.
    """
    try:
        return Price.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnreadableEntryError(f"{place}: {first['msg']}") from error
