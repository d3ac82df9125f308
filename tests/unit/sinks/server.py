"""The embedded ClickHouse as a process of its own, for tests that need the real thing."""

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import HttpUrl

from streams.settings import Settings


@contextmanager
def clickhouse(data: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the embedded ClickHouse until the block is left, or something has killed it."""
    command = [sys.executable, "-m", "deploy.embedded.clickhouse"]
    with subprocess.Popen([*command, "--port", str(port), "--data", str(data)]) as process:
        try:
            _wait_until_ready(process, port)
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise AssertionError(f"the embedded ClickHouse is not ready: exit code {process.poll()}")


def settings_for(port: int, database: str = "smatrix", ttl_days: int = 0) -> Settings:
    return Settings(
        clickhouse_url=HttpUrl(f"http://127.0.0.1:{port}"),
        clickhouse_database=database,
        history_ttl_days=ttl_days,
    )
