"""What crosses a topic around batteries: what each household's battery shall do in a period."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.registry import Minute, Power
from schemas.units import CommunityId, EnergySum, Id, MeterId, Version


class BatteryMode(StrEnum):
    """What a battery does; in none of them it charges and discharges at once.

    - AUTO: self-consumption: it takes what the sun leaves over, and gives what the loads lack.
    - HOLD: it neither takes nor gives.
    - CHARGE: it takes what the sun leaves over, and `power_w` from the grid on top of that.
    - DISCHARGE: it gives what the loads lack, and `power_w` to the grid on top of that.
    """

    AUTO = "auto"
    HOLD = "hold"
    CHARGE = "charge"
    DISCHARGE = "discharge"


class BatteryReason(StrEnum):
    """Why a battery shall do so."""

    CHEAP = "cheap"
    DEAR = "dear"
    WORTH_MORE_LATER = "worth_more_later"
    SELF_CONSUMPTION = "self_consumption"
    PRICES_MISSING = "prices_missing"
    FORECAST_MISSING = "forecast_missing"
    LEVEL_UNKNOWN = "level_unknown"
    COMMUNITY_LIMITED = "community_limited"
    RESERVE = "reserve"
    UNSAFE = "unsafe"


class BatteryDirective(BaseModel):
    """What a household's battery shall do in [valid_from, valid_until), and AUTO from then on.

    Its id follows from meter and period; of several versions the highest stands.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    directive_id: Id
    community_id: CommunityId
    meter_id: MeterId
    version: Version
    valid_from: Minute
    valid_until: Minute
    mode: BatteryMode
    power_w: Annotated[
        Power,
        Field(
            description="W at the grid, on top of what the household itself leaves over or lacks; "
            "0 in AUTO and HOLD"
        ),
    ]
    reason: BatteryReason
    level_mwh: Annotated[
        EnergySum | None, Field(description="expected at valid_from; null: not known")
    ] = None
    price_eur_per_mwh: Annotated[
        Decimal | None, Field(decimal_places=2, description="of the period; null: not known")
    ] = None

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.valid_until <= self.valid_from:
            raise ValueError("valid_until must lie after valid_from")
        return self

    @model_validator(mode="after")
    def _moves_at_the_grid_only_where_told_to(self) -> Self:
        if self.power_w and self.mode in {BatteryMode.AUTO, BatteryMode.HOLD}:
            raise ValueError(f"power_w must be 0 in mode {self.mode}")
        return self
