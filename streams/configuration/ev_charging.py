"""When vehicles are planned, how well, and how much of a connection they may use."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from streams.configuration.values import Duration, Group, given


class EvChargingSettings(Group):
    """When vehicles are planned, how well, and how much of a connection they may use."""

    ev_gap_percent: float = Field(
        default=1.0,
        gt=0,
        le=50,
        description="A plan is good enough so near to the optimum, percent of its objective.",
    )
    ev_sweeps: int = Field(
        default=30, ge=1, le=10_000, description="How often a plan is improved at most."
    )
    ev_lead: Duration = Field(
        default=timedelta(minutes=5),
        ge=timedelta(0),
        le=timedelta(minutes=14),
        description="A quarter-hour is planned so long before it begins, by event time.",
    )
    ev_silent_after: Duration = Field(
        default=timedelta(minutes=45),
        ge=timedelta(minutes=15),
        description="A charger with orders is silent when nothing was heard of it for so long.",
    )
    ev_horizon: Duration = Field(
        default=timedelta(hours=36),
        ge=timedelta(hours=1),
        le=timedelta(days=7),
        description="How far ahead vehicles are planned.",
    )
    ev_limit_percent: int = Field(
        default=90,
        ge=1,
        le=100,
        description="Percent of a community's connection that plans may fill.",
    )
    ev_grid_limit_w: Annotated[int | None, BeforeValidator(given)] = Field(
        default=None,
        gt=0,
        description="W of all communities together that plans may fill; empty: no limit.",
    )
    ev_most_stay: Duration = Field(
        default=timedelta(days=7),
        ge=timedelta(hours=1),
        description="A session from plug-in to departure is at most so long.",
    )
