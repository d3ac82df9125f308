# ruff: noqa: S608  # the tables are the tests' own
"""The embedded ClickHouse as its callers see it: a real process, clickhouse-connect and curl."""

import asyncio
import gzip
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
import numpy as np
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

ROOT = Path(__file__).parents[2]
PASSWORD = "s3cret: é"  # noqa: S105
INTERRUPTIBLE = "SELECT sum(sleepEachRow(0.1)) FROM numbers(200) SETTINGS max_block_size = 1"
UNINTERRUPTIBLE = "SELECT sleep(3)"


@dataclass
class Server:
    process: subprocess.Popen[str]
    port: int

    def client(self, **options: Any) -> Client:  # noqa: ANN401
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, autogenerate_session_id=False, **options
        )

    def curl(self, *arguments: str, path: str = "/", body: bytes | None = None) -> tuple[int, str]:
        """Return status and body."""
        command = ["curl", "-sS", "-w", "\n%{http_code}", *arguments]
        if body is not None:
            command += ["--data-binary", "@-"]
        command.append(f"http://127.0.0.1:{self.port}{path}")
        answer = subprocess.run(command, input=body, capture_output=True, check=True, timeout=30)
        text, _, status = answer.stdout.decode().rpartition("\n")
        return int(status), text


def _start(data: Path, *arguments: str, port: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "deploy.embedded.clickhouse", "--port", str(port)),
            *("--data", str(data), *arguments),
        ],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@contextmanager
def _running(data: Path, *arguments: str) -> Iterator[Server]:
    with _start(data, *arguments) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        try:
            yield Server(process, int(line.rpartition(":")[2]))
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with _running(tmp_path_factory.mktemp("clickhouse")) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    with server.client() as connected:
        yield connected


@pytest.fixture
def readings(client: Client) -> Iterator[str]:
    client.command(
        "CREATE OR REPLACE TABLE readings (id Int64, wh Nullable(Int64), version Int64) "
        "ENGINE = ReplacingMergeTree(version) ORDER BY id"
    )
    yield "readings"
    client.command("DROP TABLE readings")


def _count(client: Client, table: str) -> int:
    return int(str(client.command(f"SELECT count() FROM {table}")))


def test_answers_ping_and_plain_queries(server: Server) -> None:
    assert server.curl(path="/ping") == (200, "Ok.\n")
    assert server.curl() == (200, "Ok.\n")
    assert server.curl(path="/?query=SELECT%201") == (200, "1\n")
    assert server.curl(body=b"SELECT 1 AS a FORMAT JSONEachRow") == (200, '{"a":1}\n')
    assert server.curl(path="/?query=SELECT%201,&default_format=CSV", body=b"'a'") == (
        200,
        '1,"a"\n',
    )
    headers = server.curl("-D", "-", "-o", "/dev/null", body=b"SELECT 1 FORMAT CSV")[1]
    assert "X-ClickHouse-Format: CSV" in headers
    assert "X-ClickHouse-Summary: {" in headers
    assert "X-ClickHouse-Query-Id: " in headers


def test_takes_parameters_database_and_settings(server: Server, client: Client) -> None:
    client.command("CREATE DATABASE IF NOT EXISTS other")
    client.command("CREATE OR REPLACE TABLE other.t (a Int64) ENGINE = Memory")
    client.command("INSERT INTO other.t VALUES (5), (now()::Int64 * 0)")

    assert server.curl(path="/?database=other", body=b"SELECT max(a) FROM t") == (200, "5\n")
    other = ("-H", "X-ClickHouse-Database: other")
    assert server.curl(*other, body=b"SELECT count() FROM t") == (200, "2\n")
    assert server.curl(path="/?max_threads=3", body=b"SELECT getSetting('max_threads')")[1] == "3\n"
    text = "it's\ta \\ \n `file(`"
    rows = client.query("SELECT {x:Int64} + 1, {s:String}", parameters={"x": 4, "s": text})
    assert rows.result_rows == [(5, text)]
    assert client.query("SELECT {s:String}", parameters={"s": "é" * 9_000}).row_count == 1


def test_says_errors_as_clickhouse_does(server: Server, client: Client) -> None:
    for query, status, code in (
        ("SELECT * FROM nowhere", 404, 60),
        ("SELEC 1", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("", 400, 62),
        ("SELECT 1 FORMAT Nothing", 404, 73),
        ("SELECT throwIf(number = 3) FROM numbers(9)", 500, 395),
        ("SELECT {x:Int64}", 400, 456),
    ):
        answer = server.curl("-i", body=query.encode())
        assert (f"HTTP/1.1 {answer[0]}", query) == (f"HTTP/1.1 {answer[0]}", query)
        assert f"X-ClickHouse-Exception-Code: {code}" in answer[1], query
        assert f"Code: {code}. DB::Exception: " in answer[1]
        assert code == 456 or answer[0] == status, query
    assert server.curl(path="/?no_such=1", body=b"SELECT 1")[0] == 404
    assert server.curl(path="/?query=CREATE%20DATABASE%20got")[1].startswith("Code: 164.")
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        client.query("SELECT * FROM nowhere")


def test_inserts_and_reads_columns_of_every_origin(client: Client, readings: str) -> None:
    ids: Any = np.arange(100_000)
    client.insert(
        readings,
        [ids, ids * 2, ids],
        column_names=["id", "wh", "version"],
        column_oriented=True,
    )
    arrow = pa.table({"id": [1, 2], "wh": [7, None], "version": [10**6, 10**6]})
    summary = client.insert_arrow(readings, arrow)
    client.insert(readings, [[3, None, 10**6]], column_names=["id", "wh", "version"])

    assert summary.written_rows == 2
    assert _count(client, f"{readings} FINAL") == 100_000
    last = client.query(f"SELECT wh FROM {readings} FINAL WHERE id < 5 ORDER BY id")
    assert last.result_rows == [(0,), (7,), (None,), (None,), (8,)]
    assert client.query_arrow(f"SELECT * FROM {readings} FINAL").num_rows == 100_000
    assert client.query("SELECT 1 WHERE 0").result_rows == []
    parts = client.query("SELECT sum(rows) FROM system.parts WHERE active AND table = 'readings'")
    assert parts.result_rows[0][0] >= 100_000
    client.command(f"CREATE OR REPLACE VIEW last AS SELECT * FROM {readings} FINAL")
    assert _count(client, "last") == 100_000
    assert ("last", "View") in client.query("SELECT name, engine FROM system.tables").result_rows
    client.command("DROP VIEW last")


@pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", False])
def test_speaks_every_compression_of_the_client(
    server: Server,
    client: Client,
    readings: str,
    compression: str | bool,  # noqa: FBT001
) -> None:
    ids: Any = np.arange(100_000)
    with server.client(compress=compression) as compressed:
        # Several blocks: the client makes a frame of its own of each.
        compressed.insert(
            readings, [ids, ids, ids], column_names=["id", "wh", "version"], column_oriented=True
        )
        rows = compressed.query(f"SELECT * FROM {readings} ORDER BY id").result_columns
        compressed.raw_insert(readings, insert_block=b"-1,5,6\n", fmt="CSV")

    assert [list(column) for column in rows] == [list(range(100_000))] * 3
    assert _count(client, readings) == 100_001


def test_takes_rows_behind_the_query_or_beside_it(
    server: Server, client: Client, readings: str
) -> None:
    insert = f"/?query=INSERT%20INTO%20{readings}%20FORMAT%20CSV"
    packed = ("-H", "Content-Encoding: gzip")

    assert server.curl(path=insert, body=b"1,1,1\n2,2,2\n") == (200, "")
    assert server.curl(*packed, path=insert, body=gzip.compress(b"3,3,3\n")) == (200, "")
    assert server.curl(body=f"INSERT INTO {readings} FORMAT CSV\n4,4,4".encode()) == (200, "")
    assert _count(client, readings) == 4


def test_answers_the_async_client(server: Server) -> None:
    async def _ask() -> list[int]:
        client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=server.port)
        asked = [client.query(f"SELECT {i}, sleep(0.05)") for i in range(8)]
        results = await asyncio.gather(*asked)
        await client.close()
        return [result.result_rows[0][0] for result in results]

    assert asyncio.run(_ask()) == list(range(8))


@pytest.mark.parametrize("rows", [b"1,1,1\n" * 5_000 + b"2,x,2\n", b"1,1,1\n2,2"])
def test_a_malformed_insert_leaves_nothing(
    server: Server, client: Client, readings: str, rows: bytes
) -> None:
    status, text = server.curl(
        path=f"/?max_insert_block_size=100&query=INSERT%20INTO%20{readings}%20FORMAT%20CSV",
        body=rows,
    )

    assert (status, text[:6]) == (400, "Code: ")
    assert _count(client, readings) == 0


def test_a_native_body_that_is_cut_leaves_nothing(client: Client, readings: str) -> None:
    native = client.raw_query(
        "SELECT number AS id, number AS wh, number AS version FROM numbers(200000)", fmt="Native"
    )

    with pytest.raises(DatabaseError, match="CANNOT_READ_ALL_DATA"):
        client.raw_insert(readings, insert_block=native[:-5], fmt="Native")
    assert _count(client, readings) == 0


@pytest.mark.parametrize(
    "query",
    [
        "SELECT file('/etc/passwd')",
        "SELECT FiLe /* x */ ('/etc/passwd')",
        "SELECT \"file\"('/etc/passwd')",
        "SELECT `f\\x69le`('/etc/passwd')",
        "SELECT 1 -- '\n, file('/etc/passwd') -- '",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT (SELECT count() FROM file('/etc/passwd', 'LineAsString'))",
        "WITH x AS (SELECT * FROM file('/etc/passwd', 'LineAsString')) SELECT * FROM x",
        "SELECT * FROM view(SELECT * FROM file('/etc/passwd', 'LineAsString'))",
        "EXPLAIN SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "DESCRIBE TABLE file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM `/etc/passwd`",
        "SELECT * FROM default.`/etc/passwd`",
        "SELECT * FROM _files.`/etc/passwd`",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM s3('http://127.0.0.1:1/b/k', 'CSV', 'a String')",
        "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
        "SELECT * FROM executable('x', 'TSV', 'a String')",
        "SELECT * FROM python('os')",
        "SELECT * FROM eval('SELECT 1') SETTINGS allow_experimental_eval_table_function = 1",
        "SELECT 1 INTO OUTFILE '/tmp/stolen'",
        "SELECT 1 INTO /**/ OUTFILE '/tmp/stolen' TRUNCATE",
        "INSERT INTO FUNCTION file('/tmp/stolen', 'CSV', 'a Int64') SELECT 1",
        "INSERT INTO FUNCTION file('/tmp/stolen', 'CSV', 'a Int64') VALUES (1)",
        "INSERT INTO readings FROM INFILE '/etc/passwd' FORMAT CSV",
        "INSERT INTO readings VALUES (length(file('/etc/passwd')), 1, 1)",
        "INSERT INTO readings FORMAT VALUES (length(`file`('/etc/passwd')), 1, 1)",
        "CREATE TABLE f (a String) ENGINE = File(CSV, '/tmp/stolen')",
        "CREATE TABLE f (a String) ENGINE = URL('http://127.0.0.1:1/', CSV)",
        "CREATE TABLE f (a String DEFAULT file('/etc/passwd')) ENGINE = Memory",
        "CREATE VIEW f AS SELECT file('/etc/passwd')",
        "CREATE TABLE f (a Int64) ORDER BY a SETTINGS disk = disk(type=local, path='/tmp/stolen')",
        "CREATE DATABASE f ENGINE = Filesystem('/etc')",
        "CREATE DICTIONARY f (a UInt64) PRIMARY KEY a SOURCE(FILE(path '/x')) LAYOUT(FLAT())",
        "CREATE FUNCTION f AS x -> x",
        "CREATE USER f",
        "GRANT ALL ON *.* TO default",
        "ATTACH TABLE f FROM '/tmp/stolen' (a Int64) ENGINE = MergeTree ORDER BY a",
        "DETACH TABLE readings",
        "BACKUP TABLE readings TO File('/tmp/stolen')",
        "SYSTEM SHUTDOWN",
        "SYSTEM STOP MERGES",
        "SELECT 1 SETTINGS additional_result_filter = 'file(\\'/etc/passwd\\') != \\'\\''",
        "SELECT 1 SETTINGS dialect = 'prql'",
        "SELECT 1 FORMAT Template SETTINGS format_template_row = '/etc/passwd'",
        "INSERT INTO readings FORMAT CSV SETTINGS dialect = 'kusto'\n1,1,1",
    ],
)
def test_keeps_files_and_the_network_from_callers(
    client: Client, readings: str, query: str
) -> None:
    with pytest.raises(ClickHouseError) as refusal:
        client.command(query)

    assert "root:" not in str(refusal.value)
    assert not Path("/tmp/stolen").exists()  # noqa: S108
    assert _count(client, readings) == 0


def test_settings_in_the_address_open_no_way_around(server: Server) -> None:
    for setting in (
        "dialect=prql",
        "additional_result_filter=1",
        "async_insert=1",
        "polyglot_dialect=mysql",
        "x='1',dialect=1",
    ):
        assert server.curl(path=f"/?{setting}", body=b"SELECT 1")[1].startswith("Code: "), setting


def test_strings_and_names_that_look_dangerous_are_data(client: Client, readings: str) -> None:
    row = client.query("SELECT 'file(''x'')', 'INTO OUTFILE', 1 AS `url(` -- file('x')").result_rows
    client.command(f"INSERT INTO {readings} VALUES (length('file(1)'), 1, 1)")

    assert row == [("file('x')", "INTO OUTFILE", 1)]
    assert client.query(f"SELECT id FROM {readings}").result_rows == [(7,)]


def test_callers_share_no_state(server: Server) -> None:
    assert server.curl(body=b"SET max_threads = 7")[0] == 200
    assert server.curl(body=b"USE system")[0] == 200
    assert server.curl(body=b"SELECT currentDatabase(), getSetting('max_threads') = 7")[1] == (
        "default\t0\n"
    )


def test_slow_readers_delay_neither_inserts_nor_ping(
    server: Server, client: Client, readings: str
) -> None:
    slow = b"SELECT sum(sleepEachRow(0.1)) FROM numbers(8) SETTINGS max_block_size = 1"
    readers = [threading.Thread(target=server.curl, kwargs={"body": slow}) for _ in range(6)]
    for reader in readers:
        reader.start()
    time.sleep(0.2)
    started = time.perf_counter()

    client.insert(readings, [[1, 1, 1]], column_names=["id", "wh", "version"])
    assert server.curl(path="/ping")[0] == 200
    took = time.perf_counter() - started

    assert all(reader.is_alive() for reader in readers)
    assert took < 0.5
    for reader in readers:
        reader.join()


def test_lets_in_only_the_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    with _running(tmp_path / "data", "--password-file", str(tmp_path / "password")) as server:
        user = ("-H", "X-ClickHouse-User: default", "-H")
        assert server.curl(path="/ping")[0] == 200
        refused = server.curl(body=b"SELECT 1")
        assert refused[0] == 403
        assert refused[1].startswith("Code: 516. DB::Exception: default: Authentication failed")
        assert server.curl(*user, "X-ClickHouse-Key: no", body=b"SELECT 1")[0] == 403
        assert server.curl("-u", "root:" + PASSWORD, body=b"SELECT 1")[0] == 403
        assert server.curl("-u", "default:" + PASSWORD, body=b"SELECT 1") == (200, "1\n")
        assert server.curl(
            "-G", "--data-urlencode", "password=" + PASSWORD, "-d", "query=SELECT+1"
        ) == (200, "1\n")
        with server.client(username="default", password=PASSWORD) as client:
            assert client.command("SELECT 1") == 1


def test_a_taken_folder_port_or_address_is_one_line(server: Server, tmp_path: Path) -> None:
    owned = next(tmp_path.parent.glob("clickhouse*"))
    starts = {
        "is in use by another embedded ClickHouse": _start(owned),
        f"127.0.0.1:{server.port} is in use": _start(tmp_path / "a", port=server.port),
        "listens on loopback only": _start(tmp_path / "b", "--host", "0.0.0.0"),  # noqa: S104
    }
    for message, process in starts.items():
        text = process.communicate(timeout=20)[1]
        assert (process.returncode, text.count("\n")) == (2, 1), text
        assert message in text


@pytest.mark.parametrize(
    ("number", "query"), [(signal.SIGTERM, INTERRUPTIBLE), (signal.SIGINT, UNINTERRUPTIBLE)]
)
def test_ends_though_a_query_runs(tmp_path: Path, number: int, query: str) -> None:
    with _running(tmp_path) as server:
        reader = threading.Thread(target=_ask_and_be_cut_off, args=(server, query))
        reader.start()
        time.sleep(0.3)

        server.process.send_signal(number)
        status = server.process.wait(timeout=30)

        assert status == 0
        reader.join()


def _ask_and_be_cut_off(server: Server, query: str) -> None:
    try:
        server.curl(body=query.encode())
    except subprocess.CalledProcessError:
        return


@pytest.mark.slow
def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    kills = 3
    batch = 20_000
    ids: Any = np.arange(batch)
    acknowledged = 0
    for kill in range(kills):
        with _running(tmp_path) as server, server.client() as client:
            client.command(
                "CREATE TABLE IF NOT EXISTS kept (id Int64) ENGINE = MergeTree ORDER BY id"
            )
            assert _count(client, "kept") >= acknowledged, f"after kill {kill}"
            acknowledged = _count(client, "kept")
            killer = threading.Timer(0.5, server.process.kill)
            killer.start()
            try:
                while True:
                    client.insert("kept", [ids], ["id"], column_oriented=True)
                    acknowledged += batch
            except Exception:  # noqa: BLE001, S110  # however the client words a dead server
                pass
            killer.join()

    with _running(tmp_path) as server, server.client() as client:
        kept = _count(client, "kept")
    assert acknowledged > 0
    assert acknowledged <= kept <= acknowledged + batch
    assert kept % batch == 0


@pytest.mark.slow
def test_takes_a_million_rows_in_one_insert(client: Client) -> None:
    names = [f"c{i}" for i in range(12)]
    columns = ", ".join(f"{name} Nullable(Int64)" for name in names)
    client.command(
        f"CREATE OR REPLACE TABLE wide (k Int64, {columns}) ENGINE = MergeTree ORDER BY k"
    )
    values: Any = np.arange(1_000_000)
    started = time.perf_counter()

    client.insert("wide", [values] * 13, ["k", *names], column_oriented=True)
    numpy_s = time.perf_counter() - started
    started = time.perf_counter()
    client.insert_arrow("wide", pa.table(dict.fromkeys(["k", *names], values)))
    arrow_s = time.perf_counter() - started

    print(f"rows/s: numpy {1e6 / numpy_s:,.0f}, arrow {1e6 / arrow_s:,.0f}")  # noqa: T201
    assert _count(client, "wide") == 2_000_000
    client.command("DROP TABLE wide")
