"""ClickHouse as a user with given rights sees it: a process of its own, as one holds one engine.

`python -m tests.unit.deploy.asking FOLDER` asks questions of the database in a folder, which it
makes where there is none. Standard input and output are JSON: `{"grants": [...], "questions":
[...]}`, and of each question what is against it, null where it is answered.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import orjson
from chdb import ChdbError
from chdb.state.sqlitelike import Connection

from sinks.clickhouse.migrations import migrations, statements


def main(folder: Path) -> None:
    """Answer what standard input asks."""
    if not folder.exists():
        folder.mkdir()
        _make(folder)
    asked = orjson.loads(sys.stdin.buffer.read())
    reader = Connection(f"{folder}?config-file={_configured(folder, asked['grants'])}")
    reader.query("USE smatrix")
    sys.stdout.buffer.write(orjson.dumps([_error(reader, text) for text in asked["questions"]]))


def _make(folder: Path) -> None:
    owner = Connection(f"{folder}?config-file={_configured(folder, ['GRANT ALL ON *.*'])}")
    owner.query("CREATE DATABASE smatrix")
    owner.query("USE smatrix")
    for migration in migrations():
        for statement in statements(migration.sql):
            owner.query(statement)
    owner.close()


def _error(reader: Connection, text: str) -> str | None:
    try:
        reader.query(text)
    except (RuntimeError, ChdbError) as error:
        return str(error)
    return None


def _configured(folder: Path, grants: list[str]) -> Path:
    """Write a configuration whose one user has these rights and no other."""
    path = folder / "reader.xml"
    root = ET.Element("clickhouse")
    ET.SubElement(root, "users_config").text = str(path)
    ET.SubElement(ET.SubElement(root, "profiles"), "default")
    ET.SubElement(ET.SubElement(root, "quotas"), "default")
    user = ET.SubElement(ET.SubElement(root, "users"), "default")
    ET.SubElement(user, "password")
    ET.SubElement(ET.SubElement(user, "networks"), "ip").text = "::/0"
    ET.SubElement(user, "profile").text = "default"
    ET.SubElement(user, "quota").text = "default"
    given = ET.SubElement(user, "grants")
    for grant in grants:
        ET.SubElement(given, "query").text = grant
    ET.ElementTree(root).write(path, encoding="utf-8")
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
