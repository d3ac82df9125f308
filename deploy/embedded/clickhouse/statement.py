"""What a request asks: where an INSERT's rows begin, and what a statement may not contain.

Two texts are read here. The raw one, only to find the rows of an INSERT: a mistake there cannot
let anything through, since what runs is what was checked. The engine's own normal form of it
(`formatQuery`: no comments, no needless quotes, escapes resolved), to decide what is refused.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.embedded.clickhouse.errors import ClickHouseError, access_denied

_TOKEN = re.compile(
    r"""
      (?P<skip>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)
    | (?P<string>'(?:[^'\\]|\\.|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    | (?P<word>[A-Za-z_]\w*)
    | (?P<number>\d\w*)
    | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DATA_START = re.compile(r"[ \t\f]*(?:\r?\n)?")
_TRAILING_FORMAT = re.compile(
    r"\s+FORMAT\s+(?:(?P<name>\w+)|`(?P<quoted>\w+)`)(?P<rest>(?:\s+SETTINGS\s.*)?)\Z", re.DOTALL
)

_ROWS_BACK = frozenset(
    {"CHECK", "DESC", "DESCRIBE", "EXISTS", "EXPLAIN", "KILL", "SELECT", "SHOW", "WITH"}
)
_CHANGES = frozenset(
    {
        "ALTER",
        "CREATE",
        "DELETE",
        "DROP",
        "EXCHANGE",
        "INSERT",
        "OPTIMIZE",
        "RENAME",
        "SET",
        "TRUNCATE",
        "UNDROP",
        "UPDATE",
        "USE",
    }
)


@dataclass(frozen=True)
class Request:
    """A statement and, for an INSERT that brings rows, those rows."""

    text: str
    rows: bytes | None


@dataclass(frozen=True)
class Statement:
    """A statement that passed: its normal form without FORMAT, its format, whether it answers.

    `format` is None where the text names none.
    """

    without_format: str
    format: str | None
    returns_rows: bool


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def _tokens(text: str, start: int = 0) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text, start):
        kind = match.lastgroup or "mark"
        if kind == "tag":
            kind = "string"
        if kind != "skip":
            yield _Token(kind, match.group(), match.start(), match.end())


def split(body: bytes) -> Request:
    """Return the statement in a request's bytes, parted from the rows of an INSERT.

    Rows begin behind `FORMAT Name` and one line break, or behind `VALUES`; an INSERT with a SELECT
    has none.
    """
    text = body.decode("utf-8", "surrogateescape")
    end = _end_of_insert(text)
    if end is None:
        return Request(text, None)
    return Request(text[:end], _after(text, end).encode("utf-8", "surrogateescape"))


def _end_of_insert(text: str) -> int | None:
    tokens = _tokens(text)
    first = next(tokens, None)
    if first is None or first.text.upper() != "INSERT":
        return None
    depth = 0
    after_format = False
    for token in tokens:
        word = token.text.upper() if token.kind == "word" else ""
        if after_format and token.kind in {"word", "quoted"}:
            return token.end
        after_format = depth == 0 and word == "FORMAT"
        if token.text in {"(", ")"}:
            depth += 1 if token.text == "(" else -1
        elif depth == 0 and word in {"VALUES", "VALUE"}:
            return token.end
        elif depth == 0 and word in {"SELECT", "WITH", "INFILE"}:
            return None
    return None


def _after(text: str, end: int) -> str:
    start = _DATA_START.match(text, end)
    return text[start.end() if start else end :]


def check(normal: str, *, refused: frozenset[str]) -> Statement:
    """Return what the engine may run, from the normal form of a statement.

    Args:
        normal: The engine's `formatQuery` of the statement.
        refused: Names, in lower case, of functions that reach outside the database.

    Raises:
        ClickHouseError: ACCESS_DENIED for such a function, for a statement that is not about the
            data of this database, and for reading or writing files.
    """
    tokens = [token for token in _tokens(normal) if token.kind != "string"]
    first = next((t.text.upper() for t in tokens if t.text != "("), "")
    if first not in _ROWS_BACK | _CHANGES:
        raise access_denied(f"{first} is not for callers of the embedded ClickHouse")
    for token, following in itertools.pairwise(tokens):
        # The normal form puts a call's bracket right behind its name, and a blank elsewhere.
        is_call = following.text == "(" and following.start == token.end
        if is_call and _bare(token) in refused:
            raise access_denied(f"{_bare(token)}() reaches outside the embedded ClickHouse")
        pair = (token.text.upper(), following.text.upper())
        if pair in {("INTO", "OUTFILE"), ("FROM", "INFILE")} and token.kind == "word":
            raise access_denied(f"{' '.join(pair)} reads or writes files of the server")
    trailing = _TRAILING_FORMAT.search(normal)
    return Statement(
        without_format=normal[: trailing.start()] + trailing["rest"] if trailing else normal,
        format=trailing["name"] or trailing["quoted"] if trailing else None,
        returns_rows=first in _ROWS_BACK,
    )


def check_values(rows: bytes, *, refused: frozenset[str]) -> None:
    """Refuse rows of `INSERT … VALUES` that call a function of `refused`: they are expressions.

    Raises:
        ClickHouseError: ACCESS_DENIED, naming the function, or a quoted name with an escape in it.
    """
    for token in _tokens(rows.decode("utf-8", "surrogateescape")):
        if token.kind in {"word", "quoted"} and _bare(token) in refused:
            raise access_denied(f"{_bare(token)}() reaches outside the embedded ClickHouse")
        if token.kind == "quoted" and "\\" in token.text:
            raise ClickHouseError(
                62,
                "SYNTAX_ERROR",
                f"Escapes in a quoted name are not taken in VALUES: {token.text}",
            )


def _bare(token: _Token) -> str:
    return (token.text[1:-1] if token.kind == "quoted" else token.text).lower()
