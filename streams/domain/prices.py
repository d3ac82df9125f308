"""What energy costs in each period, as far as it is known, and what is likely after that."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.prices import Price, PriceKind
from schemas.units import PERIOD_S
from streams.domain.newest import take_newest

Cents = npt.NDArray[np.int64]
"""Of a MWh, by period."""

CENTS: Final = 100
PERIODS_A_DAY: Final = 86_400 // PERIOD_S

PriceKey = tuple[PriceKind, int]


def key_of(price: Price) -> PriceKey:
    """Return what identifies a price: where it comes from, and its period."""
    return price.kind, price.period_start


class Prospect(NamedTuple):
    """The prices of periods in a row.

    Attributes:
        cents: Of a MWh, by period; those from `known` on are the last known day's, again and again.
        known: How many from the first on are known.
    """

    cents: Cents
    known: int


@dataclass(slots=True)
class PriceBook:
    """All prices that were told, by period: the day-ahead price before an estimate."""

    _prices: dict[PriceKey, Price] = field(default_factory=dict)
    _prospects: dict[tuple[int, int], Prospect | None] = field(default_factory=dict)
    _known_until: int = 0

    def take(self, price: Price) -> bool:
        """Take a price; say whether it is news: new, or of a higher version."""
        if not take_newest(self._prices, key_of(price), price):
            return False
        self._prospects.clear()
        if price.kind is PriceKind.DAY_AHEAD:
            self._known_until = max(self._known_until, price.period_start + PERIOD_S)
        return True

    @property
    def known_until(self) -> int:
        """Where the last known day-ahead price's period ends, epoch s; 0: none is known."""
        return self._known_until

    def at(self, period_start: int) -> Price | None:
        """Return the price of a period; None when it is not known."""
        for kind in PriceKind:
            price = self._prices.get((kind, period_start))
            if price is not None:
                return price
        return None

    def prospect(self, start: int, periods: int) -> Prospect | None:
        """Return the prices of periods from `start` on; None when the first is not known."""
        asked = (start, periods)
        if asked not in self._prospects:
            # Every community asks for the same period, and then nobody ever does.
            self._prospects.clear()
            self._prospects[asked] = self._find(start, periods)
        return self._prospects[asked]

    def _find(self, start: int, periods: int) -> Prospect | None:
        known = self._cents(start, periods, step=1)
        if not known:
            return None
        before = self._cents(start - PERIOD_S, PERIODS_A_DAY, step=-1)
        return prospect_of([*reversed(before), *known], len(known), periods)

    def _cents(self, start: int, most: int, *, step: int) -> list[int]:
        """Return the known prices of periods in a row, in the order in which they are met."""
        found = []
        for number in range(most):
            price = self.at(start + step * number * PERIOD_S)
            if price is None:
                break
            found.append(cents_of(price.price_eur_per_mwh))
        return found


def prospect_of(cents: Sequence[int], known: int, periods: int) -> Prospect:
    """Return what to expect of `periods` periods of which the first `known` end `cents`.

    What is not known is as at the same time of the last day that is; with less than a day, as what
    there is from its end on.
    """
    day = list(cents[-PERIODS_A_DAY:])
    missing = max(periods - known, 0)
    filled = [*cents[len(cents) - known :], *(day[number % len(day)] for number in range(missing))]
    return Prospect(np.array(filled[:periods], dtype=np.int64), min(known, periods))


def cents_of(price: Decimal) -> int:
    """Return a price in EUR, with at most two decimals, in cents.

    >>> cents_of(Decimal("-3.05"))
    -305
    """
    return int(price * CENTS)


def euros_of(cents: int) -> Decimal:
    """Return cents as EUR.

    >>> euros_of(-305)
    Decimal('-3.05')
    """
    return (Decimal(cents) / CENTS).quantize(Decimal("0.01"))
