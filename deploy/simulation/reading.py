"""What each role's workers read, as their agents declare it."""

from collections.abc import Iterable
from importlib import import_module

from streams.delivery.app import App
from streams.settings import Settings


async def topics_read(roles: Iterable[str], settings: Settings) -> dict[str, frozenset[str]]:
    """Return, by role, the names of the topics that its agents consume; nothing is connected.

    It is a coroutine since the clients that agents declare belong to a running loop.
    """
    return {role: _topics_read(role, settings) for role in roles}


def _topics_read(role: str, settings: Settings) -> frozenset[str]:
    app = App(
        settings.app_id(role),
        broker=settings.broker,
        data_dir=settings.data_dir,
        partitions=settings.partitions,
        replication=settings.replication,
        topic_prefix=settings.topic_prefix,
    )
    import_module(f"agents.{role}").attach(app, settings)
    return frozenset(name for agent in app.agents.values() for name in agent.channel.topics)
