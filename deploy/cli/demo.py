"""`smatrix demo`: a day of thousands of meters through the whole system, held against the truth."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from deploy.cli.check import connect
from deploy.cli.destinations import require_folder
from deploy.cli.load import (
    DAY_MINUTES,
    DEFAULT_DAY,
    Faults,
    Profiles,
    Seed,
    rates,
)
from deploy.cli.progress import ProgressDisplay, print_summary
from deploy.cli.simulate import play
from deploy.cli.sizes import Communities, Households, Minutes, require_day
from deploy.cli.up import keep_up, print_addresses, stop_on_signals
from deploy.demonstration import Demonstration
from deploy.embedded.system import EmbeddedSystem
from deploy.report.page import write_report
from deploy.report.result import DemoResult, write_result
from deploy.simulation.production import PRODUCTION
from deploy.simulation.scenario import Options
from load_generator.plan import Plan
from load_generator.profiles import SHIPPED_PROFILE
from streams import clock
from streams.settings import get_settings

ANSWERING_MINUTES: Final = 120

_SHOWN_PACKAGES: Final = (
    "smatrix-grid",
    "faust-streaming",
    "aiokafka",
    "rocksdict",
    "chdb",
    "clickhouse-connect",
)


def demo(  # noqa: PLR0913 - options of a command
    *,
    communities: Communities = 40,
    households: Households = 2_000,
    minutes: Minutes = DAY_MINUTES,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Which day is played, UTC.")
    ] = None,
    profiles: Profiles = None,
    seed: Seed = 1,
    faults: Faults = "some",
    out: Annotated[Path, typer.Option(help="Folder for result.json and report.html.")] = Path(
        "out/demo"
    ),
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the system running; no grid that answers.")
    ] = False,
    answering_minutes: Annotated[
        int,
        typer.Option(min=0, help="How long a grid that answers is played afterwards; 0: not."),
    ] = ANSWERING_MINUTES,
) -> None:
    """Play a day through the embedded system, compare ClickHouse with the truth, and report.

    And then some hours of a grid that answers: production follows demand.
    """
    start = day or DEFAULT_DAY
    require_day("--day", start)
    require_folder("--out", out)
    plan = Plan(
        communities=communities,
        households=households,
        seed=seed,
        start=start.replace(tzinfo=UTC),
        minutes=minutes,
        profiles=tuple(profiles or (SHIPPED_PROFILE,)),
        faults=rates(faults),
    )
    settings = get_settings()
    console = Console(soft_wrap=True, highlight=False)
    stop_on_signals()
    started_at, first, suspects = clock.utc_now(), plan.start, plan.suspects()
    load = {
        "--communities": str(communities),
        "--households": str(households),
        "--minutes": str(minutes),
        "--seed": str(seed),
        "--faults": faults,
        "--start": first.strftime("%Y-%m-%dT%H:%M:%S"),
    }
    console.print("Starting broker, ClickHouse and workers …")
    with EmbeddedSystem(settings, out / "system", wipe=True, mail_folder=out / "mail") as system:
        client, database = connect(settings), settings.clickhouse_database
        start_s = (clock.utc_now() - started_at).total_seconds()
        with ProgressDisplay(console, minutes=minutes * communities) as display:
            run = Demonstration(
                system, client, database, load, tuple(profiles or ()), suspects, display.show
            )
            run.phases_s["start"] = start_s
            comparison = run.run()
        result = DemoResult(
            started_at=started_at,
            first_minute=first,
            minutes=minutes,
            seed=seed,
            faults=faults,
            communities=communities,
            households=households,
            machine=f"{platform.machine()}, {platform.system()}",
            **run.figures(comparison),
            mails=len(system.mails),
            versions={name: version(name) for name in _SHOWN_PACKAGES}
            | {"Python": platform.python_version()},
        )
        write_result(out, result)
        write_report(out, result, client, database, run.samples)
        print_summary(console, result, out)
        if keep and result.exact:
            print_addresses(console, system, settings)
            console.print("\nCtrl-C stops everything.")
            keep_up(system)
    if not result.exact:
        raise typer.Exit(1)
    if keep or not answering_minutes:
        return
    console.print()
    options = Options(
        communities=communities,
        households=households,
        minutes=answering_minutes,
        seed=seed,
        profiles=tuple(profiles or ()),
    )
    folder = out / PRODUCTION.name
    if not play(PRODUCTION, options, folder, settings=settings, console=console).passed:
        raise typer.Exit(1)
