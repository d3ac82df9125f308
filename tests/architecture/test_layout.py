"""What lies where, and that nothing in it speaks of the machine it was written on."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

# A folder named by an absolute path, or an index that packages were installed from.
MACHINE = re.compile(
    r"""(?<![\w.~$}/-])/(?:home|root|Users|work|workspace|builds)/[\w.-]"""
    r"""|(?:extra|default)?[-_]?index[-_]url|trusted[-_]host|find[-_]links"""
    r"""|https?://[\w.-]*(?:pypi|pythonhosted|nexus|artifactory|devpi)[\w.-]*(?::\d+)?/(?!project/)""",
    re.IGNORECASE,
)
THIS_FILE = "tests/architecture/test_layout.py"


@pytest.fixture(scope="module")
def tracked(request: pytest.FixtureRequest) -> list[str]:
    root = request.config.rootpath
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    )
    return [name for name in listed.stdout.split("\0") if name and (root / name).exists()]


@pytest.fixture(scope="module")
def project(request: pytest.FixtureRequest) -> dict[str, Any]:
    return tomllib.loads((request.config.rootpath / "pyproject.toml").read_text())


def _packages(root: Path) -> list[Path]:
    """Return the folders of what is built: all packages but the tests'."""
    return [path.parent for path in root.glob("*/__init__.py") if path.parent.name != "tests"]


def test_every_package_is_linted_typed_and_built(project: dict[str, Any], root: Path) -> None:
    built = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    packages = sorted(folder.name for folder in _packages(root))

    assert built == packages
    assert project["tool"]["importlinter"]["root_packages"] == packages
    assert project["tool"]["ruff"]["lint"]["isort"]["known-first-party"] == packages
    assert project["tool"]["mypy"]["files"] == [*packages, "tests"]


def test_every_package_and_the_tests_say_what_lives_there(root: Path) -> None:
    folders = [*_packages(root), root / "tests"]
    lines = {
        folder.name: len((folder / "README.md").read_text().splitlines())
        for folder in folders
        if (folder / "README.md").exists()
    }

    assert sorted(lines) == sorted(folder.name for folder in folders)
    assert {name: count for name, count in lines.items() if not 10 <= count <= 25} == {}


def test_every_folder_of_code_is_a_package(tracked: list[str], root: Path) -> None:
    folders = {
        Path(name).parent
        for name in tracked
        if name.endswith(".py") and "/" in name and not name.startswith("tests/")
    }

    assert [
        folder for folder in sorted(folders) if not (root / folder / "__init__.py").exists()
    ] == []


def test_no_tracked_file_names_a_machine_or_an_index(tracked: list[str], root: Path) -> None:
    found = []
    for name in tracked:
        content = (root / name).read_bytes()
        if name == THIS_FILE or b"\0" in content:
            continue
        for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
            if (match := MACHINE.search(line)) or f"{root}/" in line:
                found.append(f"{name}:{number}: {match.group() if match else root}")

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        'DATA = "/home/someone/profiles.csv"',
        "pip install --index-url https://packages.example/simple x",
        "PIP_EXTRA_INDEX_URL=x",
        "cd /root/grid",
        'source = { registry = "https://pypi.org/simple" }',
    ],
)
def test_such_a_line_is_found(line: str) -> None:
    assert MACHINE.search(line)


@pytest.mark.parametrize(
    "line", ["see https://pypi.org/project/faust-streaming/", "docs/work/plan.md", "~/work/grid"]
)
def test_an_innocent_line_is_not(line: str) -> None:
    assert not MACHINE.search(line)
