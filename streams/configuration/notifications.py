"""When people are told."""

from datetime import time, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from streams.configuration.values import Duration, Group


def _local(moment: time) -> time:
    if moment.tzinfo is not None:
        raise ValueError("must have no offset, as in 22:00: it is in each recipient's own zone")
    return moment


LocalTime = Annotated[time, AfterValidator(_local)]


class NotificationSettings(Group):
    """When people are told."""

    notification_gap: Duration = Field(
        default=timedelta(hours=1),
        ge=timedelta(0),
        le=timedelta(days=7),
        description="Least time between two mails to one person about autarky, by event time.",
    )
    notification_gather: Duration = Field(
        default=timedelta(minutes=2),
        ge=timedelta(0),
        le=timedelta(hours=1),
        description="How long a malfunction waits for others, to be one mail with them.",
    )
    notification_quiet_from: LocalTime = Field(
        default=time(22),
        description="When nobody is told of autarky any more, in the recipient's zone.",
    )
    notification_quiet_to: LocalTime = Field(
        default=time(7),
        description="When they are told again; the same as _FROM: there are no quiet hours.",
    )
