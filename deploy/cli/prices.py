"""`smatrix prices`: what energy costs on the day-ahead market, from files onto the broker."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from deploy.prices.files import read_claims
from deploy.prices.store import import_claims
from deploy.registry.faults import require_none
from deploy.registry.store import answering
from streams import clock
from streams.settings import get_settings

prices = typer.Typer(help="Import the prices of the day-ahead market.", no_args_is_help=True)


@prices.callback()
def _group() -> None:
    """Keep `import` a command of its own, though it is the only one."""


@prices.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV with the columns start, minutes, price_eur_per_mwh.")
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")
    ] = False,
) -> None:
    """Write a file's prices; when anything in it is wrong, list all of that and write nothing.

    Prices that are known and not in the file stay.
    """
    settings = get_settings()
    claims = read_claims(file)
    with answering(settings):
        # What is wrong between lines is asked too, so that all faults are listed at once.
        result = asyncio.run(
            import_claims(
                settings,
                claims.sound,
                now_ms=int(clock.epoch_now() * 1000),
                dry_run=dry_run or bool(claims.faults),
            )
        )
    require_none(file, [*claims.faults, *result.faults], otherwise="nothing was written")
    counts = {"new": result.added, "changed": result.changed, "unchanged": result.unchanged}
    typer.echo(json.dumps(counts))
