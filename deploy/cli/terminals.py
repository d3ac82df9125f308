"""How badly a simulated grid's terminals behave, as options of commands."""

from typing import Annotated

import typer

from load_generator.world.terminals import TerminalRates
from streams.settings import ConfigurationError

Delayed = Annotated[
    float, typer.Option(min=0, max=1, help="Share of directives obeyed 1 to 4 min late.")
]
Lost = Annotated[float, typer.Option(min=0, max=1, help="Share of directives lost.")]
Refused = Annotated[
    float, typer.Option(min=0, max=1, help="Share of directives to switches that is refused.")
]


def terminal_rates(*, delayed: float, lost: float, refused: float) -> TerminalRates:
    """Return the rates that were chosen.

    Raises:
        ConfigurationError: If together they are more than all.
    """
    if delayed + lost + refused > 1:
        raise ConfigurationError(
            f"--delayed {delayed}, --lost {lost} and --refused {refused} must be at most 1 together"
        )
    return TerminalRates(delayed=delayed, lost=lost, refused=refused)
