"""`smatrix malfunction-report`: which faults of a seeded month get tickets, and how soon."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.destinations import require_folder
from deploy.cli.seeded_month import MeterFaults, Seed, progress, rates_of
from deploy.cli.sizes import Communities, Days, Households
from deploy.malfunction.reporting import as_table, report_of, write
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from streams.policies import malfunction_policy
from streams.settings import get_settings


def malfunction_report(  # noqa: PLR0913 - options of a command
    *,
    households: Households = 120,
    communities: Communities = 12,
    days: Days = 30,
    seed: Seed = 1,
    meter_faults: MeterFaults = "some",
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("out/malfunction"),
) -> None:
    """Open tickets in a simulated month whose faults are known; report found, missed and false."""
    rates = rates_of(meter_faults, households=households, communities=communities)
    require_folder("--out", out)
    report = report_of(
        read_profiles([SHIPPED_PROFILE]),
        rates,
        households=households,
        communities=communities,
        days=days,
        seed=seed,
        policy=malfunction_policy(get_settings()),
        on_progress=progress(communities),
    )
    write(report, out)
    typer.echo(as_table(report))
    typer.echo(f"written to {out}: result.json, table.md")
