"""What a file of prices makes of those that are known: new versions, or all that is wrong with it.

The same price makes no further version, so that a file which is imported twice changes nothing.
Either all lines are sound, or nothing is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.prices import Price
from streams.domain.prices import PriceKey, key_of
from streams.domain.registry import Fault, as_time


@dataclass(frozen=True, slots=True)
class Claim:
    """A price that a line of a file says; its version is still to be given."""

    line: int
    price: Price


@dataclass(slots=True)
class Pricing:
    """What came of claims.

    Attributes:
        prices: The new versions; all of them are to be written, and none when there are faults.
        added: How many of them are of periods without a price.
        unchanged: How many claims say what is known already.
        faults: All that is wrong, in the order of the lines.
    """

    prices: list[Price] = field(default_factory=list)
    added: int = 0
    unchanged: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """How many prices that were known get a further version."""
        return len(self.prices) - self.added


def register_prices(
    before: Mapping[PriceKey, Price], claims: Sequence[Claim], *, now_ms: int
) -> Pricing:
    """Return what claims change; a second line that says otherwise of a period is a fault.

    Args:
        before: The last version of each known price.
        claims: In the order of their lines.
        now_ms: Epoch milliseconds, the least version of a change.
    """
    result = Pricing()
    said: dict[PriceKey, Claim] = {}
    for claim in claims:
        key = key_of(claim.price)
        earlier = said.setdefault(key, claim)
        if earlier is not claim:
            if earlier.price != claim.price:
                when = as_time(claim.price.period_start)
                rule = f"line {earlier.line} says otherwise of {when}"
                price = str(claim.price.price_eur_per_mwh)
                result.faults.append(Fault(claim.line, "price_eur_per_mwh", price, rule))
            continue
        known = before.get(key)
        if known is not None and known.price_eur_per_mwh == claim.price.price_eur_per_mwh:
            result.unchanged += 1
            continue
        # The clock, and above the version before, as in the registry.
        version = now_ms if known is None else max(now_ms, known.version + 1)
        result.prices.append(claim.price.model_copy(update={"version": version}))
        result.added += known is None
    if result.faults:
        result.prices, result.added = [], 0
    return result
