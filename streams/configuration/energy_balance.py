"""How long the grid's minute waits, and how long it can be told anew."""

from datetime import timedelta

from pydantic import Field

from streams.configuration.values import Duration, Group


class EnergyBalanceSettings(Group):
    """How long the grid's minute waits, and how long it can be told anew."""

    balance_patience: Duration = Field(
        default=timedelta(seconds=30),
        ge=timedelta(0),
        description="How long the grid's minute waits for communities, whose forecast stands in "
        "then; what comes later makes a new version.",
    )
    balance_retention: Duration = Field(
        default=timedelta(hours=2),
        ge=timedelta(minutes=15),
        le=timedelta(hours=48),
        description="How long a minute of the grid can be told anew, by event time.",
    )
