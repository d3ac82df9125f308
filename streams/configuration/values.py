"""What several nouns' settings are made of."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter
from pydantic_core import PydanticCustomError

MAX_PORT: Final = 65_535

HIDDEN: Final = "hidden"
"""The type of a fault whose value has a secret in it, perhaps, and is not shown."""


class Group(BaseModel):
    """Settings of one noun."""

    model_config = ConfigDict(frozen=True)


_ISO_8601: Final = TypeAdapter(timedelta)


def _duration(value: object) -> object:
    """Read a bare number as seconds, and any other text as ISO 8601."""
    if not isinstance(value, str):
        return value
    try:
        if value.replace(".", "", 1).isdigit():
            return timedelta(seconds=float(value))
        return _ISO_8601.validate_python(value)
    except OverflowError as error:
        raise ValueError(f"is longer than {timedelta.max.days} days") from error
    except ValueError as error:
        raise ValueError("is neither seconds nor ISO 8601, as in 120 or PT2M") from error


Duration = Annotated[timedelta, BeforeValidator(_duration)]


def bare(remedy: str) -> BeforeValidator:
    """Return what refuses an address with a login in it, or a query, before anybody shows it."""

    def checked(value: object) -> object:
        if set("@?#") & set(str(value)):
            raise PydanticCustomError(
                HIDDEN, "must have neither a login nor a query in it; " + remedy
            )
        return value

    return BeforeValidator(checked)


def given(value: object) -> object:
    """Read an empty variable as one that is not set."""
    return None if value == "" else value
