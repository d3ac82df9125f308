"""What the reports on a simulated month with known faults are asked for."""

from collections.abc import Callable
from typing import Annotated, Final

import typer

from load_generator.meter_faults import METER_FAULT_RATES, MeterFaultRates
from streams.settings import ConfigurationError

_WORDS: Final = ", ".join(METER_FAULT_RATES)

Seed = Annotated[int, typer.Option(min=0, help="Same seed, same month.")]
MeterFaults = Annotated[str, typer.Option(help=f"One of: {_WORDS}.")]


def rates_of(meter_faults: str, *, households: int, communities: int) -> MeterFaultRates:
    """Return how often meters are at fault in a month that was asked for.

    Raises:
        ConfigurationError: If there is no such month.
    """
    if meter_faults not in METER_FAULT_RATES:
        raise ConfigurationError(f"--meter-faults {meter_faults!r} is not one of: {_WORDS}")
    if households < communities:
        raise ConfigurationError(
            f"--households {households} must be at least --communities {communities}"
        )
    return METER_FAULT_RATES[meter_faults]


def progress(communities: int) -> Callable[[int], None]:
    """Return what says how many of the communities are done."""
    return lambda done: typer.echo(f"communities={done}/{communities}", err=True)
