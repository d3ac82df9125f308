"""`smatrix doctor`: what is reachable, in which version, and what to do about what is not."""

import asyncio
import platform
from importlib.metadata import version
from typing import Final

import aiokafka.admin
import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from deploy.cli.check import connect
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
        console.print(
            f"[red]no[/]  broker {settings.broker} does not answer, or not to "
            f"SMATRIX_BROKER_SECURITY={settings.broker_security}: start `smatrix up`, or set "
            f"SMATRIX_BROKER"
        )
        return False
    finally:
        await admin.close()
    partitions = {topic["topic"]: len(topic["partitions"]) for topic in described}
    console.print(f"[green]yes[/] broker {settings.broker}")
    well = True
    for name in (settings.topic_prefix + topic.name for topic in TOPICS):
        found = partitions.get(name)
        if found is None:
            console.print(f"[red]no[/]  topic {name}: a worker makes it when it starts")
        elif found != settings.partitions:
            console.print(
                f"[red]no[/]  topic {name} has {found} partitions: set "
                f"SMATRIX_PARTITIONS={found} for every worker"
            )
        else:
            console.print(f"[green]yes[/] topic {name}, {found} partitions")
        well = well and found == settings.partitions
    return well


def _ask_clickhouse(settings: Settings, console: Console) -> bool:
    try:
        client = connect(settings)
    except ConfigurationError as error:
        console.print(f"[red]no[/]  {error}", markup=True)
        return False
    console.print(f"[green]yes[/] ClickHouse {client.server_version} at {settings.clickhouse_url}")
    database = settings.clickhouse_database
    found = client.query(
        "SELECT name FROM system.tables WHERE database = {database:String}",
        parameters={"database": database},
    )
    if not found.result_rows:
        console.print(f"[red]no[/]  database {database}: a history worker makes it when it starts")
        return False
    console.print(f"[green]yes[/] database {database}, {len(found.result_rows)} tables and views")
    return True
