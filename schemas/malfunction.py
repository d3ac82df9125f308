"""A ticket's life, as it is told: what is wrong, who is to mend it, and how it ended."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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
    since: Annotated[MinuteStart, Field(description="the first minute at which it was wrong")]
    at: Annotated[MinuteStart, Field(description="event time of the step")]
    reason: Annotated[str, Field(description="the figures behind the step, for people")]
