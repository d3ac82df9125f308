"""What devices are told to do, as numbers, and as arrays of a minute."""

from dataclasses import dataclass
from enum import IntEnum

from load_generator.fleet import Fleet, Index
from load_generator.world.terminals import Device, Standing, TerminalRates, Terminals


class Switch(IntEnum):
    """The state of a household's switch for its water heater."""

    AUTO = 0
    OFF = 1
    ON = 2


class Mode(IntEnum):
    """What a battery does; the power comes on top of the household's own surplus or need."""

    AUTO = 0
    HOLD = 1
    CHARGE = 2
    DISCHARGE = 3


@dataclass(frozen=True)
class Commands:
    """What every device follows in a minute; -1: it was told nothing.

    `switch` and `limit_w` are by household: while OFF the heater draws no more than what the rest
    of the household leaves of its limit, and nothing where there is none. `charger_w` is by
    vehicle, `mode` and `battery_w` by battery, `plant_w` by plant.
    """

    switch: Index
    limit_w: Index
    charger_w: Index
    mode: Index
    battery_w: Index
    plant_w: Index

    @classmethod
    def followed(cls, terminals: Terminals) -> "Commands":
        """Return what terminals follow now."""
        switch, charger, battery, plant = (terminals.standing[device] for device in Device)
        return cls(
            switch=switch.what.copy(),
            limit_w=switch.power_w.copy(),
            charger_w=charger.power_w.copy(),
            mode=battery.what.copy(),
            battery_w=battery.power_w.copy(),
            plant_w=plant.power_w.copy(),
        )


def terminals_of(fleet: Fleet, plants: int, rates: TerminalRates) -> Terminals:
    """Return a fleet's terminals, that were told nothing yet."""
    counts = (fleet.households, len(fleet.ev), len(fleet.battery), plants)
    standing = {device: Standing.none(count) for device, count in zip(Device, counts, strict=True)}
    return Terminals(fleet.seed, rates, standing)
