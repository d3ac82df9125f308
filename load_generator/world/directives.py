"""From what crosses topics to what devices are told, and back to what is answered."""

from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Final, Self

import numpy as np
from pydantic import BaseModel

from load_generator.fleet import Fleet, Index
from load_generator.world.devices import Mode, Switch
from load_generator.world.grid import World
from load_generator.world.terminals import Answer, Device, Order
from schemas.batteries import BatteryDirective
from schemas.ev_charging import ChargeDirective
from schemas.production import ProductionOrder
from schemas.regulation import AckOutcome, DirectiveAck, Level, SwitchDirective

_NOT_SAID: Final = -1
_NOTHING_ELSE: Final = 0


@dataclass(frozen=True)
class Addresses:
    """Where the devices of a world are: each one's index, by the name that directives use."""

    households: dict[str, int]
    batteries: dict[str, int]
    vehicles: dict[str, int]
    plants: dict[str, int]

    @classmethod
    def of(cls, world: World) -> Self:
        """Return a world's."""
        fleet = world.fleet
        return cls(
            households={meter: place for place, meter in enumerate(fleet.meter_ids)},
            batteries=_by_meter(fleet, fleet.battery),
            vehicles=_by_meter(fleet, fleet.ev),
            plants={plant: place for place, plant in enumerate(world.plants.ids)},
        )

    @singledispatchmethod
    def order(self, directive: BaseModel) -> Order:
        """Return the order that a directive is.

        Raises:
            TypeError: If it is no directive that a device follows.
        """
        raise TypeError(f"{type(directive).__name__} is no directive to a device")

    @order.register
    def _(self, directive: SwitchDirective) -> Order:
        return Order(
            device=Device.SWITCH,
            place=self.households.get(directive.meter_id),
            order_id=directive.directive_id,
            rank=directive.minute,
            version=directive.version,
            valid_from=directive.valid_from,
            valid_until=directive.valid_until,
            what=Switch[directive.state],
            power_w=_NOT_SAID if directive.limit_w is None else directive.limit_w,
            is_refusable=directive.level is Level.NORMAL,
        )

    @order.register
    def _(self, directive: ChargeDirective) -> Order:
        return Order(
            device=Device.CHARGER,
            place=self.vehicles.get(directive.meter_id),
            order_id=directive.directive_id,
            rank=directive.valid_from,
            version=directive.version,
            valid_from=directive.valid_from,
            valid_until=directive.valid_until,
            what=_NOTHING_ELSE,
            power_w=directive.power_w,
        )

    @order.register
    def _(self, directive: ProductionOrder) -> Order:
        return Order(
            device=Device.PLANT,
            place=self.plants.get(directive.plant_id),
            order_id=directive.order_id,
            rank=directive.valid_from,
            version=directive.version,
            valid_from=directive.valid_from,
            valid_until=directive.valid_until,
            what=_NOTHING_ELSE,
            power_w=directive.ordered_w,
        )

    @order.register
    def _(self, directive: BatteryDirective) -> Order:
        return Order(
            device=Device.BATTERY,
            place=self.batteries.get(directive.meter_id),
            order_id=directive.directive_id,
            rank=directive.valid_from,
            version=directive.version,
            valid_from=directive.valid_from,
            valid_until=directive.valid_until,
            what=Mode[directive.mode.name],
            power_w=directive.power_w,
        )


def _by_meter(fleet: Fleet, owners: Index) -> dict[str, int]:
    return {fleet.meter_ids[household]: place for place, household in enumerate(owners.tolist())}


def household_of(fleet: Fleet, order: Order) -> int | None:
    """Return the household that an order's device is in; None for a plant or no device."""
    if order.place is None or order.device is Device.PLANT:
        return None
    owners = {
        Device.SWITCH: np.arange(fleet.households),
        Device.CHARGER: fleet.ev,
        Device.BATTERY: fleet.battery,
    }[order.device]
    return int(owners[order.place])


def ack(fleet: Fleet, answer: Answer, minute: int) -> DirectiveAck | None:
    """Return what a terminal says to a directive; None where no terminal was told, as of plants."""
    household = household_of(fleet, answer.order)
    if household is None:
        return None
    return DirectiveAck(
        directive_id=answer.order.order_id,
        community_id=fleet.community_ids[int(fleet.community[household])],
        meter_id=fleet.meter_ids[household],
        minute=minute,
        outcome=AckOutcome.OBEYED if answer.obeyed else AckOutcome.REFUSED,
        detail=answer.detail,
    )
