"""`smatrix vee-report`: what validation finds and how far estimates are off, in a seeded month."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.destinations import require_folder
from deploy.cli.seeded_month import MeterFaults, Seed, progress, rates_of
from deploy.cli.sizes import Communities, Days, Households
from deploy.vee.page import as_tables, write
from deploy.vee.reporting import report_of
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from streams.domain.vee import Thresholds


def vee_report(  # noqa: PLR0913 - options of a command
    *,
    households: Households = 300,
    communities: Communities = 12,
    days: Days = 30,
    seed: Seed = 1,
    meter_faults: MeterFaults = "some",
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("out/vee"),
) -> None:
    """Judge a simulated month whose faults are known, and report precision, recall and errors."""
    rates = rates_of(meter_faults, households=households, communities=communities)
    require_folder("--out", out)
    report = report_of(
        read_profiles([SHIPPED_PROFILE]),
        rates,
        households=households,
        communities=communities,
        days=days,
        seed=seed,
        thresholds=Thresholds(),
        on_progress=progress(communities),
    )
    write(report, out)
    typer.echo(as_tables(report))
    typer.echo(f"written to {out}: result.json, table.md, errors.png")
