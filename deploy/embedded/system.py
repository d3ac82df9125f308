"""The whole system on one machine: broker, ClickHouse and workers as processes of their own."""

import secrets
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import urllib3

from agents import ROLES
from deploy.embedded import mail
from deploy.embedded.broker import answers, require_free, start_broker
from deploy.embedded.generation import next_generation, read_generation
from deploy.embedded.processes import Child, ProcessEndedError, free_port, start, stop
from deploy.kafka.cluster import KafkaCluster, ports_of
from deploy.kafka.node import KafkaNode
from deploy.report.files import write_whole
from streams.settings import BrokerSecurity, ConfigurationError, Settings

READY_S: Final = 180.0
"""On a new machine the first start compiles, in several workers at once; later ones need not."""
_POLL_S: Final = 0.05
_HTTP: Final = urllib3.PoolManager(timeout=2.0, retries=False)


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker of the embedded system and where its metrics are."""

    role: str
    worker_id: str
    child: Child
    metrics_url: str

    def is_ready(self) -> bool:
        """Say whether it works; False as well while it can't be asked."""
        return self.obstacle() is None

    def obstacle(self) -> str | None:
        """Return what it waits for; None when it works."""
        try:
            health = _HTTP.request("GET", f"{self.metrics_url}/health").json()
        except urllib3.exceptions.HTTPError:
            return "its start"
        waiting_for: str | None = health["waiting_for"]
        return waiting_for

    def metrics(self) -> dict[str, float]:
        """Return its counters and gauges, by full name, and summed over labels by bare name.

        Empty when it can't say.
        """
        try:
            text = _HTTP.request("GET", f"{self.metrics_url}/metrics").data.decode()
        except urllib3.exceptions.HTTPError:
            return {}
        totals: dict[str, float] = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                bare = name.partition("{")[0]
                if bare != name:
                    totals[name] = float(value)
                totals[bare] = totals.get(bare, 0.0) + float(value)
        return totals


@dataclass(slots=True)
class EmbeddedSystem:
    """Starts and stops the embedded system; use it in a `with` block.

    Its own broker keeps all in memory, so the workers' state begins anew with it; ClickHouse's
    history stays, and a new generation makes the versions of corrections go on growing. Apache
    Kafka keeps its data in the folder, and with it the workers' state and the generation stay.

    Attributes:
        settings: Of this process; the children get theirs from it. With Kafka, `broker` names
            every node once it has started.
        folder: For state, history and logs, and Kafka's data.
        wipe: Whether to begin with an empty history too, and an empty Kafka.
        kafka_nodes: 1 or 3 nodes of Apache Kafka; 0 starts the embedded broker.
        kafka: The nodes, to be killed and started; None with the embedded broker.
        variables: More variables for the workers that are started from now on.
        roles: Of which a worker each is started.
        mail_folder: Where mails are written, when the settings name no mail server; None: in
            `mail` in the folder.
    """

    settings: Settings
    folder: Path
    wipe: bool = False
    kafka_nodes: int = 0
    kafka: KafkaCluster | None = field(default=None, init=False)
    children: list[Child] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    roles: Sequence[str] = ROLES
    mail_folder: Path | None = None
    _mail: dict[str, str] = field(default_factory=dict)
    _generation: int = 0

    def __enter__(self) -> Self:
        """Start everything and wait until it works."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, within five seconds."""
        self.stop()

    def stop(self) -> None:
        """Stop the workers, then what they lean on."""
        stop([worker.child for worker in self.workers])
        stop([*(node.child for node in self._nodes if node.is_running), *self.children])
        self.workers.clear()
        self.children.clear()

    def require_alive(self) -> None:
        """Check that every process runs.

        Raises:
            ProcessEndedError: If one has ended.
        """
        nodes = (node.child for node in self._nodes)
        for child in [*nodes, *self.children, *(worker.child for worker in self.workers)]:
            child.require_alive()

    def start_worker(self, role: str, worker_id: str = "1") -> Worker:
        """Start a worker, with `smatrix worker ROLE` as in production."""
        port = free_port()
        child = start(
            f"worker {role} {worker_id}",
            [sys.executable, "-m", "streams", "worker", role],
            log=self.folder / "log" / f"{role}-{worker_id}.log",
            environment=self.environment(SMATRIX_METRICS_PORT=str(port))
            | {"SMATRIX_WORKER_ID": worker_id},
        )
        worker = Worker(role, worker_id, child, f"http://127.0.0.1:{port}")
        self.workers.append(worker)
        return worker

    def start_clickhouse(self) -> Child:
        """Start the embedded ClickHouse."""
        url = self.settings.clickhouse_url
        command = [
            sys.executable,
            "-m",
            "deploy.embedded.clickhouse",
            "--port",
            str(url.port),
            "--data",
            str(self.folder / "clickhouse"),
        ]
        password = self.settings.clickhouse_password.get_secret_value()
        if password:
            secret = self.folder / "clickhouse-password"
            write_whole(secret, password, is_private=True)
            command += ["--password-file", str(secret)]
        child = start(
            "ClickHouse", command, log=self.folder / "log" / "clickhouse.log", environment={}
        )
        self.children.append(child)
        return child

    def restart_ended_nodes(self) -> None:
        """Start again each Kafka node that has ended: it has its data on disk."""
        for node in self._nodes:
            if not node.is_running:
                node.start()

    def restart_ended_workers(self) -> None:
        """Start again each worker that has ended: nothing is lost by its end."""
        for worker in list(self.workers):
            if worker.child.process.poll() is not None:
                self.workers.remove(worker)
                self.start_worker(worker.role, worker.worker_id)

    def await_ready(self, workers: Sequence[Worker]) -> None:
        """Wait until workers work.

        Raises:
            ProcessEndedError: If a process ends meanwhile, or a minute is not enough.
        """
        self._await("the workers", lambda: all(worker.is_ready() for worker in workers))

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables for a child that works in this system."""
        return {
            "SMATRIX_BROKER": self.settings.broker,
            "SMATRIX_CLICKHOUSE_URL": str(self.settings.clickhouse_url),
            "SMATRIX_DATA_DIR": str(self.folder / "state"),
            "SMATRIX_GENERATION": str(self._generation),
            "SMATRIX_UNREGISTERED": str(self.settings.unregistered),
            **({"SMATRIX_REPLICATION": str(self.kafka_nodes)} if self.kafka_nodes else {}),
            **self._mail,
            **self.variables,
            **more,
        }

    @property
    def mails(self) -> list[Path]:
        """The mails that were written here."""
        return mail.mails(self.mails_in)

    @property
    def mails_in(self) -> Path:
        """Where mails are written, when the settings name no mail server."""
        return self.mail_folder or self.folder / "mail"

    @property
    def _nodes(self) -> list[KafkaNode]:
        return self.kafka.nodes if self.kafka is not None else []

    def _start(self) -> None:
        url = self.settings.clickhouse_url
        if self.settings.broker_security is not BrokerSecurity.PLAINTEXT:
            raise ConfigurationError(
                f"SMATRIX_BROKER_SECURITY={self.settings.broker_security}: a broker that is "
                f"started here is plaintext, on this machine alone"
            )
        if url.host not in {"127.0.0.1", "localhost"}:
            raise ConfigurationError(
                f"SMATRIX_CLICKHOUSE_URL={url}: the embedded ClickHouse listens on 127.0.0.1 only"
            )
        require_free(f"127.0.0.1:{url.port}", "SMATRIX_CLICKHOUSE_URL")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.wipe:
            shutil.rmtree(self.folder / "clickhouse", ignore_errors=True)
            shutil.rmtree(self.folder / "kafka", ignore_errors=True)
            shutil.rmtree(self.mails_in, ignore_errors=True)
        self._start_broker()
        self.start_clickhouse()
        if not self.settings.smtp_host:
            self._start_mail()
        if self.kafka is not None:
            self.kafka.await_ready()
        self._await("the broker", lambda: answers(self.settings.broker.partition(",")[0]))
        self._await("ClickHouse", lambda: answers(f"127.0.0.1:{url.port}"))
        if self._mail:
            address = f"127.0.0.1:{self._mail['SMATRIX_SMTP_PORT']}"
            self._await("the mail server", lambda: answers(address))
        self.await_ready([self.start_worker(role) for role in self.roles])

    def _start_broker(self) -> None:
        data, generation = self.folder / "kafka", self.folder / "generation"
        if self.kafka_nodes and data.exists():
            self._generation = read_generation(generation)
        else:
            # The topics begin anew: what was made of the old ones does not fit them.
            shutil.rmtree(self.folder / "state", ignore_errors=True)
            self._generation = next_generation(generation)
        if self.kafka_nodes:
            ports = ports_of(self.settings.broker, nodes=self.kafka_nodes)
            self.kafka = KafkaCluster(data, nodes=self.kafka_nodes, ports=ports)
            self.settings = self.settings.model_copy(update={"broker": self.kafka.bootstrap})
            self.kafka.start()
        else:
            log = self.folder / "log" / "broker.log"
            self.children.append(start_broker(self.settings.broker, log=log))

    def _start_mail(self) -> None:
        port, secret = str(free_port()), self.folder / "mail-secret"
        if not secret.exists():
            write_whole(secret, secrets.token_urlsafe(24), is_private=True)
        self._mail = {
            "SMATRIX_SMTP_HOST": "127.0.0.1",
            "SMATRIX_SMTP_PORT": port,
            "SMATRIX_SMTP_SECURITY": "plaintext",
            "SMATRIX_MAIL_SENDER": self.settings.mail_sender or mail.SENDER,
            "SMATRIX_MAIL_SECRET": self.settings.mail_secret.get_secret_value()
            or secret.read_text(),
        }
        command = [sys.executable, "-m", "deploy.embedded.mail", "--port", port]
        self.children.append(
            start(
                "mail",
                [*command, "--folder", str(self.mails_in)],
                log=self.folder / "log" / "mail.log",
                environment={},
            )
        )

    def _await(self, what: str, is_there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_S
        while not is_there():
            self.require_alive()
            if time.monotonic() > deadline:
                raise ProcessEndedError(
                    f"{what} did not get ready within {READY_S:.0f} s; see {self.folder / 'log'}"
                )
            time.sleep(_POLL_S)
