"""`smatrix doctor`: what is reachable, in which version, and what to do about what is not."""

import asyncio
import platform
from importlib.metadata import version
from typing import Final

import aiokafka.admin
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.markup import escape

from deploy.cli.check import asking, connect
from streams.delivery.clients import connection_of
from streams.settings import ConfigurationError, Settings, get_settings
from streams.topics import TOPICS

_PACKAGES: Final = ("faust-streaming", "aiokafka", "rocksdict", "clickhouse-connect")
_TIMEOUT_MS: Final = 3_000


def doctor() -> None:
    """Say what is reachable, versions and topics, and what to do about what is not."""
    settings = get_settings()
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"Python {platform.python_version()}")
    for name in _PACKAGES:
        console.print(f"{name} {version(name)}")
    well = asyncio.run(_ask_broker(settings, console))
    well = _ask_clickhouse(settings, console) and well
    if not well:
        raise typer.Exit(1)


async def _ask_broker(settings: Settings, console: Console) -> bool:
    admin = aiokafka.admin.AIOKafkaAdminClient(
        **connection_of(settings), request_timeout_ms=_TIMEOUT_MS
    )
    try:
        await admin.start()
        described = await admin.describe_topics()
    except (KafkaError, OSError):
        _no(
            console,
            f"broker {settings.broker} does not answer, or not to "
            f"SMATRIX_BROKER_SECURITY={settings.broker_security}: start `smatrix up`, or set "
            f"SMATRIX_BROKER",
        )
        return False
    finally:
        await admin.close()
    partitions = {topic["topic"]: len(topic["partitions"]) for topic in described}
    _yes(console, f"broker {settings.broker}")
    well = True
    for name in (settings.topic_prefix + topic.name for topic in TOPICS):
        found = partitions.get(name)
        if found is None:
            _no(console, f"topic {name}: a worker makes it when it starts")
        elif found != settings.partitions:
            _no(
                console,
                f"topic {name} has {found} partitions: set SMATRIX_PARTITIONS={found} for every "
                f"worker",
            )
        else:
            _yes(console, f"topic {name}, {found} partitions")
        well = well and found == settings.partitions
    return well


def _ask_clickhouse(settings: Settings, console: Console) -> bool:
    database = settings.clickhouse_database
    try:
        client = connect(settings)
        with asking(settings):
            found = client.query(
                "SELECT name FROM system.tables WHERE database = {database:String}",
                parameters={"database": database},
            )
    except ConfigurationError as error:
        _no(console, str(error))
        return False
    _yes(console, f"ClickHouse {client.server_version} at {settings.clickhouse_url}")
    if not found.result_rows:
        _no(console, f"database {database}: a history worker makes it when it starts")
        return False
    _yes(console, f"database {database}, {len(found.result_rows)} tables and views")
    return True


def _yes(console: Console, what: str) -> None:
    console.print(f"[green]yes[/] {escape(what)}")


def _no(console: Console, what: str) -> None:
    console.print(f"[red]no[/]  {escape(what)}")
