"""The dashboards' files: written from the code, and held to it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from deploy.grafana import (
    batteries,
    control,
    ev_charging,
    grid,
    objectives,
    pipeline,
    quality,
    regulation,
    tickets,
)
from deploy.grafana.rendering import render

FOLDER: Final = Path(__file__).parent / "dashboards"
DASHBOARDS: Final = (
    grid.DASHBOARD,
    control.DASHBOARD,
    regulation.DASHBOARD,
    pipeline.DASHBOARD,
    quality.DASHBOARD,
    tickets.DASHBOARD,
    batteries.DASHBOARD,
    ev_charging.DASHBOARD,
    objectives.DASHBOARD,
)


def documents() -> dict[str, bytes]:
    """Return the content of each file by its name."""
    style = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return {
        f"{dashboard.uid}.json": orjson.dumps(render(dashboard), option=style)
        for dashboard in DASHBOARDS
    }


def write(folder: Path = FOLDER) -> None:
    """Write every file, and remove those that nothing writes any more."""
    folder.mkdir(exist_ok=True)
    for name in differences(folder):
        (folder / name).unlink(missing_ok=True)
    for name, content in documents().items():
        (folder / name).write_bytes(content)


def differences(folder: Path = FOLDER) -> Iterator[str]:
    """Yield the names of files that are missing, left over, or not what the code says."""
    wanted = documents()
    there = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    for name in sorted(wanted.keys() | there.keys()):
        if wanted.get(name) != there.get(name):
            yield name
