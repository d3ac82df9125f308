"""When somebody counts as autarkic."""

from datetime import timedelta
from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from streams.configuration.values import Duration, Group


class AutarkySettings(Group):
    """When somebody counts as autarkic."""

    autarky_enter: Decimal = Field(
        default=Decimal("0.99"),
        gt=0,
        le=1,
        description="Self-sufficiency from which on one counts as autarkic, a share.",
    )
    autarky_leave: Decimal = Field(
        default=Decimal("0.95"),
        ge=0,
        le=1,
        description="Self-sufficiency below which one no longer does, a share.",
    )
    autarky_hold: Duration = Field(
        default=timedelta(minutes=15),
        ge=timedelta(0),
        le=timedelta(hours=24),
        description="How long it must stay beyond a threshold, by event time.",
    )
    battery_efficiency_percent: int = Field(
        default=90,
        ge=1,
        le=100,
        description="Percent of a battery's charge that reaches its store.",
    )

    @model_validator(mode="after")
    def _autarky_has_hysteresis(self) -> Self:
        if self.autarky_leave > self.autarky_enter:
            raise ValueError(
                f"SMATRIX_AUTARKY_LEAVE={self.autarky_leave} must be at most "
                f"SMATRIX_AUTARKY_ENTER={self.autarky_enter}, both shares"
            )
        return self
