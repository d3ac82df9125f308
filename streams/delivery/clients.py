"""What every Kafka client of a worker has in common."""

from typing import TYPE_CHECKING, Any

from streams.settings import Settings

if TYPE_CHECKING:
    from streams.delivery.app import App


def client_settings(app: "App") -> dict[str, Any]:
    """Return the connection settings for an aiokafka client of this app."""
    return {
        "bootstrap_servers": [f"{url.host}:{url.port}" for url in app.conf.broker],
        "client_id": f"{app.conf.id}",
    }


def connection_of(settings: Settings) -> dict[str, Any]:
    """Return the connection settings for an aiokafka client of no app."""
    return {"bootstrap_servers": settings.broker.split(",")}
