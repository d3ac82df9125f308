"""What crosses a topic around vehicles: sessions in; orders, promises and plans out."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.registry import Minute, Power
from schemas.units import CommunityId, EnergySum, Id, MeterId, PeriodStart, Version

MAX_SESSION_WH: Final = 10**6
"""A MWh: no vehicle holds more, and sums over a grid of them stay whole numbers of mWh."""

# A newer version may send more: whoever reads it takes what it knows.
_SENT = ConfigDict(frozen=True, extra="ignore")

Energy = Annotated[float, Field(ge=0, le=MAX_SESSION_WH, allow_inf_nan=False)]


class EvSession(BaseModel):
    """A vehicle at a charger, as the community's terminal reports it.

    It is sent when the vehicle is plugged in, whenever anything of it changes, every quarter-hour
    with what has been charged, and when the vehicle is unplugged. The session's id identifies it;
    of several versions the highest stands.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    session_id: Id
    community_id: CommunityId
    meter_id: Annotated[MeterId, Field(description="of the household that the charger belongs to")]
    version: Annotated[Version, Field(description="grows with every report of the session")]
    minute: Annotated[
        Minute | None,
        Field(description="epoch seconds, UTC: when this held; null: when it was plugged in"),
    ] = None
    plugged_in: Annotated[Minute, Field(description="epoch seconds, UTC")]
    departure: Annotated[
        Minute, Field(description="epoch seconds, UTC: when the energy is to be there")
    ]
    energy_wh: Annotated[Energy, Field(description="Wh asked for at plug-in, exact to 1 mWh")]
    charger_w: Annotated[Power, Field(ge=1, description="W that the charger can give")]
    minimum_w: Annotated[Power, Field(description="W below which it is off")] = 0
    continuous: Annotated[
        bool, Field(description="whether any power from its least on can be set; or on and off")
    ]
    charged_wh: Annotated[Energy, Field(description="Wh charged since plug-in, exact to 1 mWh")] = (
        0.0
    )
    unplugged: Annotated[bool, Field(description="whether the vehicle has left")] = False


class SessionRule(StrEnum):
    """Why a session's report was refused."""

    NOT_JSON = "not_json"
    SCHEMA = "schema"
    KEY_MISMATCH = "key_mismatch"
    DEPARTURE = "departure"
    STAY_TOO_LONG = "stay_too_long"
    PLUGGED_IN_IN_FUTURE = "plugged_in_in_future"
    MINIMUM_POWER = "minimum_power"
    MOVED = "moved"
    UNKNOWN_METER = "unknown_meter"
    WRONG_COMMUNITY = "wrong_community"


class RejectedSession(BaseModel):
    """A record of `ev-sessions` that a rule refused.

    Where it came from (partition, offset) identifies it: the same record refused twice is one.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    source_partition: Annotated[int, Field(ge=0)]
    source_offset: Annotated[int, Field(ge=0)]
    rule: SessionRule
    detail: Annotated[str, Field(description="the field, the value and the rule, for people")]
    community_id: Annotated[str | None, Field(description="as far as it could be read")]
    session_id: Annotated[str | None, Field(description="as far as it could be read")]
    received_at_ms: Annotated[int, Field(ge=0, description="the broker's time stamp, epoch ms")]
    original_value_base64: Annotated[
        str | None, Field(description="the first 64 KiB of the record's value")
    ]


class ChargeDirective(BaseModel):
    """What a charger is to do in a quarter-hour, or in what is left of one.

    The directive's id (session and quarter-hour) identifies it; of several versions the highest
    stands. After `valid_until` the charger does what it does without orders.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    directive_id: Id
    version: Version
    session_id: Id
    community_id: CommunityId
    meter_id: MeterId
    valid_from: Annotated[Minute, Field(description="epoch seconds, UTC")]
    valid_until: Annotated[
        Minute, Field(description="epoch seconds, UTC: the first minute it no longer holds")
    ]
    power_w: Annotated[
        Power, Field(description="W; 0: off; a vehicle that is full takes none of it")
    ]
    planned_mwh: Annotated[EnergySum, Field(description="mWh that the vehicle is to take of it")]
    reason: Annotated[str, Field(min_length=1, description="why, for people")]


class Shortage(StrEnum):
    """Why a vehicle will not get all that it asked for."""

    NONE = "none"
    WINDOW = "window"
    COMMUNITY_LIMIT = "community_limit"
    GRID_LIMIT = "grid_limit"


class ChargerState(StrEnum):
    """What a charger makes of its orders."""

    ANSWERS = "answers"
    LAGS = "lags"
    SILENT = "silent"


class ChargePromise(BaseModel):
    """What a vehicle will get until it leaves: said at plug-in, and when it changes.

    Session and step identify it: one content for ever.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    session_id: Id
    step: Annotated[int, Field(ge=1, description="grows by one with everything that is said of it")]
    community_id: CommunityId
    meter_id: MeterId
    minute: Annotated[Minute, Field(description="epoch seconds, UTC: when it was decided")]
    departure: Minute
    asked_mwh: EnergySum
    charged_mwh: Annotated[EnergySum, Field(description="reported so far")]
    promised_mwh: Annotated[EnergySum, Field(description="what it will have got at departure")]
    shortage: Annotated[Shortage, Field(description="why it is not all")]
    charger: ChargerState
    ended: Annotated[bool, Field(description="whether the session is over: charged is the result")]


PowerColumn = Annotated[list[int], Field(description="W, one for each quarter-hour of the plan")]


class ChargePlan(BaseModel):
    """The sums of a partition's plan, for the other partitions and for operators.

    Partition and period_start identify it; of several versions the highest stands.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    partition: Annotated[int, Field(ge=0)]
    period_start: PeriodStart
    version: Version
    base_w: Annotated[PowerColumn, Field(description="forecast, of communities without vehicles")]
    planned_w: Annotated[PowerColumn, Field(description="of its vehicles")]
    sessions: Annotated[int, Field(ge=0)]
    communities: Annotated[int, Field(ge=0)]
    asked_mwh: Annotated[EnergySum, Field(description="still asked for")]
    planned_mwh: EnergySum
    gap: Annotated[
        float,
        Field(ge=0, description="at most so far from the optimum, a share of its objective"),
    ]
    sweeps: Annotated[int, Field(ge=0)]
