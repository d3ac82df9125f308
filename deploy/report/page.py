"""The report of a demo run: one HTML page, which needs nothing but itself."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from clickhouse_connect.driver.client import Client
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from deploy.report.days import Days
from deploy.report.files import write_whole
from deploy.report.pictures import draw_all
from deploy.report.result import DemoResult, Sample
from deploy.report.style import COLORS

REPORT_FILE: Final = "report.html"
_HERE: Final = Path(__file__).parent


def write_report(
    out_dir: Path, result: DemoResult, client: Client, database: str, samples: Sequence[Sample]
) -> None:
    """Write `report.html`: a run's figures, and pictures of what ClickHouse holds of it.

    Nothing is written before all of it is there: a failure or an interruption leaves the old
    report, or none. A database without readings makes a report without their pictures.

    Args:
        out_dir: where to; it is made if need be.
        result: the run's figures.
        client: asked for the views of the database.
        database: that of the run, and of no other.
        samples: the run's progress, in the order of time.

    Raises:
        Exception: What the client raises, when ClickHouse does not answer.
        OSError: If the folder or the file can't be written.
    """
    pictures = list(draw_all(Days(client, database), result, samples))
    write_whole(
        out_dir / REPORT_FILE,
        template("page.html.jinja").render(
            result=result,
            until=result.first_minute + timedelta(minutes=result.minutes),
            longest_phase_s=max(result.phases_s.values(), default=0) or 1,
            most_rejected=max(result.rejections.values(), default=0) or 1,
            pictures=pictures,
            colors=COLORS,
        ),
    )


def template(name: str, folder: Path = _HERE) -> Template:
    """Return a folder's template, which may extend those here.

    It has the filter `count`, and fails on what is unknown.
    """
    environment = Environment(
        loader=FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    return environment.get_template(name)
