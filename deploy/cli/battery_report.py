"""`smatrix battery-report`: what batteries save in a year of generated households, by each rule."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.batteries.page import as_table, write
from deploy.batteries.reporting import report_of
from deploy.batteries.year import everybody
from deploy.cli.destinations import require_folder
from deploy.cli.sizes import MOST_DAYS, Communities, Households, require_day
from load_generator.fleet import Fleet
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from streams.policies import battery_policy
from streams.settings import ConfigurationError, get_settings


def battery_report(  # noqa: PLR0913 - options of a command
    *,
    households: Households = 60,
    communities: Communities = 2,
    start: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day.")
    ] = datetime(2016, 1, 1),  # noqa: DTZ001 - a local day
    days: Annotated[
        int, typer.Option(min=1, max=MOST_DAYS, help="Length of the simulated time.")
    ] = 366,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same households and prices.")] = 1,
    all_have_one: Annotated[
        bool, typer.Option("--everybody", help="Give every household a battery.")
    ] = False,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Also plan as if the sun, or the loads, were known.")
    ] = False,
    profiles: Annotated[
        list[Path] | None, typer.Option(help="Files with load shapes; several are one.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("out/batteries"),
) -> None:
    """Play batteries by each rule on made-up prices; report savings, cycles, regret and peaks."""
    require_day("--start", start)
    require_folder("--out", out)
    fleet = Fleet.build(
        communities=communities,
        households=households,
        seed=seed,
        profiles=read_profiles(profiles or [SHIPPED_PROFILE]),
    )
    if all_have_one:
        fleet = everybody(fleet)
    if not len(fleet.battery):
        raise ConfigurationError(
            f"--households {households} --seed {seed}: nobody has a battery among them; take more"
        )

    def said(what: str) -> None:
        typer.echo(what, err=True)

    report = report_of(
        fleet,
        battery_policy(get_settings()),
        first=start.date(),
        days=days,
        seed=seed,
        ablation=ablation,
        on_progress=said,
    )
    write(report, out)
    typer.echo(as_table(report))
    typer.echo(f"written to {out}: result.json, table.md, grid.png, battery.png")
