import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.broker import answers, start_broker
from deploy.embedded.processes import free_port, stop


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    """The address of a broker of our own."""
    address = f"127.0.0.1:{free_port()}"
    child = start_broker(address, log=tmp_path / "broker.log")
    try:
        deadline = time.monotonic() + 10
        while not answers(address):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield address
    finally:
        stop([child])
