"""What people are told: who shall hear of what, how far that got, and who wants no more of it.

Nobody's name or address is here: a person's id is all that these records know of anyone.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.autarky import AutarkyState
from schemas.malfunction import MalfunctionKind, TicketEvent
from schemas.registry import Minute, Zone
from schemas.units import CommunityId, EnergySum, Id, MeterId, Version

# A newer version may send more: whoever reads it takes what it knows.
_SENT = ConfigDict(frozen=True, extra="ignore")


class NotificationKind(StrEnum):
    """What a notification is about; one unsubscribes from a kind."""

    AUTARKY = "autarky"
    MALFUNCTION = "malfunction"


class AutarkyNotice(BaseModel):
    """A household became autarkic, or dependent."""

    model_config = _SENT

    state: Annotated[AutarkyState, Field(description="what it is now")]
    self_sufficiency: Annotated[float, Field(ge=0, le=1, description="of the deciding period")]
    consumption_mwh: EnergySum
    solar_used_mwh: Annotated[EnergySum, Field(description="mWh of one's own sun")]


class MalfunctionNotice(BaseModel):
    """Something happened to a technician's ticket."""

    model_config = _SENT

    ticket_id: Id
    event: TicketEvent
    kind: MalfunctionKind
    since: Annotated[Minute, Field(description="the first minute at which it was wrong")]
    reason: Annotated[str, Field(description="the figures behind it, for people")]


class Notification(BaseModel):
    """One person shall be told of one thing. Its id follows from the cause and the person.

    The same cause makes the same notification again: of two with one id, either will do.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    notification_id: Id
    person_id: Annotated[Id, Field(description="who shall be told")]
    kind: NotificationKind
    community_id: CommunityId
    meter_id: Annotated[
        list[MeterId], Field(description="the meters concerned; empty: the whole terminal")
    ]
    zone: Annotated[Zone, Field(description="IANA time zone of the recipient's days and nights")]
    at: Annotated[Minute, Field(description="event time of the cause")]
    autarky: Annotated[AutarkyNotice | None, Field(description="null: it is of another kind")] = (
        None
    )
    malfunction: Annotated[
        MalfunctionNotice | None, Field(description="null: it is of another kind")
    ] = None

    @model_validator(mode="after")
    def _says_what_its_kind_says(self) -> Self:
        for kind in NotificationKind:
            if (getattr(self, kind) is not None) != (kind is self.kind):
                raise ValueError(f"kind is {self.kind}: that alone must be told")
        return self


class Stage(StrEnum):
    """How far a notification got."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    GIVEN_UP = "given_up"


class NotificationState(BaseModel):
    """How far a notification got. Its id identifies it; of several versions the highest stands.

    A failed one is tried again. One that is sent may have been sent before, where `in_doubt` says
    so: a mail server's answer was lost.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    notification_id: Id
    version: Annotated[
        Version, Field(description="epoch ms of the change, or one more than the version before")
    ]
    person_id: Id
    kind: NotificationKind
    at: Annotated[Minute, Field(description="event time of the cause")]
    state: Stage
    reason: Annotated[str | None, Field(description="why not; null: nothing went wrong")] = None
    attempts: Annotated[int, Field(ge=0, description="how often a mail server was to take it")]
    mail_id: Annotated[
        Id | None, Field(description="of the mail that it is in, first part of its Message-ID")
    ] = None
    in_doubt: Annotated[
        bool, Field(description="an attempt's end is not known: it may have come twice")
    ] = False


class Subscription(BaseModel):
    """What a person wants no mail about. The person identifies it; the highest version stands."""

    model_config = _SENT

    schema_version: Literal[1] = 1
    person_id: Id
    version: Version
    unsubscribed: Annotated[
        list[NotificationKind], Field(description="what the person wants no mail about")
    ]
