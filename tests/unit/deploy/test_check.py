"""What the commands ask of ClickHouse, and what they say when they get no answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from pydantic import HttpUrl
from typing_extensions import override

from deploy.cli.check import asking, connect
from streams.settings import ConfigurationError, Settings

AUTHENTICATION_FAILED = 516


@contextmanager
def a_clickhouse_that_refuses_all(paths: list[str]) -> Iterator[str]:
    """Refuse every login, and note what was asked for."""

    class Refusal(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paths.append(self.path.partition("?")[0])
            self.send_response(403)
            self.send_header("X-ClickHouse-Exception-Code", str(AUTHENTICATION_FAILED))
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Refusal) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_clickhouse_is_asked_behind_the_path_of_its_address() -> None:
    paths: list[str] = []

    with a_clickhouse_that_refuses_all(paths) as url, pytest.raises(ConfigurationError):
        connect(Settings(clickhouse_url=HttpUrl(f"{url}/behind/a/proxy")))

    assert {path.rstrip("/") for path in paths} == {"/behind/a/proxy"}


def test_a_login_that_clickhouse_refuses_is_told_by_its_settings() -> None:
    with (
        a_clickhouse_that_refuses_all([]) as url,
        pytest.raises(ConfigurationError, match=r"SMATRIX_CLICKHOUSE_USER=anna: .* in; set it and"),
    ):
        connect(Settings(clickhouse_url=HttpUrl(url), clickhouse_user="anna"))


def test_tables_that_are_missing_are_told_with_who_makes_them() -> None:
    with (
        pytest.raises(ConfigurationError, match=r"no answer \(Code: 81.* `smatrix worker history`"),
        asking(Settings()),
    ):
        raise DatabaseError("Code: 81. Database smatrix does not exist")
