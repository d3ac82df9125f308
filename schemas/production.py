"""What crosses a topic around production: what plants give, and what they are asked to give."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.registry import Power
from schemas.units import CommunityId, Id, MinuteStart, PeriodStart, Version

# A newer version may send more: whoever reads it takes what it knows.
_SENT = ConfigDict(frozen=True, extra="ignore")

Watts = Annotated[int, Field(description="W; negative: more is fed in than drawn")]


class PlantReading(BaseModel):
    """A power plant's minute, as the plant sends it. The topic's key is the plant id.

    Of two readings of a minute the one with the higher `sequence` stands; without sequences, the
    one that the broker has received later.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    plant_id: Id
    minute: MinuteStart
    production_w: Annotated[Power, Field(description="W fed in, mean of the minute")]
    available_w: Annotated[
        Power, Field(description="W that it could give, by wind, sun, water or its own state")
    ]
    out_of_service: bool = False
    sequence: Annotated[int, Field(ge=0, le=2**62)] | None = Field(
        default=None, description="grows with everything the plant sends"
    )


class PlantMinute(BaseModel):
    """A plant's minute that has been found sound. Of several versions the highest stands."""

    model_config = _SENT

    schema_version: Literal[1] = 1
    plant_id: Id
    minute: MinuteStart
    version: Version
    production_w: Power
    available_w: Power
    out_of_service: bool


class BatteryCommitment(BaseModel):
    """What the batteries of one partition are told to give to the grid in a period.

    Partition and period identify it. Of several versions the highest stands.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    partition: Annotated[int, Field(ge=0)]
    period_start: PeriodStart
    version: Version
    given_w: Annotated[int, Field(description="W; negative: they take from it")]
    batteries: Annotated[int, Field(ge=0, description="that have been told something")]


class OrderReason(StrEnum):
    """Why a plant is asked for just so much."""

    MERIT = "merit"
    AT_MAXIMUM = "at_maximum"
    AT_MINIMUM = "at_minimum"
    RAMP_LIMIT = "ramp_limit"
    STARTING = "starting"
    STOPPING = "stopping"
    NOT_NEEDED = "not_needed"
    OUT_OF_SERVICE = "out_of_service"
    SILENT = "silent"
    DISOBEYS = "disobeys"


class ProductionOrder(BaseModel):
    """What a plant shall give from `valid_from` on, as fast as it can get there.

    It is 0 or from the plant's minimum to its maximum. `order_id` names plant and time; of several
    versions of an order the highest stands, and of several orders the one that began last. From
    `valid_until` on nobody is steering: the plant goes by its own rules.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    order_id: Id
    plant_id: Id
    version: Annotated[Version, Field(description="of the grid's minute that it follows from")]
    minute: Annotated[MinuteStart, Field(description="the grid's minute that it follows from")]
    valid_from: MinuteStart
    valid_until: MinuteStart
    ordered_w: Power
    reason: OrderReason
    forecast_w: Annotated[Watts, Field(description="W of the grid that are expected then")]
    reserve_w: Annotated[Power, Field(description="W asked for beyond that")]
    deficit_w: Annotated[Power, Field(description="W of the forecast that no plant can meet")]
    surplus_w: Annotated[Power, Field(description="W beyond it that plants can't avoid")]

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_until <= self.valid_from:
            raise ValueError("valid_until must be after valid_from")
        return self


class ProductionPlan(BaseModel):
    """What a plant is expected to be asked for in the next day, by quarter-hours.

    It binds nobody: orders follow minute by minute. Plant and `period_start` identify it.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    plan_id: Id
    plant_id: Id
    version: Annotated[Version, Field(description="of the grid's minute that it follows from")]
    period_start: Annotated[PeriodStart, Field(description="of the first of the quarter-hours")]
    planned_w: list[Power]
    forecast_w: Annotated[list[Watts], Field(description="W of the whole grid")]
    deficit_w: Annotated[list[Power], Field(description="W of the forecast that no plant can meet")]


class ShedReason(StrEnum):
    """Why a community is asked to shed load."""

    DEFICIT = "deficit"
    RELIEVED = "relieved"


class ShedOrder(BaseModel):
    """A community's share of what no plant can meet; regulation decides who sheds.

    Of several versions of an order the highest stands; a version with `shed_w` 0 ends it.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    order_id: Id
    community_id: CommunityId
    version: Annotated[Version, Field(description="of the grid's minute that it follows from")]
    minute: Annotated[MinuteStart, Field(description="the grid's minute that it follows from")]
    valid_from: MinuteStart
    valid_until: MinuteStart
    shed_w: Annotated[Power, Field(description="W less than it would draw")]
    deficit_w: Annotated[Power, Field(description="W that the grid lacks, of all communities")]
    reason: ShedReason

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_until <= self.valid_from:
            raise ValueError("valid_until must be after valid_from")
        return self
