"""The state machine of a battery: what it takes and gives in a period under an order.

Energy is whole mWh. Of what is charged, a percentage reaches the store; discharging draws one for
one, so that percentage is the efficiency of the round trip. Compiled, since a plan asks it some
hundred thousand times; `tests/unit/domain/test_batteries.py` has its laws.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas.batteries import BatteryMode
from schemas.units import PERIOD_S
from streams.compiled import compiled

PERCENT: Final = 100
MWH_OF_A_WATT: Final = 1000 * PERIOD_S // 3600
"""What a watt comes to in a settlement period, mWh."""

AUTO, HOLD, CHARGE, DISCHARGE = range(4)
MODES: Final = (BatteryMode.AUTO, BatteryMode.HOLD, BatteryMode.CHARGE, BatteryMode.DISCHARGE)
"""By the numbers above."""


class BatteryError(ValueError):
    """A battery that can't be; the text names the numbers and their unit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Battery:
    """What a household's battery can do.

    Attributes:
        capacity: mWh that it stores.
        reserve: mWh that stay in it, for a failure of the grid.
        charge_most: mWh that it takes in a period.
        discharge_most: mWh that it gives in a period.
        efficiency_percent: Of what is charged, so much can be discharged.
    """

    capacity: int
    reserve: int
    charge_most: int
    discharge_most: int
    efficiency_percent: int

    def __post_init__(self) -> None:
        """Refuse levels and powers between which there is nothing."""
        if not 0 <= self.reserve <= self.capacity:
            raise BatteryError(
                f"reserve={self.reserve} must lie in 0..capacity={self.capacity}, both mWh"
            )
        if min(self.charge_most, self.discharge_most) < 0:
            raise BatteryError(
                f"charge_most={self.charge_most} and discharge_most={self.discharge_most} must "
                f"not be negative, both mWh"
            )
        if not 0 < self.efficiency_percent <= PERCENT:
            raise BatteryError(f"efficiency_percent={self.efficiency_percent} must lie in 1..100")


class Order(NamedTuple):
    """What a battery shall do: a mode, and in CHARGE and DISCHARGE how much at the grid, mWh."""

    mode: int = AUTO
    grid: int = 0


class Moved(NamedTuple):
    """What a battery took and gave in a period, and its level after it, mWh."""

    charge: int
    discharge: int
    level: int


def follow(order: Order, level: int, net: int, *, battery: Battery) -> Moved:
    """Return what a battery does in a period under an order.

    Args:
        order: What it shall do.
        level: At the period's start, mWh.
        net: Consumption less production of the household in the period, mWh.
        battery: What it can do.
    """
    return Moved(*move(order.mode, order.grid, level, net, *limits(battery)))


def limits(battery: Battery) -> tuple[int, int, int, int, int]:
    """Return a battery as compiled functions take it."""
    return (
        battery.capacity,
        battery.reserve,
        battery.charge_most,
        battery.discharge_most,
        battery.efficiency_percent,
    )


@compiled
def move(  # noqa: PLR0913, PLR0917 - numbers alone, as the compiler likes them
    mode: int,
    grid: int,
    level: int,
    net: int,
    capacity: int,
    reserve: int,
    charge_most: int,
    discharge_most: int,
    efficiency_percent: int,
) -> tuple[int, int, int]:
    """Return charge, discharge and the level after a period; see `follow`."""
    takes, gives = 0, 0
    if net < 0 and mode in (AUTO, CHARGE):
        takes = -net
    if net > 0 and mode in (AUTO, DISCHARGE):
        gives = net
    if mode == CHARGE:
        takes += grid
    if mode == DISCHARGE:
        gives += grid
    if takes:
        room = max(capacity - level, 0) * PERCENT // efficiency_percent
        takes = min(takes, charge_most, room)
        level += takes * efficiency_percent // PERCENT
    if gives:
        gives = min(gives, discharge_most, max(level - reserve, 0))
        level -= gives
    return takes, gives, level
