"""Apache Kafka on this machine: one node, or three that replicate."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.embedded.broker import require_free
from deploy.embedded.processes import ProcessEndedError, free_port, stop
from deploy.kafka.jars import require_jars, require_java
from deploy.kafka.node import KafkaNode
from deploy.kafka.properties import Seat, node_properties
from streams.settings import ConfigurationError

# Three Java processes on two busy cores take their time.
READY_S: Final = 120.0
_POLL_S: Final = 0.05
_HEAP_MIB: Final = {1: 1024, 3: 512}


class KafkaCluster:
    """Starts and stops Apache Kafka; use it in a `with` block.

    Its folder outlives it: started again on the same folder, it has its topics, offsets and
    transactions as before, and may have other ports.

    Attributes:
        nodes: Its nodes, by number.
    """

    def __init__(self, folder: Path, *, nodes: int = 1, ports: Sequence[int] = ()) -> None:
        """Lay out the cluster; nothing runs yet.

        Args:
            folder: For configuration, data and logs, a folder for each node.
            nodes: 1, or 3 with three replicas, of which two must be in sync.
            ports: Of 127.0.0.1, for clients, one for each node; empty picks free ones.

        Raises:
            ConfigurationError: If Java or Maven is missing, the number of nodes can't be, or the
                folder holds a cluster of another size.
        """
        if nodes not in _HEAP_MIB or len(ports) not in {0, nodes}:
            raise ConfigurationError(
                f"{nodes} nodes on {len(ports)} ports: Kafka runs as 1 node or 3, each on a port"
            )
        there = len(list(folder.glob("node-*")))
        if there not in {0, nodes}:
            raise ConfigurationError(
                f"{folder} holds a Kafka of {there} nodes and can't be started with {nodes}: "
                f"choose {there} nodes or another folder"
            )
        free = [free_port() for _ in range(2 * nodes)]
        self._seats = [
            Seat(number, client, controller)
            for number, client, controller in zip(
                range(1, nodes + 1), ports or free[:nodes], free[nodes:], strict=True
            )
        ]
        java, jars = require_java(), require_jars()
        self.nodes = [
            KafkaNode(
                seat.node_id,
                f"127.0.0.1:{seat.client_port}",
                folder.resolve() / f"node-{seat.node_id}",
                java,
                jars,
                _HEAP_MIB[nodes],
            )
            for seat in self._seats
        ]

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes, HOST:PORT, comma-separated."""
        return ",".join(node.address for node in self.nodes)

    def __enter__(self) -> Self:
        """Start all nodes and wait until they work.

        Raises:
            ConfigurationError: If a port is in use.
            ProcessEndedError: If a node does not start.
        """
        try:
            self.start()
            self.await_ready()
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
        """Stop all nodes."""
        self.stop()

    def start(self) -> None:
        """Start all nodes, and wait for none.

        Raises:
            ConfigurationError: If a port is in use.
            ProcessEndedError: If a folder can't be formatted.
        """
        for node, seat in zip(self.nodes, self._seats, strict=True):
            require_free(node.address, "SMATRIX_BROKER")
            node.configure(node_properties(seat, self._seats, data=node.folder / "data"))
        with ThreadPoolExecutor(len(self.nodes)) as threads:
            list(threads.map(KafkaNode.format, self.nodes))
        for node in self.nodes:
            node.start()

    def stop(self) -> None:
        """Stop all nodes, at once: a quorum that loses its members one by one waits for them."""
        stop([node.child for node in self.nodes if node.is_running])

    def await_ready(self, *nodes: KafkaNode) -> None:
        """Wait until nodes, by default all, serve clients and know each other.

        Raises:
            ProcessEndedError: If one ends meanwhile, or two minutes are not enough.
        """
        awaited = nodes or tuple(self.nodes)
        numbers = {node.node_id for node in awaited}
        deadline = time.monotonic() + READY_S
        for node in awaited:
            while not node.sees() >= numbers:
                node.child.require_alive()
                if time.monotonic() > deadline:
                    raise ProcessEndedError(
                        f"Kafka node {node.node_id} did not get ready within {READY_S:.0f} s: "
                        f"{node.child.last_words()}"
                    )
                time.sleep(_POLL_S)


def ports_of(broker: str, *, nodes: int) -> tuple[int, ...]:
    """Return the ports of a cluster whose first address, or whose every address, is given.

    >>> ports_of("127.0.0.1:9092", nodes=3)
    (9092, 9093, 9094)
    >>> ports_of("127.0.0.1:9092,127.0.0.1:9192,127.0.0.1:9292", nodes=3)
    (9092, 9192, 9292)

    Args:
        broker: HOST:PORT, comma-separated, as in SMATRIX_BROKER.
        nodes: How many there are.

    Raises:
        ConfigurationError: If it names another machine, or another number of addresses.
    """
    addresses = [address.rpartition(":") for address in broker.split(",")]
    if any(host not in {"127.0.0.1", "localhost"} for host, _, _ in addresses):
        raise ConfigurationError(
            f"SMATRIX_BROKER={broker}: Kafka is started on this machine, as 127.0.0.1:PORT"
        )
    ports = tuple(int(port) for _, _, port in addresses)
    if len(ports) == 1:
        ports = tuple(range(ports[0], ports[0] + nodes))
    if len(ports) != nodes:
        raise ConfigurationError(
            f"SMATRIX_BROKER={broker}: {nodes} nodes need {nodes} addresses, or the first alone"
        )
    return ports
