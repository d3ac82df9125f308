"""What metering takes, and how long it waits."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, FilePath, model_validator

from streams.configuration.values import Duration, Group, given


class Unregistered(StrEnum):
    """What becomes of a community in which nobody is registered."""

    REFUSE = "refuse"
    LEARN = "learn"


class MeteringSettings(Group):
    """What metering takes, and how long it waits."""

    unregistered: Unregistered = Field(
        default=Unregistered.REFUSE,
        description="A community that nobody is registered in: refuse its readings until somebody "
        "is, or learn its meters from its frames.",
    )
    cap_factor: float = Field(
        default=1.1,
        ge=1,
        le=100,
        description="How far a reading may be over what is registered of its household: contract, "
        "panels, battery; 1 is to the watt.",
    )
    battery_c_rate: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="What a battery can take or give in an hour, as a share of its capacity.",
    )
    vee_thresholds: Annotated[FilePath | None, BeforeValidator(given)] = Field(
        default=None,
        description="JSON file of what the rules of validation compare with, for all communities "
        "and for single ones (docs/vee.md); empty: the defaults.",
    )
    allowed_lateness: Duration = Field(
        default=timedelta(seconds=120),
        ge=timedelta(0),
        le=timedelta(hours=4),
        description="How long a minute waits for what is missing, in seconds or ISO 8601.",
    )
    window_retention: Duration = Field(
        default=timedelta(hours=48),
        ge=timedelta(hours=1),
        le=timedelta(days=366),
        description="How long a closed window can still be corrected.",
    )
    max_ahead: Duration = Field(
        default=timedelta(minutes=3),
        ge=timedelta(0),
        le=timedelta(hours=24),
        description="How far a frame's minute may lie ahead of the wall clock.",
    )
    max_frame_bytes: int = Field(
        default=1 << 20,
        ge=1024,
        le=1 << 26,
        description="A larger frame is rejected; split it.",
    )

    @model_validator(mode="after")
    def _retention_covers_lateness(self) -> Self:
        if self.window_retention < self.allowed_lateness + timedelta(minutes=30):
            raise ValueError(
                f"SMATRIX_WINDOW_RETENTION={self.window_retention} must be at least 30 min longer "
                f"than SMATRIX_ALLOWED_LATENESS={self.allowed_lateness}"
            )
        return self
