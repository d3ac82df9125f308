"""The role that judges what metering has closed: its agents, each by its noun."""

from agents import autarky, malfunction, notices
from streams.delivery.app import App
from streams.delivery.transactional import TransactionalDelivery
from streams.settings import DeliveryMode, Settings


def attach(app: App, settings: Settings) -> None:
    """Declare the tables and the agents of the role."""
    if settings.delivery is DeliveryMode.TRANSACTIONAL:
        app.delivery = TransactionalDelivery(app)
    autarky.attach(app, settings)
    malfunction.attach(app, settings)
    notices.attach(app)
