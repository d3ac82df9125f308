"""The role that steers: its agents, each by its noun."""

from typing import Final

from agents import (
    batteries,
    energy_balance,
    ev_charging,
    production,
    production_commitments,
    production_readings,
    regulation,
)
from streams.delivery.app import App
from streams.delivery.transactional import TransactionalDelivery
from streams.settings import DeliveryMode, Settings

SESSION_S: Final = 15.0
"""Its many tables take longer to open than other roles', on a busy machine longer than their 6 s:
no heartbeat is sent meanwhile, and who is taken for dead begins again, for ever."""


def attach(app: App, settings: Settings) -> None:
    """Declare the tables and the agents of the role."""
    if settings.delivery is DeliveryMode.TRANSACTIONAL:
        app.delivery = TransactionalDelivery(app)
    app.conf.broker_session_timeout = SESSION_S
    # What one agent tells is the next one's input: whoever wants progress soon waits less often.
    app.fetch_wait_ms = min(app.fetch_wait_ms, int(settings.commit_interval.total_seconds() * 500))
    energy_balance.attach(app, settings)
    regulation.attach(app, settings)
    batteries.attach(app, settings)
    production_readings.attach(app, settings)
    production_commitments.attach(app, settings)
    production.attach(app, settings)
    ev_charging.attach(app, settings)
