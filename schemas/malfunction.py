"""A ticket's life, as it is told: what is wrong, who mends it, how it ended; and orders."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.units import CommunityId, Id, MeterId, MinuteStart


class MalfunctionKind(StrEnum):
    """What is wrong."""

    METER_SILENT = "meter_silent"
    TERMINAL_SILENT = "terminal_silent"
    INCONSISTENT = "inconsistent"
    STUCK_METER = "stuck_meter"
    CLOCK = "clock"


class TicketState(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"


class TicketEvent(StrEnum):
    """What has happened to a ticket."""

    OPENED = "opened"
    ASSIGNED = "assigned"
    REMINDED = "reminded"
    CLEARED = "cleared"
    REOPENED = "reopened"
    RESOLVED = "resolved"


class Malfunction(BaseModel):
    """One step in the life of a ticket. Ticket and step identify it: one content for ever.

    A ticket is cleared by good readings and resolved by hand; both end it in state resolved.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    ticket_id: Id
    step: Annotated[int, Field(ge=1, description="grows by one with everything that happens to it")]
    event: TicketEvent
    state: TicketState
    kind: MalfunctionKind
    community_id: CommunityId
    meter_id: Annotated[
        list[MeterId], Field(description="the meters concerned; empty: the whole terminal")
    ]
    rule: Annotated[
        str | None, Field(description="the rule that failed again and again; null: none did")
    ] = None
    technician_id: Annotated[Id | None, Field(description="whose it is; null: nobody's yet")] = None
    by: Annotated[
        Id | None, Field(description="the operator who did it by hand; null: nobody did")
    ] = None
    since: Annotated[MinuteStart, Field(description="the first minute at which it was wrong")]
    at: Annotated[MinuteStart, Field(description="event time of the step")]
    reason: Annotated[str, Field(description="the figures behind the step, for people")]


class TicketAction(StrEnum):
    """What an operator can do with a ticket."""

    ASSIGN = "assign"
    RESOLVE = "resolve"


class TicketCommand(BaseModel):
    """An operator's order about a ticket. It is obeyed once, however often it is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    ticket_id: Id
    community_id: CommunityId
    action: TicketAction
    technician_id: Annotated[Id | None, Field(description="whose it shall be; to assign")] = None
    by: Annotated[Id, Field(description="the operator's name")]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _names_whom_to_assign(self) -> Self:
        if (self.action is TicketAction.ASSIGN) != (self.technician_id is not None):
            raise ValueError("technician_id is for assign, and assign needs it")
        return self
