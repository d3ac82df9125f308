"""Where an INSERT's rows begin, what a statement may not contain, and what its errors become."""

import pytest

from deploy.embedded.clickhouse.encodings import accepted, decode, encode
from deploy.embedded.clickhouse.errors import ClickHouseError
from deploy.embedded.clickhouse.statement import check, check_values, split

REFUSED = frozenset({"file", "url"})


@pytest.mark.parametrize(
    ("text", "rest", "rows"),
    [
        ("INSERT INTO t FORMAT Native", b"\n\x01\x00\xff", b"\x01\x00\xff"),
        ("insert into t (a) format CSV", b"\r\n1\n", b"1\n"),
        ("INSERT INTO t FORMAT CSV", b"", b""),
        ("INSERT INTO t VALUES", b" (1)", b"(1)"),
        ("INSERT INTO t (`format`, values) VALUES", b"(1,2)", b"(1,2)"),
        ("/* FORMAT x */ INSERT INTO t -- FORMAT y\nFORMAT CSV", b"\n\n1", b"\n1"),
        ("INSERT INTO t SETTINGS a='FORMAT CSV' FORMAT TSV", b"\n1", b"1"),
        ("INSERT INTO t SELECT 1 FORMAT CSV", b"", None),
        ("SELECT 'INSERT INTO t FORMAT CSV'", b"", None),
        ("", b"", None),
    ],
)
def test_parts_an_insert_from_its_rows(text: str, rest: bytes, rows: bytes | None) -> None:
    request = split(text.encode() + rest)

    assert (request.text, request.rows) == (text, rows)


def test_knows_format_and_whether_rows_come_back() -> None:
    select = check("SELECT 1\nFORMAT `Null`", refused=REFUSED)
    insert = check("INSERT INTO t (a) FORMAT Native", refused=REFUSED)
    named = check("SELECT 1 AS `a FORMAT b`", refused=REFUSED)

    assert (select.format, select.returns_rows) == ("Null", True)
    assert (insert.without_format, insert.format) == ("INSERT INTO t (a)", "Native")
    assert not insert.returns_rows
    assert named.format is None


@pytest.mark.parametrize(
    "normal",
    [
        "SELECT file('/etc/passwd')",
        "SELECT * FROM (SELECT * FROM URL('http://x'))",
        "SELECT `file`('x')",
        "INSERT INTO FUNCTION file('x') SELECT 1",
        "CREATE TABLE t (`a` String DEFAULT file('x')) ENGINE = MergeTree",
        "SELECT 1 INTO OUTFILE 'x'",
        "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        "SYSTEM FLUSH LOGS",
        "ATTACH TABLE t FROM 'x'",
    ],
)
def test_refuses_what_reaches_outside(normal: str) -> None:
    with pytest.raises(ClickHouseError) as refusal:
        check(normal, refused=REFUSED)

    assert (refusal.value.code, refusal.value.status) == (497, 403)


@pytest.mark.parametrize(
    "normal",
    [
        "SELECT 'file(1)', 'INTO OUTFILE'",
        "SELECT file FROM url WHERE file IN (1)",
        "INSERT INTO file (a, b) FORMAT Values",
        "CREATE TABLE url\n(\n    `a` Int64\n)\nENGINE = MergeTree\nORDER BY a",
        "SELECT 1 AS `file(`",
    ],
)
def test_takes_names_and_strings_that_only_look_so(normal: str) -> None:
    check(normal, refused=REFUSED)


def test_reads_the_expressions_in_values() -> None:
    check_values(b"(1, 'file(x)'), (now(), 'it''s \\' file(')", refused=REFUSED)

    for evasion in (b"(file('x'))", b"(FILE/**/('x'))", b'("file"(1))', b"(`f\\x69le`('x'))"):
        with pytest.raises(ClickHouseError):
            check_values(b"('a'), " + evasion, refused=REFUSED)


def test_unfolds_the_engine_s_repeated_error() -> None:
    error = ClickHouseError.from_engine(
        "Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format Foo. (UNKNOWN_FORMAT) "
        "(version 26.9.2.1). (UNKNOWN_FORMAT)"
    )

    assert (error.code, error.name, error.status) == (73, "UNKNOWN_FORMAT", 404)
    assert error.message == "Unknown format Foo."


@pytest.mark.parametrize("encoding", ["zstd", "lz4", "gzip", "deflate"])
def test_decodes_what_it_encodes(encoding: str) -> None:
    body = bytes(range(256)) * 9

    assert decode(encode(body, encoding=encoding), encoding=encoding) == body
    assert accepted(f"br, {encoding};q=0.5") == encoding
    with pytest.raises(ClickHouseError, match="not whole"):
        decode(b"\x00nothing", encoding=encoding)


@pytest.mark.parametrize("encoding", ["zstd", "lz4", "gzip"])
def test_decodes_every_frame_of_a_body_and_refuses_a_cut_one(encoding: str) -> None:
    frames = [encode(part * 5_000, encoding=encoding) for part in (b"first", b"second", b"third")]

    whole = decode(b"".join(frames), encoding=encoding)

    assert whole == b"first" * 5_000 + b"second" * 5_000 + b"third" * 5_000
    for wrong in (b"".join(frames)[:-3], b"".join(frames) + b"tail"):
        with pytest.raises(ClickHouseError, match="not whole"):
            decode(wrong, encoding=encoding)


def test_refuses_deflate_that_is_cut_or_followed() -> None:
    body = encode(b"rows" * 1_000, encoding="deflate")

    for wrong in (body[:-3], body + b"tail"):
        with pytest.raises(ClickHouseError, match="not whole"):
            decode(wrong, encoding="deflate")
