"""Running one worker: one role's Faust app in a process of its own."""

import asyncio
import contextlib
import fcntl
import gc
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import uvloop
from aiokafka.errors import KafkaError

from schemas.errors import OperatorError
from streams import logs
from streams.delivery.app import App
from streams.delivery.clients import connection_of, security_of
from streams.delivery.transactional import supports_transactions
from streams.monitoring import Monitoring
from streams.settings import ConfigurationError, DeliveryMode, Settings
from streams.topics import ensure_topics

logger = logging.getLogger("smatrix.worker")

DRAIN_S = 10.0
GC_THRESHOLDS = (100_000, 50, 100)

Attach = Callable[[App, Settings], None]


class WorkerError(OperatorError):
    """The worker can't go on; the text is one line for the operator."""


def run_worker(role: str, attach: Attach, settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: If another worker has the same folder.
        WorkerError: If the broker can't be reached, or the worker can't go on.
    """
    logs.set_up(settings.log_level)
    # Open windows are many objects that live long and refer to each other in no circle.
    gc.set_threshold(*GC_THRESHOLDS)
    # The state of other topics is another one.
    home = settings.data_dir / f"{settings.topic_prefix}{role}"
    with _own_folder(home / settings.worker_id) as folder:
        # Faust's consumer has a thread and a loop of its own, which the policy makes fast too.
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # type: ignore[deprecated]
        asyncio.run(_run(role, attach, settings, folder))


async def _run(role: str, attach: Attach, settings: Settings, folder: Path) -> None:
    security = security_of(settings)
    if settings.delivery is DeliveryMode.AUTO:
        can = await supports_transactions(connection_of(settings))
        mode = DeliveryMode.TRANSACTIONAL if can else DeliveryMode.PLAIN
        settings = settings.model_copy(update={"delivery": mode})
    app = App(
        settings.app_id(role),
        broker=settings.broker,
        data_dir=folder,
        partitions=settings.partitions,
        replication=settings.replication,
        topic_prefix=settings.topic_prefix,
        security=security,
        commit_interval_s=settings.commit_interval.total_seconds(),
    )
    # The client logs every attempt; what has to be said of the start is said once, below.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    attach(app, settings)
    changelogs = tuple(table.changelog_topic.get_topic_name() for table in app.tables.values())
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    # mode would open a debugger.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    async with Monitoring(app, role, settings) as monitoring:
        monitoring.waiting_for = f"the broker at {settings.broker}"
        try:
            await ensure_topics(
                settings.broker,
                partitions=settings.partitions,
                replication=settings.replication,
                prefix=settings.topic_prefix,
                changelogs=changelogs,
                security=security,
            )
        except (KafkaError, OSError) as error:
            raise WorkerError(
                f"no Kafka broker at {settings.broker} that lets us in by "
                f"SMATRIX_BROKER_SECURITY={settings.broker_security} ({error}); start one with "
                f"`smatrix up` or set SMATRIX_BROKER"
            ) from error
        monitoring.waiting_for = None
        logging.getLogger("aiokafka").setLevel(logging.WARNING)
        app.finalize()
        await app.start()
        try:
            await _until_stopped(app, stopping)
        finally:
            monitoring.waiting_for = "its end"
            app.revoking.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(app.stop(), DRAIN_S)


async def _until_stopped(app: App, stopping: asyncio.Event) -> None:
    stop = asyncio.ensure_future(stopping.wait())
    crash = asyncio.ensure_future(app.crash_event.wait())
    await asyncio.wait([stop, crash], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    crash.cancel()
    if app.crash_event.is_set():
        reason = app.crash_reason
        raise WorkerError(
            f"stopped by {type(reason).__name__}: {reason}; nothing is lost, start it again"
        ) from reason


@contextlib.contextmanager
def _own_folder(folder: Path) -> Iterator[Path]:
    """Hold a worker's folder for this process alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock: IO[str] = (folder / "lock").open("w")
    except OSError as error:
        raise ConfigurationError(
            f"SMATRIX_DATA_DIR: {folder} can't be written ({error.strerror}); name a folder of "
            f"this user"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ConfigurationError(
            f"SMATRIX_WORKER_ID: another worker has the folder {folder}; give each worker of a "
            f"role its own SMATRIX_WORKER_ID or SMATRIX_DATA_DIR"
        ) from error
    with lock:
        yield folder
