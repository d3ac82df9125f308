"""The ways between: through when mended, and else as cut, slow or refusing as they are told."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3
from typing_extensions import override

from deploy.embedded.processes import free_port
from reliability.proxies import NOT_ENOUGH_SPACE, ClickHouseWay, TcpWay, Ways


class Stored(BaseHTTPRequestHandler):
    """Takes every statement, and remembers it."""

    taken: list[bytes]

    def do_POST(self) -> None:
        statement = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(statement)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Stored.taken = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stored)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ways() -> Iterator[Ways]:
    with Ways() as ways:
        yield ways


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(timeout=5.0, retries=False) as pool:
        yield pool


def _post(http: urllib3.PoolManager, port: int, statement: bytes) -> int:
    return http.request("POST", f"http://127.0.0.1:{port}/?database=x", body=statement).status


@pytest.fixture
def tcp(ways: Ways, server: ThreadingHTTPServer) -> tuple[TcpWay, int]:
    port = free_port()
    return TcpWay(ways, port=port, to=server.server_port), port


@pytest.fixture
def clickhouse(ways: Ways, server: ThreadingHTTPServer) -> tuple[ClickHouseWay, int]:
    port = free_port()
    return ClickHouseWay(ways, port=port, to=server.server_port), port


def test_a_tcp_way_leads_through(tcp: tuple[TcpWay, int], http: urllib3.PoolManager) -> None:
    assert _post(http, tcp[1], b"SELECT 1") == 200
    assert Stored.taken == [b"SELECT 1"]


def test_a_slow_way_keeps_what_is_said(tcp: tuple[TcpWay, int], http: urllib3.PoolManager) -> None:
    way, port = tcp
    way.delay_s = 0.2

    begin = time.monotonic()
    assert _post(http, port, b"SELECT 1") == 200

    assert time.monotonic() - begin >= 0.4


def test_a_cut_way_ends_connections_and_lets_none_in_until_it_is_mended(
    tcp: tuple[TcpWay, int], http: urllib3.PoolManager
) -> None:
    way, port = tcp
    with socket.create_connection(("127.0.0.1", port), timeout=5) as before:
        _post(http, port, b"SELECT 1")

        way.cut()

        assert before.recv(1) == b""
    with pytest.raises(urllib3.exceptions.HTTPError):
        _post(http, port, b"SELECT 1")
    way.mend()
    assert _post(http, port, b"SELECT 1") == 200


def test_a_full_clickhouse_answers_questions_and_refuses_inserts(
    clickhouse: tuple[ClickHouseWay, int], http: urllib3.PoolManager
) -> None:
    way, port = clickhouse
    way.refuses, way.inserts_only = NOT_ENOUGH_SPACE, True

    assert _post(http, port, b"SELECT 1") == 200
    assert _post(http, port, b"INSERT INTO x FORMAT Native") == 500
    assert Stored.taken == [b"SELECT 1"]
    way.mend()
    assert _post(http, port, b"INSERT INTO x FORMAT Native") == 200


def test_a_swallowed_answer_belongs_to_an_insert_that_was_taken(
    clickhouse: tuple[ClickHouseWay, int], http: urllib3.PoolManager
) -> None:
    way, port = clickhouse
    swallowed: list[bool] = []
    way.swallow_next_answer(lambda: swallowed.append(True))

    assert _post(http, port, b"SELECT 1") == 200
    with pytest.raises(urllib3.exceptions.HTTPError):
        _post(http, port, b"INSERT INTO x FORMAT Native")

    assert swallowed == [True]
    assert Stored.taken[-1].startswith(b"INSERT")
    assert _post(http, port, b"INSERT INTO x FORMAT Native") == 200
