"""The process: address, signals, an end within two seconds."""

import argparse
import asyncio
import errno
import ipaddress
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from deploy.embedded.clickhouse.engine import Engine, FolderTakenError
from deploy.embedded.clickhouse.errors import ClickHouseError
from deploy.embedded.clickhouse.interface import Interface

_REFUSED: Final = 2
_LAST_ANSWERS_SECONDS: Final = 0.5


class StartError(Exception):
    """The server can't start; the text is one line for the operator, with the remedy."""


async def serve(  # noqa: PLR0913  # all by name
    *,
    data: Path,
    port: int,
    host: str = "127.0.0.1",
    password: str = "",
    stop: asyncio.Event | None = None,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Serve the database in `data` until `stop` is set (for ever without one).

    Statements that still run are interrupted and get half a second to answer. One that no
    interruption reaches keeps its thread, and the folder, until the process ends.

    Args:
        data: The data folder; made if missing.
        port: 0 picks a free one.
        host: A loopback address.
        password: Of the user `default`; empty lets everyone on this machine in.
        stop: Ends the server.
        ready: Called with the port once requests are taken.

    Raises:
        StartError: If the address is not loopback, or the port or the folder is taken.
    """
    if not _is_loopback(host):
        raise StartError(
            f"host={host}: the embedded ClickHouse listens on loopback only; for a "
            "network, run a ClickHouse server and set SMATRIX_CLICKHOUSE_URL"
        )
    try:
        engine = await asyncio.to_thread(Engine, data)
    except FolderTakenError as error:
        raise StartError(str(error)) from error
    interface = Interface(engine, password=password)
    runner = web.AppRunner(
        interface.application(),
        auto_decompress=False,
        access_log=None,
        shutdown_timeout=_LAST_ANSWERS_SECONDS,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await _listen(site, host, port)
        if ready is not None:
            ready(runner.addresses[0][1])
        await (stop or asyncio.Event()).wait()
    finally:
        await asyncio.to_thread(engine.interrupt)
        await runner.cleanup()
        interface.shutdown()
        await asyncio.to_thread(engine.close)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server until SIGTERM or SIGINT; return 0, or 2 when it could not start."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.embedded.clickhouse",
        description="ClickHouse's HTTP interface on this machine, over chDB.",
    )
    parser.add_argument("--port", type=int, default=8123, help="0 picks a free one")
    parser.add_argument("--data", type=Path, required=True, help="data folder, made if missing")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--password-file", type=Path, help="file with the password of `default`")
    options = parser.parse_args(arguments)
    try:
        password = _password(options.password_file)
        asyncio.run(_until_signal(options.data, options.port, options.host, password))
    except (StartError, ClickHouseError) as error:
        print(f"clickhouse: {error}", file=sys.stderr)  # noqa: T201
        return _REFUSED
    return 0


async def _until_signal(data: Path, port: int, host: str, password: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def _say(bound: int) -> None:
        print(f"ClickHouse on http://{host}:{bound}", flush=True)  # noqa: T201

    await serve(data=data, port=port, host=host, password=password, stop=stop, ready=_say)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _password(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text().strip()
    except OSError as error:
        raise StartError(f"--password-file {path}: {error.strerror}") from error


async def _listen(site: web.TCPSite, host: str, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise StartError(
            f"{host}:{port} is in use: stop what listens there, or give another --port"
        ) from error
