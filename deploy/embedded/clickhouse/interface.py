"""ClickHouse's HTTP interface over an engine."""

import asyncio
import hmac
import json
import uuid
from base64 import b64decode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.multipart import BodyPartReader

from deploy.embedded.clickhouse.encodings import accepted, decode, encode
from deploy.embedded.clickhouse.engine import Engine, Options, Outcome
from deploy.embedded.clickhouse.errors import ClickHouseError
from deploy.embedded.clickhouse.statement import Request, split

MAX_BODY_BYTES: Final = 1 << 30

# Parameters of the interface itself; every other one is a setting.
_RESERVED: Final = frozenset(
    {
        "buffer_size",
        "client_protocol_version",
        "close_session",
        "compress",
        "database",
        "decompress",
        "default_format",
        "password",
        "query",
        "query_id",
        "quota_key",
        "session_check",
        "session_id",
        "session_timeout",
        "stacktrace",
        "user",
        "wait_end_of_query",
    }
)
_CONTENT_TYPES: Final = {
    "CSV": "text/csv; charset=UTF-8",
    "CSVWithNames": "text/csv; charset=UTF-8",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "Native": "application/octet-stream",
}


@dataclass(frozen=True)
class _Call:
    parameters: Mapping[str, str]
    body: bytes


class Interface:
    """Routes and handlers. Readers and inserts have threads of their own: neither starves."""

    def __init__(self, engine: Engine, *, password: str = "") -> None:
        """Serve `engine`; an empty password lets everyone on this machine in, as `default`."""
        self._engine = engine
        self._password = password
        self._readers = ThreadPoolExecutor(16, thread_name_prefix="reader")
        self._writers = ThreadPoolExecutor(4, thread_name_prefix="writer")

    def application(self) -> web.Application:
        """Return the application, to run with `auto_decompress=False`."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/ping", _ok)
        app.router.add_get("/replicas_status", _ok)
        app.router.add_route("GET", "/", self._handle)
        app.router.add_route("POST", "/", self._handle)
        return app

    def shutdown(self) -> None:
        """Take no more work; threads end with what they run."""
        for pool in (self._readers, self._writers):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _handle(self, request: web.Request) -> web.Response:
        query_id = request.query.get("query_id") or str(uuid.uuid4())
        try:
            call = await _read(request)
            if request.method == "GET" and not call.parameters.get("query"):
                return await _ok(request)
            self._authenticate(request, call.parameters)
            response = await self._answer(request, call)
        except ClickHouseError as error:
            response = web.Response(
                status=error.status,
                body=error.body(version=self._engine.version),
                headers={
                    "Content-Type": "text/plain; charset=UTF-8",
                    "X-ClickHouse-Exception-Code": str(error.code),
                },
            )
        response.headers["X-ClickHouse-Query-Id"] = query_id
        response.headers["X-ClickHouse-Server-Display-Name"] = "embedded"
        return response

    def _authenticate(self, request: web.Request, parameters: Mapping[str, str]) -> None:
        user, password = _credentials(request, parameters)
        known = hmac.compare_digest(password.encode(), self._password.encode())
        if user != "default" or not known:
            raise ClickHouseError(
                516,
                "AUTHENTICATION_FAILED",
                f"{user}: Authentication failed: password is incorrect, "
                "or there is no user with such name.",
            )

    async def _answer(self, request: web.Request, call: _Call) -> web.Response:
        parameters = call.parameters
        for name in ("compress", "decompress"):
            if parameters.get(name, "0") not in {"", "0", "false"}:
                raise ClickHouseError(
                    48,
                    "NOT_IMPLEMENTED",
                    f"{name}=1 is not spoken here; use Content-Encoding and Accept-Encoding",
                )
        loop = asyncio.get_running_loop()
        encoding = request.headers.get("Content-Encoding", "").lower()
        asked = await loop.run_in_executor(self._readers, _statement, call, encoding)
        pool = self._readers if asked.rows is None else self._writers
        outcome = await loop.run_in_executor(
            pool, self._engine.execute, asked, _options(request, parameters)
        )
        response_encoding = None
        if parameters.get("enable_http_compression", "0") in {"1", "true"} and outcome.body:
            response_encoding = accepted(request.headers.get("Accept-Encoding", ""))
        body = outcome.body
        headers = _headers(outcome)
        if response_encoding:
            headers["Content-Encoding"] = response_encoding
            body = await loop.run_in_executor(
                self._readers, lambda: encode(outcome.body, encoding=response_encoding)
            )
        return web.Response(body=body, headers=headers)


async def _ok(_: web.Request) -> web.Response:
    return web.Response(text="Ok.\n", content_type="text/html", charset="UTF-8")


async def _read(request: web.Request) -> _Call:
    parameters = dict(request.query)
    if request.content_type != "multipart/form-data":
        return _Call(parameters, await request.read())
    # clickhouse-connect sends long parameters as a form.
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.filename is not None or not part.name:
            raise ClickHouseError(
                48, "NOT_IMPLEMENTED", "External data are not taken; insert them into a table"
            )
        parameters[part.name] = await part.text()
    return _Call(parameters, b"")


def _statement(call: _Call, encoding: str) -> Request:
    """Return what is asked: the query parameter, a line break, the body."""
    query = call.parameters.get("query", "").encode("utf-8", "surrogateescape")
    body = decode(call.body, encoding=encoding)
    return split(query + b"\n" + body if query and body else query or body)


def _options(request: web.Request, parameters: Mapping[str, str]) -> Options:
    headers = request.headers
    settings = {
        name: value
        for name, value in parameters.items()
        if name not in _RESERVED and not name.startswith("param_")
    }
    if request.method == "GET":
        settings["readonly"] = "2"
    return Options(
        database=parameters.get("database") or headers.get("X-ClickHouse-Database"),
        default_format=parameters.get("default_format")
        or headers.get("X-ClickHouse-Format")
        or "TabSeparated",
        settings=settings,
        parameters={
            name.removeprefix("param_"): value
            for name, value in parameters.items()
            if name.startswith("param_")
        },
    )


def _credentials(request: web.Request, parameters: Mapping[str, str]) -> tuple[str, str]:
    headers = request.headers
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        return headers.get("X-ClickHouse-User", "default"), headers.get("X-ClickHouse-Key", "")
    scheme, _, encoded = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = b64decode(encoded).decode().partition(":")
        except ValueError as error:
            raise ClickHouseError(
                516, "AUTHENTICATION_FAILED", "The Authorization header is not basic"
            ) from error
        return user, password
    return parameters.get("user") or "default", parameters.get("password", "")


def _headers(outcome: Outcome) -> dict[str, str]:
    summary = {
        "read_rows": outcome.read_rows,
        "read_bytes": outcome.read_bytes,
        "written_rows": outcome.written_rows,
        "written_bytes": outcome.written_bytes,
        "total_rows_to_read": outcome.read_rows,
        "result_rows": outcome.result_rows,
        "result_bytes": len(outcome.body),
        "elapsed_ns": round(outcome.elapsed * 1e9),
    }
    headers = {
        "X-ClickHouse-Summary": json.dumps({name: str(value) for name, value in summary.items()}),
        "X-ClickHouse-Timezone": "UTC",
        "Content-Type": _CONTENT_TYPES.get(outcome.format or "", "text/plain; charset=UTF-8"),
    }
    if outcome.format is not None:
        headers["X-ClickHouse-Format"] = outcome.format
    return headers
