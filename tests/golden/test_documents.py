"""The documents in docs/ that the code writes."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from streams import contract
from streams.settings import Settings
from streams.topics import TOPICS

ROW = re.compile(r"^\| `(SMATRIX_\w+)` \| (?:`(.*?)`|empty) \|", re.MULTILINE)


def test_the_documents_are_what_the_code_says() -> None:
    assert list(contract.differences()) == []


def test_every_difference_is_one_line(tmp_path: Path) -> None:
    contract.write(tmp_path)
    page = tmp_path / contract.SETTINGS
    page.write_text(page.read_text().replace("`warning`", "`info`", 1))
    (tmp_path / contract.SCHEMAS / "MeterFrame.json").unlink()
    (tmp_path / contract.SCHEMAS / "Forgotten.json").write_text("{}")

    changed, missing, left_over = contract.differences(tmp_path)

    assert re.fullmatch(
        r"docs/settings.md:\d+: the file says .*`info`.*, the code .*`warning`.*", changed
    )
    assert missing == "docs/contract/schemas/MeterFrame.json: is missing"
    assert left_over == "docs/contract/schemas/Forgotten.json: no topic carries this event"


def test_writing_removes_every_difference(tmp_path: Path) -> None:
    assert list(contract.differences(tmp_path)) != []

    contract.write(tmp_path)

    assert list(contract.differences(tmp_path)) == []


@pytest.mark.parametrize("lines", [[], ["docs/settings.md: is missing"]], ids=["same", "differs"])
def test_checking_fails_where_something_differs(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()
    app.command()(contract.main)
    monkeypatch.setattr(contract, "differences", lambda: iter(lines))

    checked = CliRunner().invoke(app, ["--check"])

    assert checked.exit_code == len(lines)
    assert checked.stdout.splitlines() == lines


def test_every_topic_has_a_channel_whose_payload_is_a_schema_file() -> None:
    document: dict[str, Any] = yaml.safe_load((contract.ROOT / contract.ASYNCAPI).read_text())

    for topic in TOPICS:
        channel = document["channels"][topic.name]
        (message,) = channel["messages"]
        payload = document["components"]["messages"][message]["payload"]["schema"]["$ref"]
        assert channel["address"] == topic.name
        assert topic.key in channel["description"]
        assert (contract.ROOT / contract.ASYNCAPI.parent / payload).exists()
    assert document["channels"].keys() == {topic.name for topic in TOPICS}


def test_every_documented_default_is_accepted_and_is_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = ROW.findall(contract.settings_page())
    assert len(rows) == len(Settings.model_fields)

    for variable, default in rows:
        monkeypatch.setenv(variable, default)

    assert Settings() == Settings.model_construct()
