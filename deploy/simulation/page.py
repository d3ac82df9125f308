"""What a run of a scenario leaves in a folder: a page, its figures as JSON, and CSV files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow.csv as pacsv

from deploy.report.files import write_whole
from deploy.report.page import template
from deploy.report.style import COLORS
from deploy.simulation.scenario import Run, Scenario
from deploy.simulation.verdict import Verdict
from schemas.units import MINUTE_S

RESULT_FILE: Final = "result.json"
REPORT_FILE: Final = "report.html"


def write(folder: Path, scenario: Scenario, run: Run, verdict: Verdict) -> None:
    """Write `report.html`, `result.json` and the scenario's CSV files.

    Raises:
        OSError: If the folder or a file can't be written.
    """
    write_whole(folder / RESULT_FILE, verdict.model_dump_json(indent=2) + "\n")
    for name, table in scenario.tables(run).items():
        pacsv.write_csv(table, folder / f"{name}.csv")
    begin = datetime.fromtimestamp(verdict.first_minute, UTC)
    write_whole(
        folder / REPORT_FILE,
        template("page.html.jinja", Path(__file__).parent).render(
            scenario=scenario,
            verdict=verdict,
            begin=begin,
            until=datetime.fromtimestamp(verdict.first_minute + verdict.minutes * MINUTE_S, UTC),
            pictures=list(scenario.draw(run)),
            colors=COLORS,
        ),
    )
