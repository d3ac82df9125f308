"""Every role's agents, attached by name so that a broken one stops the worker."""

from collections.abc import Callable, Mapping
from typing import Final

from agents import history, metering
from streams.delivery.app import App
from streams.settings import Settings

ROLES: Final[Mapping[str, Callable[[App, Settings], None]]] = {
    "metering": metering.attach,
    "history": history.attach,
}
