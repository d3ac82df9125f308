"""Terminals: they take orders, obey them at once or late, lose some and refuse some.

An order holds from a minute to a minute. What becomes of it follows from the seed, its id and how
often it was sent, so whatever else is sent, the same order meets the same fate.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from load_generator.fleet import Index
from schemas.units import MINUTE_S

MOST_DELAY_MINUTES: Final = 4
_LOTS: Final = 1 << 32
_FORGET_S: Final = 3600


class Device(StrEnum):
    """What an order is for."""

    SWITCH = "switch"
    CHARGER = "charger"
    BATTERY = "battery"
    PLANT = "plant"


class Order(NamedTuple):
    """An order for one device, whatever its schema: what a terminal acts on.

    `place` is the device's index among those of its kind (None: there is no such device), `what`
    and `power_w` what it shall do (-1: not said). It holds in [valid_from, valid_until), epoch s.
    Of two the one with the higher `rank` and version is followed, whenever they come. Only what
    `is_refusable` can be refused.
    """

    device: Device
    place: int | None
    order_id: str
    rank: int
    version: int
    valid_from: int
    valid_until: int
    what: int
    power_w: int
    is_refusable: bool = False


class Answer(NamedTuple):
    """What a terminal says to an order; `obeyed` is False where it was refused."""

    order: Order
    obeyed: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class TerminalRates:
    """Shares in [0, 1] of orders, each time that they are sent; at most one of them happens.

    Delayed by 1 to 4 min; lost, without an answer; refused, since the customer wants it otherwise.
    """

    delayed: float = 0.0
    lost: float = 0.0
    refused: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what can't be."""
        rates = [getattr(self, each.name) for each in fields(self)]
        if min(rates) < 0 or sum(rates) > 1:
            raise ValueError(f"delayed, lost and refused = {rates} must be shares of at most 1")


@dataclass
class Standing:
    """The orders that devices of one kind follow, as arrays by device; -1: none."""

    what: Index
    power_w: Index
    until: Index
    rank: Index
    version: Index

    @classmethod
    def none(cls, devices: int) -> "Standing":
        """Return devices that were told nothing."""
        return cls(*(np.full(devices, -1, np.int64) for _ in range(5)))

    def take(self, order: Order) -> None:
        """Follow an order, unless a later one is followed already."""
        place = order.place
        rank = (order.rank, order.version)
        if place is None or rank < (self.rank[place], self.version[place]):
            return
        self.what[place], self.power_w[place] = order.what, order.power_w
        self.until[place] = order.valid_until
        self.rank[place], self.version[place] = rank

    def expire(self, minute: int) -> None:
        """Forget the orders that hold no longer."""
        over = (self.what >= 0) & (self.until <= minute)
        self.what[over] = self.power_w[over] = -1


@dataclass
class Terminals:
    """All terminals of a grid.

    Attributes:
        standing: By kind of device, what is followed.
        waiting: By minute, orders that begin to be followed in it.
        answering: By minute, what is said in it.
        sent: How often each order was sent and until when it holds, by id and version.
    """

    seed: int
    rates: TerminalRates
    standing: dict[Device, Standing]
    waiting: dict[int, list[Order]] = field(default_factory=lambda: defaultdict(list))
    answering: dict[int, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    sent: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)

    def receive(self, orders: Iterable[Order], minute: int) -> list[Answer]:
        """Take the orders that came before a minute, and return what is answered in it."""
        if minute % _FORGET_S == 0:
            self.sent = {key: known for key, known in self.sent.items() if known[1] > minute}
        for order in sorted(orders, key=lambda order: (order.order_id, order.version)):
            self._receive(order, minute)
        for due in sorted(at for at in self.waiting if at <= minute):
            for order in self.waiting.pop(due):
                if order.valid_until > minute:
                    self.standing[order.device].take(order)
        for followed in self.standing.values():
            followed.expire(minute)
        return self.answering.pop(minute, [])

    def _receive(self, order: Order, minute: int) -> None:
        if order.place is None:
            self.answering[minute].append(Answer(order, obeyed=False, detail="no such device"))
            return
        if order.valid_until <= minute:
            self.answering[minute].append(Answer(order, obeyed=False, detail="expired"))
            return
        key = (order.order_id, order.version)
        again, _ = self.sent.get(key, (0, 0))
        self.sent[key] = (again + 1, order.valid_until)
        lot = _lot(self.seed, order, again)
        rates = self.rates
        if lot < rates.lost:
            return
        if order.is_refusable and lot < rates.lost + rates.refused:
            self.answering[minute].append(Answer(order, obeyed=False, detail="customer's choice"))
            return
        delay = 0
        if lot > 1 - rates.delayed:
            delay = 1 + int((1 - lot) / rates.delayed * MOST_DELAY_MINUTES) % MOST_DELAY_MINUTES
        at = minute + delay * MINUTE_S
        begins = -(-order.valid_from // MINUTE_S) * MINUTE_S
        self.waiting[max(at, begins)].append(order)
        self.answering[at].append(Answer(order, obeyed=True, detail=""))


def _lot(seed: int, order: Order, again: int) -> float:
    """Return a number from [0, 1) that an order's sending alone decides."""
    text = f"{seed} {order.order_id} {order.version} {again}".encode()
    digest = hashlib.blake2b(text, digest_size=4).digest()
    return int.from_bytes(digest, "big") / _LOTS
