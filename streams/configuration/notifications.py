"""When people are told."""

from datetime import time, timedelta

from pydantic import Field

from streams.configuration.values import Duration, Group


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
    notification_quiet_from: time = Field(
        default=time(22),
        description="When nobody is told of autarky any more, in the recipient's zone.",
    )
    notification_quiet_to: time = Field(
        default=time(7),
        description="When they are told again; the same as _FROM: there are no quiet hours.",
    )
