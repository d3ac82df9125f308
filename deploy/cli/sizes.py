"""How large a grid may be that a command makes up, how long it may play, and from when on."""

from datetime import datetime
from typing import Annotated, Final

import typer

from streams.settings import ConfigurationError

MOST_HOUSEHOLDS: Final = 10_000_000
MOST_DAYS: Final = 3_660
"""Ten years."""
_FIRST_YEAR, _LAST_YEAR = 1971, 2095
"""With some days before, and ten years after, all of it is in ClickHouse's times: 1970 to 2106."""

Communities = Annotated[
    int, typer.Option(min=1, max=MOST_HOUSEHOLDS, help="Number of communities.")
]
Households = Annotated[
    int, typer.Option(min=1, max=MOST_HOUSEHOLDS, help="Number of households in all.")
]
Minutes = Annotated[int, typer.Option(min=1, max=MOST_DAYS * 1440, help="Length of the run.")]
Days = Annotated[int, typer.Option(min=2, max=MOST_DAYS, help="Length of the simulated time.")]


def require_day(option: str, day: datetime) -> None:
    """Check that a grid can be played from a day on.

    Raises:
        ConfigurationError: If ClickHouse, or the calendar, has no such times.
    """
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ConfigurationError(
            f"{option} {day.date()} must lie in the years {_FIRST_YEAR} to {_LAST_YEAR}"
        )
