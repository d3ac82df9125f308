"""What gets a ticket, and how its life goes on."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from streams.configuration.values import Duration, Group


class MalfunctionSettings(Group):
    """What gets a ticket, and how its life goes on."""

    malfunction_missed_minutes: int = Field(
        default=3,
        ge=1,
        le=1440,
        description="Minutes in a row without a reading that are silence.",
    )
    malfunction_good_minutes: int = Field(
        default=3, ge=1, le=1440, description="Minutes in a row with a reading that clear a ticket."
    )
    malfunction_terminal_percent: int = Field(
        default=50,
        ge=0,
        le=99,
        description="If more of a terminal's meters are concerned, percent, it is the terminal.",
    )
    malfunction_failures: int = Field(
        default=5,
        ge=1,
        le=60,
        description="Minutes refused by the same rule that are an inconsistency.",
    )
    malfunction_failures_within: Duration = Field(
        default=timedelta(hours=1),
        ge=timedelta(minutes=1),
        le=timedelta(days=7),
        description="The time in which they lie, by event time.",
    )
    malfunction_grace: Duration = Field(
        default=timedelta(minutes=15),
        ge=timedelta(0),
        description="After a community's first minute nothing is called silent for so long.",
    )
    malfunction_remind_first: Duration = Field(
        default=timedelta(hours=1),
        gt=timedelta(0),
        description="When to remind of a ticket that is open.",
    )
    malfunction_remind_again: Duration = Field(
        default=timedelta(hours=24),
        gt=timedelta(0),
        description="When to remind of it a second and last time, since it was opened.",
    )
    malfunction_reopen_within: Duration = Field(
        default=timedelta(hours=24),
        ge=timedelta(0),
        description="A cause that is back so soon after its ticket ended reopens that ticket.",
    )
    malfunction_live_within: Duration = Field(
        default=timedelta(hours=1),
        ge=timedelta(minutes=1),
        description="Minutes that are closed later are the past: nobody in it is late for now.",
    )

    @model_validator(mode="after")
    def _reminders_grow(self) -> Self:
        if self.malfunction_remind_again <= self.malfunction_remind_first:
            raise ValueError(
                f"SMATRIX_MALFUNCTION_REMIND_AGAIN={self.malfunction_remind_again} must be longer "
                f"than SMATRIX_MALFUNCTION_REMIND_FIRST={self.malfunction_remind_first}"
            )
        return self
