"""Settings of batteries; how efficient they are is with autarky."""

from datetime import timedelta
from decimal import Decimal

from pydantic import Field

from streams.configuration.values import Duration, Group


class BatterySettings(Group):
    """How batteries are steered."""

    battery_reserve_percent: int = Field(
        default=10,
        ge=0,
        le=90,
        description="Percent of a battery's capacity that stays in it for a failure of the grid.",
    )
    battery_power_percent: int = Field(
        default=50,
        ge=1,
        le=1000,
        description="Percent of its capacity that a battery takes or gives in an hour.",
    )
    battery_fee_eur_per_mwh: Decimal = Field(
        default=Decimal(150),
        ge=0,
        le=10_000,
        decimal_places=2,
        description="Fees and taxes on what a household imports, on top of the price.",
    )
    battery_wear_eur_per_mwh: Decimal = Field(
        default=Decimal(30),
        ge=0,
        le=10_000,
        decimal_places=2,
        description="What a MWh charged wears a battery off.",
    )
    battery_prices_ahead: Duration = Field(
        default=timedelta(hours=6),
        ge=timedelta(minutes=15),
        le=timedelta(hours=48),
        description="So far ahead prices must be known; else batteries are left to themselves.",
    )
    battery_connection_percent: int = Field(
        default=90,
        ge=0,
        le=100,
        description="Percent of a community's connection that batteries may fill it to.",
    )
