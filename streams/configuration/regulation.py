"""When load is shed and given back."""

import re
from datetime import timedelta
from typing import Final

from pydantic import Field

from streams.configuration.values import Duration, Group

_HOURS: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]"
OFF_PEAK: Final = re.compile(rf"({_HOURS}-{_HOURS})?")


class RegulationSettings(Group):
    """When load is shed and given back; shares are of the limit in question."""

    regulation_shed_above_percent: int = Field(
        default=95, ge=3, le=200, description="Load above this share of the limit is too much."
    )
    regulation_over_minutes: int = Field(
        default=2, ge=1, le=60, description="Closed minutes in a row of it, after which is shed."
    )
    regulation_at_once_percent: int = Field(
        default=96, ge=3, le=300, description="Above this share one closed minute is enough."
    )
    regulation_shed_to_percent: int = Field(
        default=93, ge=2, le=200, description="To what share of the limit is shed, in one step."
    )
    regulation_restore_below_percent: int = Field(
        default=90, ge=1, le=200, description="What is shed comes back once it fits below this."
    )
    regulation_emergency_percent: int = Field(
        default=110,
        ge=3,
        le=1000,
        description="Above this share it is an emergency, which beats customers' own choices.",
    )
    regulation_min_off: Duration = Field(
        default=timedelta(minutes=15),
        ge=timedelta(0),
        le=timedelta(hours=4),
        description="How long a switch stays off at least.",
    )
    regulation_min_on: Duration = Field(
        default=timedelta(minutes=10),
        ge=timedelta(0),
        le=timedelta(hours=4),
        description="How long a switch stays on at least, emergencies excepted.",
    )
    regulation_max_off: Duration = Field(
        default=timedelta(hours=2),
        ge=timedelta(minutes=1),
        le=timedelta(hours=12),
        description="How long a switch stays off at most.",
    )
    regulation_calm: Duration = Field(
        default=timedelta(hours=1),
        ge=timedelta(0),
        le=timedelta(hours=4),
        description="How long what is relieved earlier still stays off, so that nothing is on, "
        "off and on within it; 0: REGULATION_MIN_OFF alone.",
    )
    regulation_restore_delay: Duration = Field(
        default=timedelta(minutes=5),
        ge=timedelta(0),
        le=timedelta(minutes=30),
        description="Each switch comes back at its own time within so long; whole minutes.",
    )
    regulation_validity: Duration = Field(
        default=timedelta(minutes=30),
        ge=timedelta(minutes=2),
        le=timedelta(hours=4),
        description="How long a directive holds, unless it is renewed; then the switch is AUTO.",
    )
    regulation_resend_after: Duration = Field(
        default=timedelta(minutes=2),
        ge=timedelta(minutes=1),
        le=timedelta(minutes=30),
        description="When a directive that nobody acknowledged is sent again.",
    )
    regulation_guaranteed_w: int = Field(
        default=4_200, ge=0, le=10**6, description="What every household may always draw, W."
    )
    regulation_least_relief_w: int = Field(
        default=100, ge=1, le=10**6, description="Nobody is switched off for less, W."
    )
    regulation_burst_percent: int = Field(
        default=30,
        ge=1,
        le=100,
        description="Of what a household drew beyond its usual in its last quarter-hour, so much "
        "is taken to go on.",
    )
    regulation_idle_percent: int = Field(
        default=13,
        ge=0,
        le=100,
        description="Of what a switch can take away, so much is taken to be on at any time.",
    )
    regulation_memory: Duration = Field(
        default=timedelta(days=2),
        ge=timedelta(0),
        le=timedelta(days=28),
        description="Who was not shed for so long is as good as never shed: of these, who gives "
        "most is shed first.",
    )
    regulation_off_peak: str = Field(
        default="",
        pattern=OFF_PEAK.pattern + "$",
        description="Hours of local time in which AUTO means on, as 22:00-06:00; empty: always.",
    )
