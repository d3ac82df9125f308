"""`smatrix forecast-report`: how far forecasts of net load are off, on profiles of your own."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.destinations import require_folder
from deploy.forecast.page import as_tables, write
from deploy.forecast.reporting import report_of
from load_generator.profiles import SHIPPED_PROFILE
from streams.forecast_model import read_model


def forecast_report(
    *,
    profiles: Annotated[
        Path, typer.Option(help="CSV or CSV.gz with SimBench columns; two days or more.")
    ] = SHIPPED_PROFILE,
    fortnight: Annotated[
        list[datetime] | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="First day of a fortnight to be judged alone; may be given again.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same households.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("out/forecast"),
) -> None:
    """Forecast the net load of households, communities and a grid, and report skill and MASE.

    The fleet is made of the file's profiles. Forecasts know what the file has before their origin,
    and nothing after it.
    """
    require_folder("--out", out)
    said = 0

    def say(done: int, origins: int) -> None:
        nonlocal said
        if (tenth := 10 * done // origins) > said:
            said = tenth
            typer.echo(f"origins={done}/{origins}", err=True)

    report = report_of(
        profiles,
        read_model(),
        seed=seed,
        fortnights=[day.date() for day in fortnight or []],
        on_progress=say,
    )
    write(report, out)
    typer.echo(as_tables(report))
    typer.echo(f"written to {out}: result.json, table.md, skill.png, day.png")
