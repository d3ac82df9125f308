"""The page has the tables that were measured last, and keeps the rest of its text."""

from pathlib import Path

import pytest

from bench.publish import PAGE, publish
from streams.settings import ConfigurationError


def test_the_page_takes_a_table_and_keeps_its_text(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    (tmp_path / "table.md").write_text("| one |\n")
    publish(tmp_path, page)
    (tmp_path / "table.md").write_text("| two |\n")

    assert publish(tmp_path, page) == ["table"]
    assert "<!-- table -->\n\n| two |\n\n<!-- end of table -->" in page.read_text()
    assert "| one |" not in page.read_text()
    assert page.read_text().startswith("# Benchmarks\n")


def test_nothing_measured_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="make bench"):
        publish(tmp_path)
