"""`smatrix up`: the embedded system in the foreground, without load."""

import signal
import time
from enum import StrEnum
from typing import Annotated, Final

import typer
from rich.console import Console

from deploy.cli.destinations import require_folder
from deploy.embedded.system import EmbeddedSystem
from streams.settings import ConfigurationError, Settings, get_settings

_POLL_S: Final = 0.5
_QUERIES: Final = (
    "SELECT * FROM smatrix.grid_hours ORDER BY period_start",
    (
        "SELECT community_id, max(import_wh) FROM smatrix.community_quarter_hours "
        "GROUP BY community_id ORDER BY 2 DESC LIMIT 5"
    ),
    "SELECT rule, count() FROM smatrix.rejected_readings GROUP BY rule",
)


class Broker(StrEnum):
    """What the embedded system runs on."""

    EMBEDDED = "embedded"
    KAFKA = "kafka"


def up(
    broker: Annotated[
        Broker,
        typer.Option(help="The embedded broker, in memory, or Apache Kafka, which keeps its data."),
    ] = Broker.EMBEDDED,
    nodes: Annotated[int, typer.Option(help="Nodes of Apache Kafka: 1 or 3.")] = 1,
) -> None:
    """Run the embedded system in the foreground until Ctrl-C."""
    settings = get_settings()
    if broker is Broker.EMBEDDED and nodes != 1:
        raise ConfigurationError(
            f"--nodes {nodes}: the embedded broker is one process; add --broker kafka"
        )
    # The histories of two brokers would mix their versions, so each has a folder of its own.
    kafka = broker is Broker.KAFKA
    folder = settings.data_dir / f"kafka-{nodes}" if kafka else settings.data_dir
    require_folder("SMATRIX_DATA_DIR", folder)
    console = Console(soft_wrap=True)
    stop_on_signals()
    with EmbeddedSystem(settings, folder, kafka_nodes=nodes if kafka else 0) as system:
        print_addresses(console, system, system.settings)
        console.print("Ctrl-C stops everything.")
        keep_up(system)


def keep_up(system: EmbeddedSystem) -> None:
    """Watch the system; a worker, or a node of Apache Kafka, that ended is started again.

    Raises:
        ProcessEndedError: If the embedded broker or ClickHouse has ended.
    """
    while True:
        time.sleep(_POLL_S)
        for child in system.children:
            child.require_alive()
        system.restart_ended_nodes()
        system.restart_ended_workers()


def stop_on_signals() -> None:
    """Make SIGTERM and SIGINT end this process as Ctrl-C does, its children first.

    SIGINT too: a shell that starts a command in the background has it ignored.
    """

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)


def print_addresses(console: Console, system: EmbeddedSystem, settings: Settings) -> None:
    """Say where everything is, and what to try."""
    database = settings.clickhouse_database
    url = str(settings.clickhouse_url).rstrip("/")
    console.print(f"broker         {settings.broker}", markup=False)
    console.print(f"ClickHouse     {url}", markup=False)
    for worker in system.workers:
        console.print(f"{worker.role:<14} {worker.metrics_url}/metrics and /health")
    console.print(f"mails          {system.mails_in}")
    console.print(f"logs           {system.folder / 'log'}")
    console.print("\nThree queries to paste:")
    for query in (query.replace("smatrix.", f"{database}.") for query in _QUERIES):
        console.print(f'  curl {url} --data-binary "{query} FORMAT PrettyCompact"', markup=False)
