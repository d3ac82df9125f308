"""Every role's agents: `agents.ROLE.attach` declares them on the role's app."""

from typing import Final

ROLES: Final = ("metering", "validation", "alerts", "control", "notifications", "history")
