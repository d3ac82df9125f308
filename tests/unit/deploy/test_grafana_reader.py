"""ClickHouse lets Grafana's user ask what the dashboards ask, and refuses the rest."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final, cast
from xml.etree import ElementTree as ET

import orjson
import pytest

from deploy.grafana import files
from deploy.grafana.panels import Sql

ROOT: Final = Path(__file__).parents[3]
QUESTIONS: Final = [
    re.sub(r"\$__timeFilter\((\w+)\)", r"\1 >= toDateTime(0)", text).replace(
        "${community:singlequote}", "'c1'"
    )
    for dashboard in files.DASHBOARDS
    for text in [
        *(choice.query.text for choice in dashboard.choices),
        *(
            query.text
            for section in dashboard.sections
            for panel in section.panels
            for query in panel.queries
            if isinstance(query, Sql)
        ),
    ]
]
PRIVATE: Final = [
    "SELECT original_value FROM rejected_readings",
    "SELECT original_key FROM rejections",
    "SELECT charged_wh FROM ev_sessions",
    "SELECT charged_mwh FROM told_charge_promises",
    "SELECT person_id FROM notifications",
    "SELECT consumption_mwh FROM household_intervals",
    "SELECT consumption_wh FROM household_quarter_hours",
    "SELECT consumption_wh FROM validated_quarter_hours",
    "SELECT name FROM registered_persons",
    "SELECT customer_id FROM registry_households",
]
GRANT: Final = re.compile(r"GRANT SELECT\(([^)]*)\) ON (\w+\.\w+)")
# Else ClickHouse is silent about names of columns; it lets nobody read any.
MAY_NAME_COLUMNS: Final = "GRANT SHOW ON smatrix.*"

Columns = dict[str, set[str]]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reader") / "clickhouse"


def test_grafana_may_read_the_columns_that_the_dashboards_need_and_no_others(folder: Path) -> None:
    needed: Columns = {}

    # A view wants the columns of its tables only once its own may be read.
    while errors := _errors(folder, [*_grants(needed), MAY_NAME_COLUMNS], QUESTIONS):
        wanted = _columns(errors)
        assert any(not names <= needed.get(table, set()) for table, names in wanted), errors
        for table, names in wanted:
            needed.setdefault(table, set()).update(names)

    assert dict(_columns(_granted())) == needed


def test_what_households_measured_and_who_people_are_is_refused(folder: Path) -> None:
    errors = _errors(folder, _granted(), PRIVATE)

    assert len(errors) == len(PRIVATE)
    assert all("ACCESS_DENIED" in error for error in errors)


def _granted() -> list[str]:
    root = ET.parse(ROOT / "deploy/grafana/reader.xml").getroot()  # noqa: S314 - our own
    return [grant.text or "" for grant in root.iterfind("users/grafana/grants/query")]


def _grants(columns: Columns) -> list[str]:
    return [f"GRANT SELECT({', '.join(names)}) ON {table}" for table, names in columns.items()]


def _columns(texts: list[str]) -> list[tuple[str, set[str]]]:
    """Return the tables and columns of rights, each as it is given or missed."""
    found = [GRANT.search(text.replace("grant SELECT", "GRANT SELECT")) for text in texts]
    assert all(found), texts
    return [(each[2], set(re.findall(r"\w+", each[1]))) for each in found if each is not None]


def _errors(folder: Path, grants: list[str], questions: list[str]) -> list[str]:
    """Return what ClickHouse has against questions of somebody who has these rights."""
    asked = subprocess.run(
        [sys.executable, "-m", "tests.unit.deploy.asking", str(folder)],
        cwd=ROOT,
        input=orjson.dumps({"grants": grants, "questions": questions}),
        stdout=subprocess.PIPE,
        check=True,
    )
    errors = cast("list[str | None]", orjson.loads(asked.stdout))
    return [error for error in errors if error is not None]
