"""`smatrix explain`: what lies behind a figure."""

import asyncio
from typing import Annotated

import typer

from deploy.cli.check import asking, connect
from deploy.explain.gathering import explain as look_up
from deploy.explain.text import as_text
from deploy.registry.files import minute_of
from deploy.registry.store import answering
from schemas.units import PERIOD_S
from streams.settings import ConfigurationError, get_settings


def explain(
    meter: Annotated[str, typer.Argument(metavar="METER")],
    period: Annotated[
        str, typer.Argument(metavar="PERIOD", help="Its start, as in 2026-01-01T00:15Z.")
    ],
) -> None:
    """Show what lies behind a household's quarter-hour, as far as it is kept.

    The figure and its versions, the readings as they came, what was refused and why, edits.
    """
    start = minute_of(period, named="PERIOD")
    if start % PERIOD_S:
        raise ConfigurationError(
            f"PERIOD {period} is not the start of a quarter-hour, as in 2026-01-01T00:15Z"
        )
    settings = get_settings()
    with answering(settings), asking(settings):
        found = asyncio.run(look_up(settings, connect(settings), meter, start))
    typer.echo(as_text(found), nl=False)
