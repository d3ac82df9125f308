"""What the grid asks a community to shed: which version of an order counts when.

The grid's minutes are known before those of a community that has to wait for a meter. So what the
grid asks now begins after the minute that the community decides on next, and what it asked before
is still needed for that: a version takes the place of those before from its own begin on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from schemas.regulation import Level

_KEPT_S: Final = 3600
"""Orders that ended so long before the newest one begins are forgotten, decided on or not."""


@dataclass(frozen=True, slots=True)
class Deficit:
    """What the grid asks a community to shed, from `valid_from` until `valid_until`, epoch s.

    Either `shed_w` less than it would draw, or no more than `target_w`.
    """

    order_id: str
    version: int
    valid_from: int
    valid_until: int
    shed_w: int | None
    target_w: int | None
    level: Level = Level.NORMAL

    def replaces(self, other: "Deficit", *, at: int) -> bool:
        """Say whether at a time, and ever after, this is what counts of the two."""
        is_later = self.order_id == other.order_id and self.version >= other.version
        return is_later and self.valid_from <= at


def asked_at(orders: tuple[Deficit, ...], at: int) -> Iterator[Deficit]:
    """Yield what counts at a time: of each order the newest version that has begun."""
    begun = [one for one in orders if one.valid_from <= at]
    for one in begun:
        is_last = not any(other is not one and other.replaces(one, at=at) for other in begun)
        if is_last and at < one.valid_until:
            yield one


def with_order(orders: tuple[Deficit, ...], new: Deficit, *, decided: int) -> tuple[Deficit, ...]:
    """Return the orders with a new one; the very same when that says nothing new.

    Args:
        orders: Those that are kept: of each the newest version, and those that count until then.
        new: Another version of one of them, or another order.
        decided: No time before this one is asked for any more, epoch seconds.
    """
    if any(known.replaces(new, at=new.valid_from) for known in orders):
        return orders
    known = (*orders, new)
    kept = tuple(
        one
        for one in known
        if one.valid_until > new.valid_from - _KEPT_S
        and not any(
            other is not one and other.replaces(one, at=max(decided, one.valid_from))
            for other in known
        )
    )
    return orders if kept == orders else kept
