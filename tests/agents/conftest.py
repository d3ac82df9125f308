"""A real broker for agents: the embedded one, for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.broker import answers, start_broker
from deploy.embedded.processes import free_port, stop


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a running broker."""
    address = f"127.0.0.1:{free_port()}"
    log: Path = tmp_path_factory.mktemp("broker") / "broker.log"
    child = start_broker(address, log=log)
    while not answers(address):
        child.require_alive()
    yield address
    stop([child])
