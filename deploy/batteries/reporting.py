"""What a year of batteries comes to by each rule: money, cycles, regret, and the grid's peaks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import numpy as np

from deploy.batteries.playing import (
    Known,
    Played,
    foresight,
    one_threshold,
    planned,
    self_consumption,
    without,
)
from deploy.batteries.year import Mwh, Year, year_of
from load_generator.fleet import Fleet
from streams.domain.batteries import MWH_OF_A_WATT, PERCENT
from streams.domain.batteries_deciding import BatteryPolicy
from streams.domain.batteries_plan import COST_OF_A_EURO

WITHOUT: Final = "no battery"
AUTO: Final = "AUTO: self-consumption alone"
THRESHOLD: Final = "one standard price, as the original"
UNLIMITED: Final = "planned, without a share of the community's room"
OURS: Final = "planned, as told by the controller"
FORESIGHT: Final = "perfect foresight of loads, sun and prices"
IF_KNOWN: Final = {
    Known.SUN: "planned, if the sun were known",
    Known.LOADS: "planned, if the loads were known",
    Known.BOTH: "planned, if sun and loads were known",
}
RULES: Final = (WITHOUT, THRESHOLD, AUTO, UNLIMITED, OURS, FORESIGHT)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What one rule comes to in the days that count, for all households with a battery together.

    Attributes:
        cost: Of energy, fees and wear, EUR, without what is left in the batteries at the end.
        saving: Against no battery, EUR.
        regret: Of what perfect foresight saves against no battery, so much is not saved, a share;
            None where it saves nothing.
        regret_of_auto: The same against AUTO; None where foresight saves nothing beyond it.
        cycles: Of a battery in a year, discharged energy in usable capacities.
        peak_in_w: The highest quarter-hour that all communities together draw.
        peak_out_w: The highest that they feed in.
        over_own_peak_w: How far a community's highest draw lies over its own without batteries.
    """

    cost: Decimal
    saving: Decimal
    regret: float | None
    regret_of_auto: float | None
    cycles: float
    peak_in_w: int
    peak_out_w: int
    over_own_peak_w: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that was found, and what it was found on."""

    first: date
    days: int
    seed: int
    households: int
    communities: int
    batteries: int
    mean_price: Decimal
    lowest_price: Decimal
    highest_price: Decimal
    rules: dict[str, Rule]
    saving_by_household: dict[str, list[Decimal]]
    year: Year
    played: dict[str, Played]


def report_of(  # noqa: PLR0913 - whose year, and by which rules
    fleet: Fleet,
    policy: BatteryPolicy,
    *,
    first: date,
    days: int,
    seed: int,
    ablation: bool = False,
    on_progress: Callable[[str], None],
) -> Report:
    """Play some days of a fleet by every rule, and return what came of it.

    With `ablation` also by plans of who knows the sun, the loads, or both.
    """
    year = year_of(fleet, first, days, seed=seed, on_progress=lambda day: on_progress(f"day={day}"))
    played = {
        WITHOUT: without(year, policy),
        THRESHOLD: one_threshold(year, policy),
        AUTO: self_consumption(year, policy),
        FORESIGHT: foresight(year, policy),
    }
    for name, shares in ((UNLIMITED, False), (OURS, True)):
        on_progress(name)
        played[name] = planned(
            year, policy, shares=shares, on_progress=lambda day: on_progress(f"day={day}")
        )
    for known, name in IF_KNOWN.items() if ablation else ():
        on_progress(name)
        played[name] = planned(year, policy, shares=True, known=known)
    prices = year.prices[year.first :]
    rules = [*RULES, *(name for name in played if name not in RULES)]
    return Report(
        first=first,
        days=days,
        seed=seed,
        households=fleet.households,
        communities=len(fleet.community_ids),
        batteries=len(year.capacity_wh),
        mean_price=_price(float(prices.mean())),
        lowest_price=_price(prices.min()),
        highest_price=_price(prices.max()),
        rules={name: _rule(year, policy, played, name, days=days) for name in rules},
        saving_by_household={
            name: [_euros(saved) for saved in (played[WITHOUT].cost - played[name].cost).tolist()]
            for name in rules
        },
        year=year,
        played=played,
    )


def loads_of(year: Year, played: Played) -> Mwh:
    """Return what each community draws with its batteries, mWh (community, period)."""
    loads = year.communities[:, year.first :].copy()
    np.add.at(loads, year.community, played.charge - played.discharge)
    return loads


def _rule(
    year: Year, policy: BatteryPolicy, played: dict[str, Played], name: str, *, days: int
) -> Rule:
    ours, none, auto, best = (
        int(played[each].cost.sum()) for each in (name, WITHOUT, AUTO, FORESIGHT)
    )
    loads = loads_of(year, played[name])
    own = loads_of(year, played[WITHOUT])
    usable = year.capacity_wh.sum() * 1000 * (PERCENT - policy.reserve_percent) / PERCENT
    over = loads.max(axis=1) - own.max(axis=1)
    return Rule(
        cost=_euros(ours),
        saving=_euros(none - ours),
        regret=(ours - best) / (none - best) if none > best else None,
        regret_of_auto=(ours - best) / (auto - best) if auto > best else None,
        cycles=float(played[name].discharge.sum() / usable * 365 / days),
        peak_in_w=int(loads.sum(axis=0).max()) // MWH_OF_A_WATT,
        peak_out_w=-int(loads.sum(axis=0).min()) // MWH_OF_A_WATT,
        over_own_peak_w=int(over.max()) // MWH_OF_A_WATT,
    )


def _euros(cost: int) -> Decimal:
    return (Decimal(cost) / COST_OF_A_EURO).quantize(Decimal("0.01"))


def _price(cents: float) -> Decimal:
    return (Decimal(round(cents)) / PERCENT).quantize(Decimal("0.01"))
