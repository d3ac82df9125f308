"""What is known of each plant: what it told last, what it was told, and whether it obeys."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from schemas.production import PlantMinute
from schemas.registry import Plant
from schemas.units import MINUTE_S
from streams.domain.communities import NEVER
from streams.domain.production import VOLATILE, Order, ProductionPolicy, Unit
from streams.domain.registry_stays import is_valid

_ORDERS_KEPT: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantState:
    """A plant that has reported at least once.

    Attributes:
        last: What it told of its newest minute.
        expected_w: By the minute from which an order held, what it would give of it.
        held_w: What it was ordered last.
        judged: The newest minute that has been held against its orders.
        missed: So many minutes in a row it was elsewhere than ordered.
        followed: So many in a row it was where it was ordered.
        disobeys: Whether it is not counted on to follow.
    """

    last: PlantMinute
    expected_w: dict[int, int] = field(default_factory=dict)
    held_w: int = 0
    judged: int = NEVER
    missed: int = 0
    followed: int = 0
    disobeys: bool = False


def told(state: PlantState | None, minute: PlantMinute) -> PlantState:
    """Return a plant that has told a minute; the newest one stands, of that the highest version."""
    if state is None:
        return PlantState(last=minute)
    last = state.last
    if (minute.minute, minute.version) <= (last.minute, last.version):
        return state
    return replace(state, last=minute)


def judged(state: PlantState, plant: Plant, policy: ProductionPolicy) -> PlantState:
    """Return a plant whose newest minute has been held against what it was ordered.

    An order comes while the minute that it begins with runs already, so a plant obeys when it is
    anywhere between where the order before and the one then would have brought it.
    """
    last = state.last
    if last.minute <= state.judged:
        return state
    before = state.expected_w.get(last.minute - MINUTE_S)
    then = state.expected_w.get(last.minute)
    if before is None or then is None or last.out_of_service:
        return replace(state, judged=last.minute)
    tolerance = plant.capacity_w * policy.tolerance_percent / 100
    lowest = min(before, then, last.available_w) - tolerance
    obeys = lowest <= last.production_w <= max(before, then) + tolerance
    missed = 0 if obeys else state.missed + 1
    followed = state.followed + 1 if obeys else 0
    if state.disobeys:
        disobeys = followed < policy.disobeying_minutes
    else:
        disobeys = missed >= policy.disobeying_minutes
    return replace(state, judged=last.minute, missed=missed, followed=followed, disobeys=disobeys)


def ordered(state: PlantState, order: Order, before: Unit, *, valid_from: int) -> PlantState:
    """Return a plant that has been given an order; `before`: as it stood.

    What it would give of the order if it followed is what it is held against, whether or not it is
    counted on to follow.
    """
    due = replace(before, follows=True, is_known=True).reach(order.ordered_w)
    expected = dict(sorted({**state.expected_w, valid_from: due}.items()))
    while len(expected) > _ORDERS_KEPT:
        del expected[min(expected)]
    return replace(state, expected_w=expected, held_w=order.ordered_w)


def unit(state: PlantState, plant: Plant, *, at: int, policy: ProductionPolicy) -> Unit:
    """Return a plant as it stands at the end of a minute (epoch s).

    One that has been silent for a while is taken to be where it was, and after a longer while to
    give nothing: that is the safe side.
    """
    last = state.last
    silent_minutes = (at - last.minute) // MINUTE_S
    is_lost = silent_minutes > policy.lost_minutes
    production = min(last.production_w, plant.capacity_w)
    return Unit(
        plant_id=plant.plant_id,
        minimum_w=plant.minimum_w,
        maximum_w=min(last.available_w, plant.capacity_w),
        ramp_w=plant.ramp_w_per_minute,
        now_w=0 if is_lost else production,
        held_w=state.held_w if state.expected_w else production,
        cost_eur_per_mwh=plant.cost_eur_per_mwh
        if plant.source not in VOLATILE
        else plant.cost_eur_per_mwh or Decimal(0),
        co2_g_per_kwh=plant.co2_g_per_kwh,
        is_volatile=plant.source in VOLATILE,
        follows=not state.disobeys,
        is_known=silent_minutes <= policy.silent_minutes,
        in_service=not last.out_of_service,
    )


def serving(plants: Iterable[Plant], *, minute: int) -> dict[str, Plant]:
    """Return the plants that are registered for a minute, by id."""
    return {plant.plant_id: plant for plant in plants if is_valid(plant, minute)}
