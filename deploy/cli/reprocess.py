"""`smatrix reprocess`: counting what was refused before its meter was registered."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer

from deploy.cli.check import asking, connect
from deploy.registry.store import answering
from deploy.reprocess import reprocess as send_again
from streams.settings import get_settings


def reprocess(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")
    ] = False,
) -> None:
    """Send refused readings again whose meters have been registered since; doing it twice is safe.

    The answer counts readings: sent; waiting, as what is registered still does not fit them;
    too_old, as they lie outside the windows; cut, as their frame was too long to be kept whole.
    """
    settings = get_settings()
    with answering(settings), asking(settings):
        outcome = asyncio.run(send_again(settings, connect(settings), dry_run=dry_run))
    typer.echo(json.dumps(asdict(outcome)))
