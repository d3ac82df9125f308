"""`smatrix ev-report`: what planning vehicles is worth, in a seeded night."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.destinations import require_folder
from deploy.cli.sizes import MOST_HOUSEHOLDS, Communities
from deploy.ev_charging.nights import a_night
from deploy.ev_charging.page import as_table, write
from deploy.ev_charging.strategies import compare
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from streams.domain.ev_charging_planning import Tolerance


def ev_report(  # noqa: PLR0913 - options of a command
    *,
    vehicles: Annotated[
        int, typer.Option(min=1, max=MOST_HOUSEHOLDS, help="Number of vehicles.")
    ] = 10_000,
    communities: Communities = 500,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same night.")] = 1,
    limit_factor: Annotated[
        float,
        typer.Option(
            min=1.0, help="How many times its highest load without vehicles a connection bears."
        ),
    ] = 2.0,
    gap_percent: Annotated[
        float, typer.Option(min=0.0001, max=50, help="When a plan is good enough.")
    ] = 1.0,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("out/ev"),
) -> None:
    """Plan a night of vehicles, and compare with charging at plug-in, late, and in turns."""
    require_folder("--out", out)
    night = a_night(
        read_profiles([SHIPPED_PROFILE]),
        vehicles=vehicles,
        communities=communities,
        seed=seed,
        limit_factor=limit_factor,
    )
    outcomes = compare(night, tolerance=Tolerance(gap=gap_percent / 100, sweeps=100))
    options = {
        "vehicles": vehicles,
        "communities": communities,
        "seed": seed,
        "limit_factor": limit_factor,
        "gap_percent": gap_percent,
    }
    write(night, outcomes, out, options=options)
    typer.echo(as_table(outcomes))
    typer.echo(f"written to {out}: result.json, table.md, night.png")
