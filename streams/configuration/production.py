"""How production is steered, and when control stops steering."""

from datetime import timedelta
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from streams.configuration.values import Duration, Group


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no IANA time zone, as in Europe/Berlin")
    return name


class ProductionSettings(Group):
    """How production is steered, and when control stops steering."""

    grid_zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="Europe/Berlin",
        description="IANA time zone of the grid's days, for its forecast.",
    )
    control_stale_after: Duration = Field(
        default=timedelta(minutes=3),
        ge=timedelta(minutes=1),
        description="Control stops steering when its newest input is older, by the wall clock.",
    )
    production_reserve_percent: float = Field(
        default=2.0, ge=0, le=100, description="Of the forecast, asked of plants beyond it."
    )
    production_keep_percent: float = Field(
        default=10.0,
        ge=0,
        le=100,
        description="A running plant is stopped only when the others could give so much more than "
        "the highest demand in sight.",
    )
    production_ahead_minutes: int = Field(
        default=5,
        ge=1,
        le=60,
        description="A deficit is handed to regulation so long before it is there.",
    )
    production_silent_minutes: int = Field(
        default=3,
        ge=1,
        le=60,
        description="A plant whose last reading is older is taken to stay where it was.",
    )
    production_lost_minutes: int = Field(
        default=15, ge=1, le=1440, description="One whose last reading is older counts as nothing."
    )
    production_tolerance_percent: float = Field(
        default=3.0,
        gt=0,
        le=100,
        description="Of a plant's capacity, by which it may miss its order.",
    )
    production_disobeying_minutes: int = Field(
        default=3,
        ge=1,
        le=60,
        description="So many misses in a row, and a plant is not counted on to follow.",
    )
