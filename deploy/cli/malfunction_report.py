"""`smatrix malfunction-report`: which faults of a seeded month get tickets, and how soon."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.malfunction.reporting import as_table, report_of, write
from load_generator.meter_faults import METER_FAULT_RATES
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from streams.policies import malfunction_policy
from streams.settings import ConfigurationError, get_settings


def malfunction_report(  # noqa: PLR0913 - options of a command
    *,
    households: Annotated[int, typer.Option(min=1, help="Number of households in all.")] = 120,
    communities: Annotated[int, typer.Option(min=1, help="Number of communities.")] = 12,
    days: Annotated[int, typer.Option(min=2, help="Length of the simulated time.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same month.")] = 1,
    meter_faults: Annotated[
        str, typer.Option(help=f"One of: {', '.join(METER_FAULT_RATES)}.")
    ] = "some",
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("out/malfunction"),
) -> None:
    """Open tickets in a simulated month whose faults are known; report found, missed and false."""
    if meter_faults not in METER_FAULT_RATES:
        words = ", ".join(METER_FAULT_RATES)
        raise ConfigurationError(f"--meter-faults {meter_faults!r} is not one of: {words}")
    if households < communities:
        raise ConfigurationError(
            f"--households {households} must be at least --communities {communities}"
        )

    def said(done: int) -> None:
        typer.echo(f"communities={done}/{communities}", err=True)

    report = report_of(
        read_profiles([SHIPPED_PROFILE]),
        METER_FAULT_RATES[meter_faults],
        households=households,
        communities=communities,
        days=days,
        seed=seed,
        policy=malfunction_policy(get_settings()),
        on_progress=said,
    )
    write(report, out)
    typer.echo(as_table(report))
    typer.echo(f"written to {out}: result.json, table.md")
