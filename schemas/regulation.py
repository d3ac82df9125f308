"""What crosses a topic around regulation: orders to switches, their answers, what was decided."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.registry import Power, RegistryVersion
from schemas.units import LATEST_MINUTE, CommunityId, Id, MeterId, MinuteStart, Version

# A newer version may send more: whoever reads it takes what it knows.
_SENT = ConfigDict(frozen=True, extra="ignore")

Second = Annotated[int, Field(ge=0, le=LATEST_MINUTE, description="epoch seconds, UTC")]
Watts = Annotated[int, Field(description="W")]


class SwitchState(StrEnum):
    """What a switch is told to do; AUTO: what it does by itself, the off-peak hours included."""

    OFF = "OFF"
    ON = "ON"
    AUTO = "AUTO"


class Level(StrEnum):
    """How much a directive overrides: an emergency beats the customer's own choice."""

    NORMAL = "normal"
    EMERGENCY = "emergency"


class SwitchReason(StrEnum):
    """Why a switch is told something."""

    CONNECTION_LIMIT = "connection_limit"
    GRID_DEFICIT = "grid_deficit"
    RELIEVED = "relieved"
    CUSTOMER_CHOICE = "customer_choice"
    INPUTS_STALE = "inputs_stale"


class SwitchDirective(BaseModel):
    """An order to a household's switch for its flexible appliances.

    Of several versions of a directive the highest stands; it differs in what it says of validity
    alone. Of several directives to a meter that of the latest minute stands. Before `valid_from`
    the one before holds; from `valid_until` on the switch is AUTO.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    directive_id: Id
    community_id: CommunityId
    meter_id: MeterId
    minute: Annotated[MinuteStart, Field(description="the closed minute that it follows from")]
    version: Version
    device: Literal["flexible"] = "flexible"
    state: SwitchState
    level: Level
    limit_w: Annotated[
        Power | None,
        Field(
            description="OFF: the appliances may draw what the rest of the household leaves of so "
            "many W; null: nothing"
        ),
    ]
    reason: SwitchReason
    detail: Annotated[str, Field(min_length=1, max_length=500, description="for people")]
    valid_from: Second
    valid_until: Second

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_until <= self.valid_from:
            raise ValueError("valid_until must be after valid_from")
        return self


class AckOutcome(StrEnum):
    """What a terminal did with a directive."""

    OBEYED = "obeyed"
    REFUSED = "refused"


class DirectiveAck(BaseModel):
    """A terminal's answer to a directive of any kind; every version of it is answered by one."""

    model_config = _SENT

    schema_version: Literal[1] = 1
    directive_id: Id
    community_id: CommunityId
    meter_id: MeterId
    minute: Annotated[MinuteStart, Field(description="when it was answered")]
    outcome: AckOutcome
    detail: Annotated[str, Field(max_length=500)] = ""


class SwitchChoice(BaseModel):
    """A customer's own ON or OFF for the flexible appliances; AUTO gives them back.

    It beats AUTO and a directive of level normal, and is beaten by an emergency. Of several
    versions for a meter the highest stands.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    community_id: CommunityId
    meter_id: MeterId
    version: RegistryVersion
    state: SwitchState
    valid_from: Second
    valid_until: Annotated[Second | None, Field(description="null: until another choice")] = None


class RegulationMinute(BaseModel):
    """What regulation made of a community's closed minute. Community and minute identify it.

    W are means of the minute. Of several versions the highest stands.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    community_id: CommunityId
    minute: MinuteStart
    version: Annotated[Version, Field(description="of the closed minute that it follows from")]
    is_steering: Annotated[
        bool, Field(description="false: the inputs were too old, all switches are AUTO")
    ]
    load_w: Annotated[Watts, Field(description="W: import less export, silent meters included")]
    silent_meters: Annotated[int, Field(ge=0)]
    silent_w: Annotated[Power, Field(description="W counted for them, their last good bounds")]
    coming_w: Annotated[Power, Field(description="W that may come back within minutes")]
    limit_w: Annotated[Power | None, Field(description="of the connection; null: not registered")]
    deficit_w: Annotated[Power, Field(description="W that the grid asks to shed")]
    shed_w: Annotated[Power, Field(description="W shed, as estimated when they were switched off")]
    sheddable_w: Annotated[Power, Field(description="W that could be shed beyond that")]
    meters_off: Annotated[int, Field(ge=0)]
    meters_flexible: Annotated[int, Field(ge=0)]
    ordered_off: Annotated[int, Field(ge=0, description="meters told OFF on this minute")]
    released: Annotated[int, Field(ge=0, description="meters told AUTO on this minute")]
    is_emergency: bool
    fairness: Annotated[
        float | None,
        Field(ge=0, le=1, description="Jain's index of minutes shed; null: none was ever shed"),
    ]
