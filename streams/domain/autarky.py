"""How much of its own sun a household used in a period, and where its battery's energy came from.

Energy is whole mWh throughout, so nothing is lost or made on the way.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from schemas.units import PERIOD_MINUTES

PERCENT: Final = 100


class Flows(NamedTuple):
    """What a household's meter measured in a period, mWh; None: never measured in it.

    `measured_minutes` are those with a consumption.
    """

    consumption: int | None
    production: int | None
    charge: int | None
    discharge: int | None
    measured_minutes: int

    @property
    def is_whole(self) -> bool:
        """Whether the period was measured throughout."""
        return self.consumption is not None and self.measured_minutes >= PERIOD_MINUTES


class Ledger(NamedTuple):
    """What a battery holds, mWh, by origin."""

    solar: int = 0
    grid: int = 0


class Figures(NamedTuple):
    """A household's period that was measured throughout, mWh.

    Attributes:
        production: None without panels.
        solar_used: Of its own sun, at once or from the battery, into its loads.
        self_consumed: Of its production, used at once or stored.
        surplus: Of its production, neither used nor stored.
        need: Of its consumption, neither met by its panels nor by its battery.
    """

    consumption: int
    production: int | None
    solar_used: int
    self_consumed: int
    surplus: int
    need: int


class Sums(NamedTuple):
    """The same for a community; `production` counts those without panels as 0."""

    consumption: int
    production: int
    solar_used: int
    self_consumed: int
    surplus: int
    need: int

    @property
    def shared(self) -> int:
        """What some had left and others lacked, in the same period."""
        return min(self.surplus, self.need)


def settle(
    flows: Flows, ledger: Ledger, *, efficiency_percent: int
) -> tuple[Figures | None, Ledger]:
    """Return a period's figures, and what the battery holds after it.

    The sun serves the load first, then the battery; what else is charged came from the grid. Of
    what is charged, `efficiency_percent` reaches the store. Discharging draws pro rata from both
    origins and serves the load first; what the ledger does not know of counts as the grid's.

    The figures are None when the period was not measured throughout. The ledger takes what was
    measured in any case.

    >>> solar = Flows(1_000, 4_000, 2_000, 0, 15)
    >>> settle(solar, Ledger(), efficiency_percent=90)[1]
    Ledger(solar=1800, grid=0)
    >>> night = Flows(1_000, 0, 0, 1_000, 15)
    >>> figures, _ = settle(night, Ledger(solar=1_500, grid=500), efficiency_percent=90)
    >>> figures.solar_used, figures.need
    (750, 0)
    """
    consumption, production = flows.consumption or 0, flows.production or 0
    charge, discharge = flows.charge or 0, flows.discharge or 0
    pv_to_load = min(production, consumption)
    pv_to_battery = min(charge, production - pv_to_load)
    if charge:
        ledger = _charged(ledger, charge, pv_to_battery, efficiency_percent)
    battery_to_load = min(discharge, consumption - pv_to_load)
    solar_to_load = 0
    if discharge:
        solar_drawn, ledger = _drawn(ledger, discharge)
        solar_to_load = solar_drawn * battery_to_load // discharge
    if not flows.is_whole:
        return None, ledger
    self_consumed = pv_to_load + pv_to_battery
    figures = Figures(
        consumption,
        flows.production,
        pv_to_load + solar_to_load,
        self_consumed,
        production - self_consumed,
        consumption - pv_to_load - battery_to_load,
    )
    return figures, ledger


def _charged(ledger: Ledger, charge: int, from_sun: int, efficiency_percent: int) -> Ledger:
    stored = charge * efficiency_percent // PERCENT
    solar = from_sun * efficiency_percent // PERCENT
    # What rounding leaves is the grid's, and nothing when all came from the sun.
    return Ledger(ledger.solar + solar, ledger.grid + stored - solar)


def _drawn(ledger: Ledger, discharge: int) -> tuple[int, Ledger]:
    """Return how much of a discharge is the sun's, and the rest of the ledger."""
    known = ledger.solar + ledger.grid
    drawn = min(discharge, known)
    solar = drawn * ledger.solar // known if known else 0
    return solar, Ledger(ledger.solar - solar, ledger.grid - (drawn - solar))


def sums_of(households: Iterable[Figures | None]) -> Sums | None:
    """Return a community's sums; None when a household was not measured throughout, or none is."""
    consumption = production = solar_used = self_consumed = surplus = need = 0
    has_any = False
    for figures in households:
        if figures is None:
            return None
        has_any = True
        consumption += figures.consumption
        production += figures.production or 0
        solar_used += figures.solar_used
        self_consumed += figures.self_consumed
        surplus += figures.surplus
        need += figures.need
    if not has_any:
        return None
    return Sums(consumption, production, solar_used, self_consumed, surplus, need)


def self_sufficiency(figures: Figures | Sums | None) -> float | None:
    """Return the share of the consumption met by one's own sun, a community's neighbours included.

    None when it is not defined: nothing was consumed, or data is missing.

    >>> self_sufficiency(Figures(1_000, 800, 800, 800, 0, 200))
    0.8
    """
    if figures is None or not figures.consumption:
        return None
    return own_of(figures) / figures.consumption


def self_consumption(figures: Figures | Sums | None) -> float | None:
    """Return the share of the production that was used or stored, by neighbours included.

    None when it is not defined: nothing was produced, or data is missing.

    >>> self_consumption(Figures(1_000, 4_000, 1_000, 3_000, 1_000, 0))
    0.75
    """
    if figures is None or not figures.production:
        return None
    shared = figures.shared if isinstance(figures, Sums) else 0
    return (figures.self_consumed + shared) / figures.production


def own_of(figures: Figures | Sums) -> int:
    """Return the consumption that is met without the grid, mWh."""
    return figures.solar_used + (figures.shared if isinstance(figures, Sums) else 0)
