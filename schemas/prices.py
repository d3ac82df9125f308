"""What crosses a topic around prices: what a period's energy costs on the day-ahead market."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.registry import RegistryVersion
from schemas.units import LATEST_MINUTE, PERIOD_S

MOST_EUR_PER_MWH = 10_000
"""Twice what the European day-ahead market lets anyone bid."""

LATEST_PERIOD = LATEST_MINUTE // PERIOD_S * PERIOD_S
"""The last whole period that ClickHouse's DateTime holds, in 2106."""


class PriceKind(StrEnum):
    """Where a price comes from: the market's auction of the day before, or an estimate of ours."""

    DAY_AHEAD = "day_ahead"
    ESTIMATED = "estimated"


class Price(BaseModel):
    """What energy costs in a settlement period, without fees and taxes; below 0 it is a burden.

    Period and kind identify it; of several versions the highest stands. Where both kinds are
    known, the day-ahead price counts.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    period_start: Annotated[
        int,
        Field(ge=0, le=LATEST_PERIOD, multiple_of=PERIOD_S, description="epoch seconds, UTC"),
    ]
    version: RegistryVersion
    price_eur_per_mwh: Annotated[
        Decimal,
        Field(ge=-MOST_EUR_PER_MWH, le=MOST_EUR_PER_MWH, decimal_places=2, allow_inf_nan=False),
    ]
    kind: PriceKind = PriceKind.DAY_AHEAD
