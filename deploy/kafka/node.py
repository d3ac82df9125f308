"""One node of Apache Kafka, a process that can be killed, paused and started again alone."""

import asyncio
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from deploy.embedded.broker import answers
from deploy.embedded.processes import Child, ProcessEndedError, start, stop

# Every node of a cluster is formatted with the same 16 bytes, base64: "smatrix-grid-001".
_CLUSTER_ID: Final = "c21hdHJpeC1ncmlkLTAwMQ"
_LOGGING: Final = Path(__file__).with_name("log4j2.xml")
_ANSWER_MS: Final = 2_000


@dataclass(slots=True)
class KafkaNode:
    """A node; it doesn't run until it is started.

    Start it from a thread that lives as long as it shall: the system ends a child with the thread
    that made it.

    Attributes:
        node_id: Its number in the cluster, from 1.
        address: HOST:PORT for clients.
        folder: For its configuration, data and log; they outlive its process.
        java: Path of the Java runtime.
        jars: Folder of Kafka's jars.
        heap_mib: Size of the Java heap.
    """

    node_id: int
    address: str
    folder: Path
    java: str
    jars: Path
    heap_mib: int
    _child: Child | None = field(default=None, init=False)

    @property
    def child(self) -> Child:
        """Return its process, the last one when it has ended."""
        if self._child is None:
            raise ProcessEndedError(f"Kafka node {self.node_id} was not started")
        return self._child

    @property
    def is_running(self) -> bool:
        """Whether its process runs, be it paused."""
        return self._child is not None and self._child.process.poll() is None

    def configure(self, properties: dict[str, str]) -> None:
        """Write its configuration, for its next start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(
            "".join(f"{name}={value}\n" for name, value in properties.items())
        )

    def format(self) -> None:
        """Give its data folder the marks of the cluster, unless it has them.

        Raises:
            ProcessEndedError: If Kafka refuses.
        """
        formatting = subprocess.run(
            [
                *self._java_command(heap_mib=128),
                *("kafka.tools.StorageTool", "format", "--ignore-formatted"),
                *("--cluster-id", _CLUSTER_ID, "--config", str(self._configuration)),
            ],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if formatting.returncode:
            raise ProcessEndedError(
                f"Kafka node {self.node_id} can't be formatted: {formatting.stdout.strip()}"
            )

    def start(self) -> None:
        """Start its process; the cluster's `await_ready` waits for it."""
        self._child = start(
            f"Kafka node {self.node_id}",
            [*self._java_command(heap_mib=self.heap_mib), "kafka.Kafka", str(self._configuration)],
            log=self.folder / "kafka.log",
            environment={},
        )

    def kill(self) -> None:
        """End its process with SIGKILL, as a power cut would but for the disk's cache."""
        self.child.process.kill()
        self.child.process.wait()

    def stop(self) -> None:
        """End its process politely, after two seconds for good."""
        stop([self.child])

    def pause(self) -> None:
        """Stop its process's clock: connections stay, and nothing answers."""
        self.child.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        self.child.process.send_signal(signal.SIGCONT)

    def sees(self) -> frozenset[int]:
        """Return the numbers of the nodes that it knows to be alive; none while it can't say."""
        if not answers(self.address):
            return frozenset()
        # In a thread, as the caller may be in an event loop of its own.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, _live_nodes(self.address)).result()

    @property
    def _configuration(self) -> Path:
        return self.folder / "server.properties"

    def _java_command(self, *, heap_mib: int) -> list[str]:
        return [
            self.java,
            f"-Xms{heap_mib}m",
            f"-Xmx{heap_mib}m",
            "-XX:+UseG1GC",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={_LOGGING}",
            *("-cp", f"{self.jars}/*"),
        ]


async def _live_nodes(address: str) -> frozenset[int]:
    client = AIOKafkaClient(bootstrap_servers=address, request_timeout_ms=_ANSWER_MS)
    try:
        await client.bootstrap()
        return frozenset(broker.nodeId for broker in client.cluster.brokers())
    except KafkaError:
        return frozenset()
    finally:
        await client.close()
