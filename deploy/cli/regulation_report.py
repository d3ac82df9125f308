"""`smatrix simulate regulation`: one grid without control, by the simplest rule, and by ours."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.destinations import require_folder
from deploy.cli.load import Seed
from deploy.cli.sizes import Communities, Days, Households, require_day
from deploy.cli.terminals import Delayed, Lost, Refused, terminal_rates
from deploy.regulation.playing import CONNECTION_PERCENT, Setting
from deploy.regulation.reporting import as_table, report_of, write
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from streams.policies import regulation_policy
from streams.settings import ConfigurationError, get_settings


def regulation_report(  # noqa: PLR0913 - options of a command
    *,
    households: Households = 1_000,
    communities: Communities = 4,
    days: Days = 15,
    heaters: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of households with a switched heater.")
    ] = 0.9,
    connection: Annotated[
        int, typer.Option(min=1, help="Percent of the most drawn without heaters that it bears.")
    ] = CONNECTION_PERCENT,
    delayed: Delayed = 0.0,
    lost: Lost = 0.0,
    refused: Refused = 0.0,
    seed: Seed = 1,
    start: Annotated[datetime, typer.Option(help="First day, UTC.")] = datetime(2025, 1, 13),  # noqa: DTZ001 - as typer reads it
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("out/regulation"),
) -> None:
    """Play a fortnight without control, by the simplest rule and by ours, and compare them.

    No broker: the rules of the worker on the grid that answers. The first day is left out.
    """
    if households < communities:
        raise ConfigurationError(
            f"--households {households} must be at least --communities {communities}"
        )
    require_day("--start", start)
    require_folder("--out", out)
    setting = Setting(
        communities=communities,
        households=households,
        days=days,
        seed=seed,
        start=start.replace(tzinfo=UTC),
        profiles=read_profiles([SHIPPED_PROFILE]),
        heater_share=heaters,
        rates=terminal_rates(delayed=delayed, lost=lost, refused=refused),
    )

    def said(rule: str, done: int) -> None:
        typer.echo(f"{rule}: days={done}/{days}", err=True)

    report = report_of(
        setting,
        regulation_policy(get_settings()),
        connection_percent=connection,
        on_progress=said,
    )
    write(report, out)
    typer.echo(as_table(report))
    typer.echo(f"written to {out}: result.json, table.md, regulation.png")
