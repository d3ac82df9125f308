"""The system that a campaign is fought on: Apache Kafka, ClickHouse, workers, ways between them."""

import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from pydantic import HttpUrl
from typing_extensions import override

from deploy.embedded.broker import answers
from deploy.embedded.mail import SENDER, mails
from deploy.embedded.processes import Child, ProcessEndedError, free_port, start, stop
from deploy.kafka.cluster import KafkaCluster
from deploy.kafka.node import KafkaNode
from deploy.kafka.properties import node_properties
from reliability.faults import ROLES_WITH_STATE
from reliability.proxies import ClickHouseWay, TcpWay, Ways
from reliability.workers import Crew, Post
from streams.settings import DeliveryMode, Settings

READY_S: Final = 300.0
"""A dozen workers that start at once on two cores, which others use too."""

PARTITIONS: Final = 4
_DISK: Final = "64m"


class ProxiedCluster(KafkaCluster):
    """Apache Kafka with a second listener, whose clients are led through proxies.

    Attributes:
        behind: Ports that the proxies lead to, one for each node.
        proxied: Ports of the proxies.
    """

    def __init__(self, folder: Path, *, nodes: int) -> None:
        """Lay it out; nothing runs yet."""
        super().__init__(folder, nodes=nodes)
        self.behind = [free_port() for _ in range(nodes)]
        self.proxied = [free_port() for _ in range(nodes)]

    @override
    def start(self) -> None:
        for place, (node, seat) in enumerate(zip(self.nodes, self._seats, strict=True)):
            properties = node_properties(seat, self._seats, data=node.folder / "data")
            added = {
                "listeners": f",PROXIED://127.0.0.1:{self.behind[place]}",
                "advertised.listeners": f",PROXIED://127.0.0.1:{self.proxied[place]}",
                "listener.security.protocol.map": ",PROXIED:PLAINTEXT",
            }
            node.configure({name: text + added.get(name, "") for name, text in properties.items()})
        with ThreadPoolExecutor(len(self.nodes)) as threads:
            list(threads.map(KafkaNode.format, self.nodes))
        for node in self.nodes:
            node.start()


class Ground:
    """Starts the system and ends it; use it in a `with` block.

    Attributes:
        settings: Of whoever reads and loads it: past the proxies.
        cluster: The broker.
        broker_ways: Between the workers and each node.
        clickhouse_way: Between history and ClickHouse.
        crew: The workers.
        has_disks: Whether each worker's state lies on a disk of its own, which can be filled.
    """

    def __init__(
        self, folder: Path, *, workers: dict[str, int], nodes: int, delivery: DeliveryMode
    ) -> None:
        """Lay it out; nothing runs yet.

        Raises:
            ConfigurationError: If Java or Maven is missing.
        """
        self.folder = folder.resolve()
        self.cluster = ProxiedCluster(self.folder / "kafka", nodes=nodes)
        self.settings = Settings(
            broker=self.cluster.bootstrap,
            clickhouse_url=HttpUrl(f"http://127.0.0.1:{free_port()}"),
            partitions=PARTITIONS,
            replication=nodes,
        )
        self.has_disks = False
        self._clickhouse_port = free_port()
        self._clickhouse: Child | None = None
        self._mail_port = free_port()
        self._mail: Child | None = None
        self._ways = Ways()
        self._end = ExitStack()
        environment = {
            "SMATRIX_BROKER": ",".join(f"127.0.0.1:{port}" for port in self.cluster.proxied),
            "SMATRIX_CLICKHOUSE_URL": f"http://127.0.0.1:{self._clickhouse_port}",
            "SMATRIX_PARTITIONS": str(PARTITIONS),
            "SMATRIX_REPLICATION": str(nodes),
            "SMATRIX_DELIVERY": delivery.value,
            "SMATRIX_SMTP_HOST": "127.0.0.1",
            "SMATRIX_SMTP_PORT": str(self._mail_port),
            "SMATRIX_SMTP_SECURITY": "plaintext",
            "SMATRIX_SMTP_TIMEOUT": "5",
            "SMATRIX_MAIL_SENDER": SENDER,
            "SMATRIX_MAIL_SECRET": secrets.token_urlsafe(24),
            # A day is over in minutes: who waits for the night to end waits for too long.
            "SMATRIX_NOTIFICATION_GAP": "0",
            "SMATRIX_NOTIFICATION_GATHER": "0",
            "SMATRIX_NOTIFICATION_QUIET_FROM": "00:00",
            "SMATRIX_NOTIFICATION_QUIET_TO": "00:00",
        }
        self.crew = Crew(
            [
                self._post(role, number, environment)
                for role, count in workers.items()
                for number in range(1, count + 1)
            ]
        )

    def __enter__(self) -> Self:
        """Start everything and wait until it works."""
        with ExitStack() as end:
            end.enter_context(self._ways)
            self.broker_ways = [
                TcpWay(self._ways, port=port, to=behind)
                for port, behind in zip(self.cluster.proxied, self.cluster.behind, strict=True)
            ]
            end.enter_context(self.cluster)
            end.callback(self._stop_clickhouse)
            self.start_clickhouse()
            self._await_clickhouse()
            self.clickhouse_way = ClickHouseWay(
                self._ways, port=self._clickhouse_port, to=self.settings.clickhouse_url.port or 0
            )
            end.callback(lambda: stop([self.mail]))
            self.start_mail()
            self._mount(end)
            end.callback(self.crew.stop)
            for post in self.crew.posts:
                post.start()
            self.await_ready()
            self._end = end.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End everything."""
        self._end.close()

    @property
    def clickhouse(self) -> Child:
        """ClickHouse's process, the last one when it has ended."""
        if self._clickhouse is None:
            raise ProcessEndedError("ClickHouse was not started")
        return self._clickhouse

    def start_clickhouse(self) -> None:
        """Start ClickHouse, unless it runs."""
        if self._clickhouse is not None and self._clickhouse.process.poll() is None:
            return
        self._clickhouse = start(
            "ClickHouse",
            [
                *(sys.executable, "-m", "deploy.embedded.clickhouse"),
                *("--port", str(self.settings.clickhouse_url.port)),
                *("--data", str(self.folder / "clickhouse")),
            ],
            log=self.folder / "log" / "clickhouse.log",
            environment={},
        )

    @property
    def mail(self) -> Child:
        """The mail server's process, the last one when it has ended."""
        if self._mail is None:
            raise ProcessEndedError("the mail server was not started")
        return self._mail

    @property
    def mails(self) -> list[Path]:
        """The mails that came, in their order."""
        return mails(self.folder / "mail")

    def start_mail(self) -> None:
        """Start the mail server, unless it runs."""
        if self._mail is not None and self._mail.process.poll() is None:
            return
        self._mail = start(
            "mail",
            [
                *(sys.executable, "-m", "deploy.embedded.mail"),
                *("--port", str(self._mail_port)),
                *("--folder", str(self.folder / "mail")),
            ],
            log=self.folder / "log" / "mail.log",
            environment={},
        )

    def register(self, entries: str) -> None:
        """Register what a file of CSV says.

        Raises:
            ProcessEndedError: If that fails.
        """
        file = self.folder / "registry.csv"
        file.write_text(entries)
        child = start(
            "registry import",
            [sys.executable, "-m", "streams", "registry", "import", str(file)],
            log=self.folder / "log" / "registry.log",
            environment={"SMATRIX_BROKER": self.cluster.bootstrap},
        )
        if child.process.wait(READY_S):
            raise ProcessEndedError(f"nobody could be registered: {child.last_words()}")

    def start_nodes(self) -> None:
        """Start the broker's nodes that do not run."""
        for node in self.cluster.nodes:
            if not node.is_running:
                node.start()

    def start_load(self, options: Sequence[str]) -> Child:
        """Start `smatrix load`."""
        return start(
            "load",
            [sys.executable, "-m", "streams", "load", *options],
            log=self.folder / "log" / "load.log",
            environment={"SMATRIX_BROKER": self.cluster.bootstrap},
        )

    def heal(self) -> None:
        """Take away every cause of trouble: what is left to do, the system does by itself."""
        for node in self.cluster.nodes:
            if node.is_running:
                node.resume()
        self.start_nodes()
        for way in self.broker_ways:
            way.mend()
        self.clickhouse_way.mend()
        self.start_clickhouse()
        self.start_mail()
        for post in self.crew.posts:
            post.held = False

    def await_ready(self) -> None:
        """Wait until every worker works.

        Raises:
            ProcessEndedError: If a minute is not enough.
        """
        deadline = time.monotonic() + READY_S
        for post in self.crew.posts:
            while post.worker is None or not post.worker.is_ready():
                self.crew.tend()
                if time.monotonic() > deadline:
                    raise ProcessEndedError(f"{post.name} is not ready within {READY_S:.0f} s")
                time.sleep(0.1)

    def _post(self, role: str, number: int, environment: dict[str, str]) -> Post:
        return Post(
            role,
            number,
            self.folder / "state" / f"{role}-{number}",
            self.folder / "log" / f"{role}-{number}.log",
            environment,
        )

    def _mount(self, end: ExitStack) -> None:
        """Give each worker that has state a small disk, where this user may mount one."""
        for post in (post for role in ROLES_WITH_STATE for post in self.crew.of(role)):
            post.data_dir.mkdir(parents=True, exist_ok=True)
            mount = shutil.which("mount")
            if mount is None:
                return
            command = [mount, "-t", "tmpfs", "-o", f"size={_DISK}", "smatrix", str(post.data_dir)]
            if subprocess.run(command, check=False, capture_output=True).returncode:
                return
            end.callback(subprocess.run, ["umount", "--lazy", str(post.data_dir)], check=False)
        self.has_disks = True

    def _await_clickhouse(self) -> None:
        deadline = time.monotonic() + READY_S
        while not answers(f"127.0.0.1:{self.settings.clickhouse_url.port}"):
            self.clickhouse.require_alive()
            if time.monotonic() > deadline:
                raise ProcessEndedError(f"ClickHouse is not ready within {READY_S:.0f} s")
            time.sleep(0.05)

    def _stop_clickhouse(self) -> None:
        stop([self.clickhouse])
