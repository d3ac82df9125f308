"""Personal data of customers and technicians: apart from readings, and to be erased."""

import re
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from schemas.registry import RegistryVersion
from schemas.units import Id

_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def _iban(text: str) -> str:
    iban = text.replace(" ", "").upper()
    # ISO 13616: with the first four characters at the end, and A to Z as 10 to 35, the number
    # leaves 1 when divided by 97.
    if not _IBAN.fullmatch(iban) or (
        int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 != 1
    ):
        raise ValueError("not an IBAN: its check digits don't fit")
    return iban


class Language(StrEnum):
    """What a person is written in, by its ISO 639 code."""

    ENGLISH = "en"
    FRENCH = "fr"


class Person(BaseModel):
    """Personal data of a customer or a technician.

    The id identifies the person, and is all that other records know of them. Of several versions
    the highest stands. Once erased only the id is left, and that it was erased.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    person_id: Annotated[Id, Field(description="a number without a meaning: it is not erased")]
    version: RegistryVersion
    erased: Annotated[
        bool, Field(description="nothing is known any more, nor registered again")
    ] = False
    name: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=200),
        Field(description="null: erased"),
    ] = None
    email: Annotated[
        str | None,
        StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
        Field(description="null: not known, or erased"),
    ] = None
    address: Annotated[
        str | None,
        StringConstraints(max_length=500),
        Field(description="postal; null: not known, or erased"),
    ] = None
    iban: Annotated[
        str | None,
        StringConstraints(max_length=42),
        AfterValidator(lambda text: text if text is None else _iban(text)),
        Field(description="without blanks; null: not known, or erased"),
    ] = None

    language: Annotated[Language, Field(description="what mails are written in")] = Language.ENGLISH

    @model_validator(mode="after")
    def _is_known_or_erased(self) -> Self:
        known = [value for value in (self.name, self.email, self.address, self.iban) if value]
        if self.erased and known:
            raise ValueError("who is erased has no name, e-mail, address or IBAN")
        if not self.erased and self.name is None:
            raise ValueError("name is missing")
        return self
