"""What several nouns' settings are made of."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

MAX_PORT: Final = 65_535


class Group(BaseModel):
    """Settings of one noun."""

    model_config = ConfigDict(frozen=True)


def _seconds(value: object) -> object:
    """Read a bare number as seconds; anything else is left to ISO 8601."""
    if isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return timedelta(seconds=float(value))
    return value


Duration = Annotated[timedelta, BeforeValidator(_seconds)]


def given(value: object) -> object:
    """Read an empty variable as one that is not set."""
    return None if value == "" else value
