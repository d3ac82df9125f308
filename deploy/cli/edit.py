"""`smatrix edit`: putting a reading right by hand."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer

from deploy.edit import EditError, edit_reading
from deploy.registry.files import minute_of
from deploy.registry.store import answering
from schemas.metering import MOST_BY, MOST_REASON, Edit
from streams import clock
from streams.settings import ConfigurationError, get_settings

Energy = Annotated[float | None, typer.Option(min=0, help="Wh; left out: stays as it is.")]


def edit(  # noqa: PLR0913 - what it was, who says so, and why
    meter: Annotated[str, typer.Argument(metavar="METER")],
    *,
    at: Annotated[str, typer.Option(help="The minute, as in 2026-01-01T00:00Z.")],
    by: Annotated[str, typer.Option(help="Who answers for it.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    consumption_wh: Energy = None,
    production_wh: Energy = None,
    battery_charge_wh: Energy = None,
    battery_discharge_wh: Energy = None,
) -> None:
    """Say what a meter measured in a minute; it stands until a later edit, whatever comes from it.

    The minute gets a version like any other, and who did it and why is kept (`reading_edits`).
    """
    given = {
        "consumption": consumption_wh,
        "production": production_wh,
        "battery_charge": battery_charge_wh,
        "battery_discharge": battery_discharge_wh,
    }
    energies_wh = {name: wh for name, wh in given.items() if wh is not None}
    if not energies_wh:
        raise ConfigurationError(
            "nothing to edit: give at least one energy, as in --consumption-wh 8.333"
        )
    if not (0 < len(by) <= MOST_BY and 0 < len(reason) <= MOST_REASON):
        raise ConfigurationError(f"--by has 1 to {MOST_BY} characters, --reason 1 to {MOST_REASON}")
    settings, minute = get_settings(), minute_of(at)
    if minute > clock.epoch_now() + settings.max_ahead.total_seconds():
        raise EditError(
            f"--at {at} lies more than SMATRIX_MAX_AHEAD={settings.max_ahead} ahead of the clock"
        )
    with answering(settings):
        sent = asyncio.run(
            edit_reading(settings, meter, minute, energies_wh, Edit(by=by, reason=reason))
        )
    typer.echo(json.dumps(asdict(sent)))
