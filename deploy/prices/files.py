"""Files of day-ahead prices: CSV, a line for each time with one price.

Columns: `start`, a time in ISO 8601 with its offset, as 2026-01-01T00:00+01:00; `minutes` for which
the price holds, 15, 30 or 60 (60 where the column is absent or empty); `price_eur_per_mwh`, with at
most two decimals, a point before them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from deploy.csv_lines import Fields, csv_lines, text_of
from schemas.prices import LATEST_PERIOD, Price
from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.prices_register import Claim
from streams.domain.registry import UNREGISTERED, Fault, as_time

COLUMNS: Final = ("start", "minutes", "price_eur_per_mwh")
MINUTES: Final = ("15", "30", "60")
_LATEST: Final = LATEST_PERIOD - 60 * MINUTE_S
"""With a whole hour after it."""
_TIME_RULE: Final = "not a whole quarter of an hour with its offset, as in 2026-01-01T00:00+01:00"
_PRICE_RULE: Final = "not a number with at most two decimals, as in 83.17"


@dataclass(slots=True)
class Claims:
    """What a file says: the prices of the lines that are sound, and all that is wrong."""

    sound: list[Claim] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read_claims(path: Path) -> Claims:
    """Return what a file claims; a line of 60 minutes makes four prices.

    Raises:
        RegistryError: If the file can't be read as text.
    """
    claims = Claims()
    for line, fields in csv_lines(text_of(path), needed="start"):
        if isinstance(fields, Fault):
            claims.faults.append(fields)
            continue
        faults = list(_faults(line, fields))
        claims.faults += faults
        if not faults:
            claims.sound += _prices(line, fields)
    return claims


def _faults(line: int, fields: Fields) -> Iterator[Fault]:
    """Yield all that is wrong with a line."""
    said = {name: value or "" for name, value in fields.items()}
    for name in said.keys() - set(COLUMNS):
        yield Fault(
            line, name, said[name], f"is no column of prices; these are {', '.join(COLUMNS)}"
        )
    minutes = said.get("minutes") or MINUTES[-1]
    if minutes not in MINUTES:
        yield Fault(line, "minutes", minutes, f"is not one of: {', '.join(MINUTES)}")
    start = _epoch(said.get("start", ""))
    if start is None:
        yield Fault(line, "start", said.get("start", ""), _TIME_RULE)
    elif minutes in MINUTES and start % (int(minutes) * MINUTE_S):
        rule = f"is no beginning of {minutes} minutes"
        yield Fault(line, "start", said["start"], rule)
    elif start > _LATEST:
        yield Fault(line, "start", said["start"], f"must be at most {as_time(_LATEST)}")
    price = _decimal(said.get("price_eur_per_mwh", ""))
    if price is None:
        yield Fault(line, "price_eur_per_mwh", said.get("price_eur_per_mwh", ""), _PRICE_RULE)
        return
    try:
        _price(0, price)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False):
            yield Fault(line, "price_eur_per_mwh", said["price_eur_per_mwh"], each["msg"])


def _prices(line: int, fields: Fields) -> Iterator[Claim]:
    start, price = _epoch(fields["start"]), _decimal(fields["price_eur_per_mwh"])
    if start is None or price is None:
        raise ValueError(f"line {line} is not sound")
    length = int(fields.get("minutes") or MINUTES[-1]) * MINUTE_S
    for period in range(start, start + length, PERIOD_S):
        yield Claim(line, _price(period, price))


def _price(period: int, price: Decimal) -> Price:
    return Price(period_start=period, version=UNREGISTERED, price_eur_per_mwh=price)


def _decimal(text: str) -> Decimal | None:
    try:
        # Only digits: Decimal would take 1_000 and NaN too.
        return Decimal(text.strip()) if set(text.strip()) <= set("+-.0123456789") else None
    except InvalidOperation:
        return None


def _epoch(text: str) -> int | None:
    """Return epoch seconds of a time in a file; None where it is no whole quarter since 1970."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None or time.timestamp() < 0 or time.timestamp() % PERIOD_S:
        return None
    return int(time.timestamp())
