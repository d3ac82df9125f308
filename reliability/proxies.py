"""Ways that can be made slow, cut, or made to lose an answer: between workers and what they use."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from io import BytesIO
from typing import Any, Final, Self

import aiohttp
from aiohttp import web
from yarl import URL

_HOP_BY_HOP: Final = frozenset({"connection", "content-length", "host", "transfer-encoding"})
_MAX_BODY_BYTES: Final = 1 << 30
_LAST_ANSWERS_S: Final = 0.5
NOT_ENOUGH_SPACE: Final = 243
UNFINISHED: Final = 236  # ABORTED


class Ways:
    """The thread that all proxies live in; use it in a `with` block."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._ends: list[Callable[[], Awaitable[None]]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every way, then the thread."""
        for end in reversed(self._ends):
            self.run(end())
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, work: Awaitable[Any]) -> Any:  # noqa: ANN401 - whatever the work returns
        """Do something in the thread, and return its result."""

        async def do() -> Any:  # noqa: ANN401
            return await work

        future: Future[Any] = asyncio.run_coroutine_threadsafe(do(), self._loop)
        return future.result(10)

    def at_end(self, end: Callable[[], Awaitable[None]]) -> None:
        """Do something before the thread ends."""
        self._ends.append(end)

    async def _cancel_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class TcpWay:
    """A TCP proxy.

    Attributes:
        delay_s: How long each piece of data is kept, in both directions.
        is_cut: Whether connections are refused; those that there are end with `cut`.
    """

    def __init__(self, ways: Ways, *, port: int, to: int) -> None:
        """Lead from a port of 127.0.0.1 to another."""
        self.delay_s = 0.0
        self.is_cut = False
        self._to = to
        self._ways = ways
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server = ways.run(
            asyncio.start_server(self._serve, "127.0.0.1", port)
        )
        ways.at_end(self._close)

    def cut(self) -> None:
        """End all connections and refuse new ones until `mend`."""
        self.is_cut = True
        self._ways.run(self._abort_all())

    def mend(self) -> None:
        """Let everything through as it comes."""
        self.is_cut, self.delay_s = False, 0.0

    async def _close(self) -> None:
        self._server.close()
        await self._abort_all()

    async def _abort_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, there[1]}
        self._open |= both
        try:
            pumps = [
                asyncio.ensure_future(self._pump(reader, there[1])),
                asyncio.ensure_future(self._pump(there[0], writer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
        finally:
            self._open -= both
            for end in both:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(64 * 1024):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(data)
                await writer.drain()


class ClickHouseWay:
    """An HTTP proxy before ClickHouse.

    Attributes:
        refuses: ClickHouse's code of the error that it answers instead of passing a request on.
        inserts_only: Whether only inserts are refused.
    """

    def __init__(self, ways: Ways, *, port: int, to: int) -> None:
        """Lead from a port of 127.0.0.1 to another."""
        self.refuses: int | None = None
        self.inserts_only = False
        self._to = f"http://127.0.0.1:{to}"
        self._swallow: Callable[[], None] | None = None
        self._session: aiohttp.ClientSession | None = None
        ways.run(self._start(ways, port))

    def swallow_next_answer(self, then: Callable[[], None]) -> None:
        """Do something when ClickHouse has taken the next insert, whose answer is lost."""
        self._swallow = then

    def mend(self) -> None:
        """Let everything through."""
        self.refuses, self.inserts_only, self._swallow = None, False, None

    async def _start(self, ways: Ways, port: int) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        ways.at_end(self._session.close)
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(
            app, access_log=None, auto_decompress=False, shutdown_timeout=_LAST_ANSWERS_S
        )
        await runner.setup()
        ways.at_end(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port).start()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        statement = request.query.get("query", "").encode() + body[:64]
        is_insert = statement.lstrip().upper().startswith(b"INSERT")
        if self.refuses is not None and (is_insert or not self.inserts_only):
            return web.Response(
                status=500,
                text=f"Code: {self.refuses}. DB::Exception: refused by the campaign",
                headers={"X-ClickHouse-Exception-Code": str(self.refuses)},
            )
        if self._session is None:
            raise RuntimeError("not started")
        try:
            async with self._session.request(
                request.method,
                URL(self._to + request.raw_path, encoded=True),
                # A file, since aiohttp warns of large bytes.
                data=BytesIO(body),
                headers=_passed_on(request.headers),
                skip_auto_headers=("Content-Type", "Accept-Encoding"),
            ) as answer:
                content = await answer.read()
        except (OSError, aiohttp.ClientError):
            return _lost(request)
        swallow, is_stored = self._swallow, answer.ok
        if is_insert and is_stored and swallow is not None:
            self._swallow = None
            swallow()
            return _lost(request)
        return web.Response(status=answer.status, body=content, headers=_passed_on(answer.headers))


def _passed_on(headers: Any) -> dict[str, str]:  # noqa: ANN401 - two classes of multidict
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}


def _lost(request: web.Request) -> web.Response:
    """Break the connection instead of answering."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)
