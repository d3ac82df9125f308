"""chDB on one data folder: who owns it, and how a statement runs on it.

Every statement has a connection of its own (measured: 0.4 ms), so that settings and the current
database of one caller never reach another, and statements of several threads run side by side.
"""

import contextlib
import fcntl
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from chdb import ChdbError
from chdb.state.sqlitelike import Connection

from deploy.embedded.clickhouse.config import OVERLAY, write_config
from deploy.embedded.clickhouse.errors import ClickHouseError
from deploy.embedded.clickhouse.statement import Request, Statement, check, check_values

_DEFAULT_DATABASE = (
    "ATTACH DATABASE _ UUID '5a3a7215-0000-4000-8000-000000000001'\nENGINE = Atomic\n"
)
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# One block, written after all of it was read: a body that is cut or malformed leaves no rows.
_WHOLE_INSERT: Final = {
    "max_insert_threads": "1",
    "min_insert_block_size_rows": str(10**12),
    "min_insert_block_size_bytes": "0",
}
# Table functions that only compute or read this database; every other one is refused.
_HARMLESS: Final = (
    "dictionary",
    "format",
    "generaterandom",
    "generate_series",
    "generateseries",
    "input",
    "loop",
    "merge",
    "mergetreeindex",
    "mergetreeprojection",
    "null",
    "numbers",
    "numbers_mt",
    "primes",
    "sqlstandardvalues",
    "values",
    "view",
    "viewexplain",
    "viewifpermitted",
    "zeros",
    "zeros_mt",
)
_REFUSED_FUNCTIONS = """
SELECT lower(name) FROM system.table_functions WHERE lower(name) NOT IN {harmless:Array(String)}
UNION ALL SELECT lower(name) FROM system.table_engines WHERE name IN ('File', 'URL', 'Executable')
UNION ALL SELECT lower(name) FROM system.functions
WHERE lower(name) IN ('catboostevaluate', 'file', 'hascolumnintable') OR lower(name) LIKE 'ai%'
UNION ALL SELECT 'disk'
"""


class FolderTakenError(Exception):
    """The data folder belongs to another process; the text names the remedy."""


@dataclass(frozen=True)
class Options:
    """How a statement is to run; `database` None means `default`."""

    database: str | None = None
    default_format: str = "TabSeparated"
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """An answer; `format` is None where the statement gives none. Elapsed in seconds."""

    body: bytes
    format: str | None
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    elapsed: float = 0.0


class Engine:
    """An open data folder. Its methods block and may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, made if missing, and open the database in it.

        Raises:
            FolderTakenError: If another process has it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        self._lock = (folder / "owner.lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise FolderTakenError(
                f"{folder} is in use by another embedded ClickHouse: stop that one, "
                "or give another folder with --data"
            ) from error
        config = folder / "embedded.xml"
        write_config(config)
        _prepare(folder)
        self._uri = f"{folder}?config-file={config}"
        # The engine lives as long as a connection does.
        self._first = Connection(self._uri)
        self._run(self._first, f"DROP DATABASE IF EXISTS {OVERLAY}")
        self.version = self._ask("SELECT version()")[0]
        self._refused = frozenset(self._ask(_REFUSED_FUNCTIONS, harmless=str(list(_HARMLESS))))
        self._checked = lru_cache(maxsize=1_000)(self._check)

    def execute(self, request: Request, options: Options) -> Outcome:
        """Run one statement and return all of its answer.

        Raises:
            ClickHouseError: What the engine, or the gate before it, has against it.
        """
        statement = self._checked(request.text)
        with self._connection(options) as connection:
            if request.rows is not None:
                return self._insert(connection, statement, request.rows, options)
            return _query(connection, statement, request.text, options)

    def interrupt(self) -> None:
        """Ask every running statement to stop; does not wait for them."""
        self._run(self._first, "KILL QUERY WHERE query NOT ILIKE 'KILL QUERY%' ASYNC")

    def close(self) -> None:
        """Close the database and release the folder."""
        self._first.close()
        self._lock.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @contextlib.contextmanager
    def _connection(self, options: Options) -> Iterator[Connection]:
        connection = Connection(self._uri)
        try:
            if options.database:
                self._run(connection, "USE {db:Identifier}", db=_escaped(options.database))
            if options.settings:
                self._run(connection, _set(options.settings))
            yield connection
        finally:
            connection.close()

    def _check(self, text: str) -> Statement:
        # A connection of its own: a caller's settings must not change how the text is read.
        with self._connection(Options()) as connection:
            normal = self._run(
                connection, "SELECT formatQuery({q:String})", q=_escaped(text), output="RawBLOB"
            )
        return check(normal.decode("utf-8", "surrogateescape"), refused=self._refused)

    def _insert(
        self, connection: Connection, statement: Statement, rows: bytes, options: Options
    ) -> Outcome:
        row_format = statement.format or "Values"
        if row_format.lower() == "values":
            check_values(rows, refused=self._refused)
        parameters = {f"param_{name}": value for name, value in options.parameters.items()}
        self._run(connection, _set(parameters | _WHOLE_INSERT))
        try:
            with connection.send_insert(statement.without_format, row_format) as insert:
                insert.append(rows)
                written = insert.finish()
        except RuntimeError as error:
            raise ClickHouseError.from_engine(str(error)) from error
        return Outcome(
            body=b"",
            format=None,
            read_rows=written.rows_written,
            read_bytes=len(rows),
            written_rows=written.rows_written,
            written_bytes=written.bytes_written,
            elapsed=written.elapsed,
        )

    def _ask(self, sql: str, **parameters: str) -> list[str]:
        return self._run(self._first, sql, **parameters).decode().split()

    @staticmethod
    def _run(
        connection: Connection, sql: str, *, output: str = "TabSeparated", **parameters: str
    ) -> bytes:
        try:
            return bytes(connection.query(sql, output, params=parameters).bytes())
        except (RuntimeError, ChdbError) as error:
            raise ClickHouseError.from_engine(str(error)) from error


def _query(connection: Connection, statement: Statement, text: str, options: Options) -> Outcome:
    output = statement.format or options.default_format
    try:
        result = connection._conn.query(  # noqa: SLF001  # the wrapper gives some formats a meaning of its own
            text.encode("utf-8", "surrogateescape"), output, params=dict(options.parameters)
        )
    except (RuntimeError, ChdbError) as error:
        raise ClickHouseError.from_engine(str(error)) from error
    return Outcome(
        body=bytes(result.bytes()),
        format=output if statement.returns_rows else None,
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        result_rows=result.rows_read(),
        elapsed=result.elapsed(),
    )


def _prepare(folder: Path) -> None:
    """Make `default` an ordinary database before the engine starts.

    chDB makes `default` a view of files unless told otherwise, but cannot start without one. Its
    link is made anew at each start: found there, chDB gives its own overlay the same identity.
    """
    metadata = folder / "metadata"
    metadata.mkdir(exist_ok=True)
    described = metadata / "default.sql"
    if not described.exists():
        described.write_text(_DEFAULT_DATABASE)
    link = metadata / "default"
    if link.is_symlink():
        link.unlink()


def _set(settings: Mapping[str, str]) -> str:
    for name in settings:
        if not _SETTING_NAME.fullmatch(name):
            raise ClickHouseError(115, "UNKNOWN_SETTING", f"Unknown setting '{name}'")
    return "SET " + ", ".join(f"{name} = '{_escaped(value)}'" for name, value in settings.items())


def _escaped(text: str) -> str:
    r"""Return text as ClickHouse's escaped form, which parameters and literals are read from.

    >>> _escaped("it's\ta \\")
    "it\\'s\\ta \\\\"
    """
    for raw, escape in (("\\", "\\\\"), ("'", "\\'"), ("\t", "\\t"), ("\n", "\\n"), ("\0", "\\0")):
        text = text.replace(raw, escape)
    return text
