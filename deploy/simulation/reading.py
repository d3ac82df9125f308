"""What each role's workers read, as their agents declare it."""

from importlib import import_module
from pathlib import Path

from streams.delivery.app import App
from streams.settings import Settings


def topics_read(role: str, settings: Settings) -> frozenset[str]:
    """Return the names of the topics that a role's agents consume; nothing is connected."""
    app = App(
        settings.app_id(role),
        broker=settings.broker,
        data_dir=Path(settings.data_dir),
        partitions=settings.partitions,
        replication=settings.replication,
        topic_prefix=settings.topic_prefix,
    )
    import_module(f"agents.{role}").attach(app, settings)
    return frozenset(name for agent in app.agents.values() for name in agent.channel.topics)
