"""What the documents name exists: files, headings, targets of make, commands, settings."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from deploy.cli.app import cli
from streams.settings import Settings

LINK = re.compile(
    r"""\]\((?!https?://|mailto:)([^)\s]+)\)|(?:src|srcset|href)="(?!https?://)([^"]+)\""""
)
CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"^(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]*)", re.MULTILINE)
SMATRIX = re.compile(
    r"^(?:[A-Z_]+=\S+ )*(?:\$ |\.venv/bin/)?smatrix ([a-z][a-z-]*)\b(.*)$", re.MULTILINE
)
OPTION = re.compile(r"(--[a-z][a-z-]*)")
VARIABLE = re.compile(r"\bSMATRIX_[A-Z_]*[A-Z]\b")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def _documents(root: Path) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )
    return sorted(name for name in listed.stdout.split("\0") if name and (root / name).exists())


ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = _documents(ROOT) or ["README.md"]


@pytest.fixture(params=DOCUMENTS)
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = ROOT / request.param
    return path


def _code(text: str) -> Iterator[str]:
    for block, span in CODE.findall(text):
        yield block or span


def _anchors(path: Path) -> set[str]:
    """Return the anchors that a renderer makes of a document's headings."""
    headings = HEADING.findall(path.read_text())
    return {re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for text in headings}


def test_every_link_leads_somewhere(document: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)

    broken = []
    for groups in LINK.findall(prose):
        link = "".join(groups)
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        leads = target.is_relative_to(ROOT) and target.exists()
        if not leads or (anchor and anchor not in _anchors(target)):
            broken.append(link)

    assert broken == []


def test_every_make_target_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = {target for code in _code(document.read_text()) for target in MAKE.findall(code)}

    assert named - targets == set()


def test_every_command_and_option_named_exists(document: Path) -> None:
    group = typer.main.get_command(cli)
    assert isinstance(group, TyperGroup)
    context = group.make_context("smatrix", [], resilient_parsing=True)
    options = {
        name: _options(group.get_command(context, name)) for name in group.list_commands(context)
    }

    unknown = [
        f"smatrix {name} {rest}"
        for code in _code(document.read_text())
        for name, rest in SMATRIX.findall(code)
        if name not in options or not options[name].issuperset(OPTION.findall(rest))
    ]

    assert unknown == []


def _options(command: object) -> set[str]:
    """Return a command's options, those of the commands below it as well."""
    assert isinstance(command, TyperCommand | TyperGroup)
    found = {option for parameter in command.params for option in parameter.opts}
    below = command.commands.values() if isinstance(command, TyperGroup) else ()
    return found.union(*map(_options, below))


def test_every_setting_named_exists(document: Path) -> None:
    settings = {f"SMATRIX_{name.upper()}" for name in Settings.model_fields}

    assert set(VARIABLE.findall(document.read_text())) - settings == set()


def test_every_decision_says_what_was_decided() -> None:
    decisions = {path.name: path.read_text() for path in (ROOT / "docs/decisions").glob("*.md")}

    assert [
        name
        for name, text in decisions.items()
        if "**Decision.**" not in text or not text.startswith("# ")
    ] == []


def test_a_heading_with_punctuation_has_the_anchor_that_renderers_give_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# What is run, and what not\n\n## `make demo`\n")

    assert _anchors(page) == {"what-is-run-and-what-not", "make-demo"}
