"""A partition's communities on the way through their periods: told periods in, decisions out.

When a period has closed, the one after it has begun, and what each battery shall do in the next
one is decided, once and for all: what comes later of the past changes what is known, not what was
told. Only when regulation begins to hold a community's load down is that told anew, under a higher
version.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from schemas.batteries import BatteryReason
from schemas.units import PERIOD_S
from streams.domain.batteries import CHARGE, HOLD, MWH_OF_A_WATT, Order
from streams.domain.batteries_deciding import (
    BatteryPolicy,
    Decision,
    Household,
    Surroundings,
    decide,
)
from streams.domain.forecast import PERIODS_A_DAY, Watts
from streams.domain.prices import PriceBook

HISTORY_PERIODS: Final = 8 * PERIODS_A_DAY
"""A week, and the day that it takes to see the same weekday again."""


class Measured(NamedTuple):
    """What a household with a battery measured in a period, mWh; None: not, or not throughout.

    Attributes:
        net: Consumption less production.
        level: Of the battery when it was last told in the period.
    """

    net: int | None
    level: int | None


@dataclass(frozen=True, slots=True)
class ToldPeriod:
    """One part of a community's closed period, as metering tells it.

    Attributes:
        net: Consumption less production of its households, mWh; None: of too many not known.
        batteries: By meter, those that have one.
    """

    community_id: str
    start: int
    version: int
    part: int
    parts: int
    net: int | None
    batteries: dict[str, Measured]


@dataclass(frozen=True, slots=True)
class Limited:
    """Regulation holds a community's load down in [start, end), epoch s."""

    community_id: str
    start: int
    end: int


@dataclass(slots=True)
class Period:
    """A community's period as it is known.

    Attributes:
        version: The highest that was told.
        nets: By part of that version, as in `ToldPeriod`.
        is_whole: Whether every part of a version has come.
        batteries: What each household with one measured.
    """

    version: int = 0
    nets: dict[int, int | None] = field(default_factory=dict)
    is_whole: bool = False
    batteries: dict[str, Measured] = field(default_factory=dict)

    @property
    def net_w(self) -> float:
        """The community's mean net load without batteries, W; NaN where it is not known."""
        known = [net for net in self.nets.values() if net is not None]
        if not self.is_whole or len(known) < len(self.nets):
            return float("nan")
        return sum(known) / MWH_OF_A_WATT


@dataclass(slots=True)
class Community:
    """What is kept of a community.

    Attributes:
        periods: Its periods by their starts, those of the last `HISTORY_PERIODS`.
        decided: The newest period that was decided on, epoch s.
        steps: How often something was told; the version of what is told.
        standing: What was told for the newest two periods, by start and meter.
        limited_until: Up to when regulation holds its load down, as far as it has said, epoch s.
    """

    periods: dict[int, Period] = field(default_factory=dict)
    decided: int = 0
    steps: int = 0
    standing: dict[int, dict[str, Order]] = field(default_factory=dict)
    limited_until: int = 0


class Registered(NamedTuple):
    """What is registered of a community at a time: Wh by meter with a battery, and W it bears."""

    batteries: Mapping[str, int]
    limit_w: int | None


class ToldDecision(NamedTuple):
    """A decision to tell: for which period, under which version; with the period's price, cents."""

    community_id: str
    meter_id: str
    start: int
    version: int
    decision: Decision
    cents: int | None


@dataclass(slots=True)
class Step:
    """What a batch causes.

    Attributes:
        periods: Records to write; None deletes.
        communities: Records to write.
        told: Decisions, in order.
        too_old: How many told periods were too old to be of use.
    """

    periods: dict[tuple[str, int], Period | None] = field(default_factory=dict)
    communities: dict[str, Community] = field(default_factory=dict)
    told: list[ToldDecision] = field(default_factory=list)
    too_old: int = 0


class Fleet:
    """Folds told periods and limits into the communities of a partition, and decides."""

    def __init__(
        self, policy: BatteryPolicy, communities: Mapping[str, Community] | None = None
    ) -> None:
        """Start from what the tables hold."""
        self.policy = policy
        self.communities: dict[str, Community] = dict(communities or {})

    def fold(
        self,
        told: Iterable[ToldPeriod | Limited],
        *,
        registered: Callable[[str, int], Registered],
        prices: PriceBook,
    ) -> Step:
        """Take what is told in its order; return what that causes.

        Args:
            told: Periods and limits.
            registered: Given a community and a time (epoch s).
            prices: As far as they are known.
        """
        step = Step()
        for one in told:
            community = self.communities.setdefault(one.community_id, Community())
            if isinstance(one, Limited):
                self._limit(one, community, step)
            elif self._take(one, community, step):
                self._decide(one, community, registered, prices, step)
        return step

    def _take(self, told: ToldPeriod, community: Community, step: Step) -> bool:
        """Put a told part into its period; say whether that completes the newest one."""
        newest = max(community.periods, default=told.start)
        if told.start <= newest - HISTORY_PERIODS * PERIOD_S:
            step.too_old += 1
            return False
        period = community.periods.setdefault(told.start, Period())
        is_known = told.version == period.version and told.part in period.nets
        if told.version < period.version or is_known:
            return False
        if told.version > period.version:
            period.version, period.nets = told.version, {}
        period.nets[told.part] = told.net
        period.is_whole = period.is_whole or len(period.nets) == told.parts
        period.batteries |= told.batteries
        step.periods[told.community_id, told.start] = period
        oldest = max(community.periods) - HISTORY_PERIODS * PERIOD_S
        for start in [start for start in community.periods if start <= oldest]:
            del community.periods[start]
            step.periods[told.community_id, start] = None
        return period.is_whole and told.start + 2 * PERIOD_S > community.decided

    def _decide(
        self,
        told: ToldPeriod,
        community: Community,
        registered: Callable[[str, int], Registered],
        prices: PriceBook,
        step: Step,
    ) -> None:
        now, start = told.start + PERIOD_S, told.start + 2 * PERIOD_S
        known = registered(told.community_id, start)
        if not known.batteries:
            return
        households = self._households(community, known.batteries, now)
        around = Surroundings(
            history=self._history(community, now),
            limit_w=known.limit_w,
            is_limited=community.limited_until > now,
        )
        prospect = prices.prospect(start, self.policy.horizon_periods)
        decisions = decide(households, around, prospect, now=now, policy=self.policy)
        community.decided = start
        community.standing = {
            period: orders for period, orders in community.standing.items() if period >= now
        } | {start: {meter: decision.order for meter, decision in decisions.items()}}
        cents = None if prospect is None else int(prospect.cents[0])
        self._tell(told.community_id, community, start, decisions, cents, step)

    def _limit(self, limited: Limited, community: Community, step: Step) -> None:
        """Take note of a limit; take back what was told against it."""
        if limited.end <= community.limited_until:
            return
        community.limited_until = limited.end
        step.communities[limited.community_id] = community
        for start, orders in list(community.standing.items()):
            against = {
                meter: Decision(Order(), BatteryReason.COMMUNITY_LIMITED, None)
                for meter, order in orders.items()
                if order.mode in {CHARGE, HOLD} and order.grid
            }
            if against and limited.start < start + PERIOD_S and start < limited.end:
                community.standing[start] = orders | dict.fromkeys(against, Order())
                self._tell(limited.community_id, community, start, against, None, step)

    @staticmethod
    def _tell(  # noqa: PLR0913, PLR0917 - all that is told
        community_id: str,
        community: Community,
        start: int,
        decisions: Mapping[str, Decision],
        cents: int | None,
        step: Step,
    ) -> None:
        community.steps += 1
        step.communities[community_id] = community
        step.told += [
            ToldDecision(community_id, meter, start, community.steps, decision, cents)
            for meter, decision in decisions.items()
        ]

    def _households(
        self, community: Community, batteries: Mapping[str, int], now: int
    ) -> dict[str, Household]:
        """Return the households with a registered battery that was ever told of."""
        starts = range(now - HISTORY_PERIODS * PERIOD_S, now, PERIOD_S)
        nets = {meter: np.full(HISTORY_PERIODS, np.nan) for meter in sorted(batteries)}
        seen = set()
        for place, start in enumerate(starts):
            period = community.periods.get(start)
            for meter, measured in () if period is None else period.batteries.items():
                if meter in nets:
                    seen.add(meter)
                    if measured.net is not None:
                        nets[meter][place] = measured.net / MWH_OF_A_WATT
        newest, standing = community.periods[now - PERIOD_S], community.standing.get(now, {})
        return {
            meter: Household(
                battery=self.policy.battery(batteries[meter]),
                history=history,
                level=newest.batteries.get(meter, Measured(None, None)).level,
                standing=standing.get(meter, Order()),
            )
            for meter, history in nets.items()
            if meter in seen
        }

    @staticmethod
    def _history(community: Community, now: int) -> Watts:
        starts = range(now - HISTORY_PERIODS * PERIOD_S, now, PERIOD_S)
        periods = (community.periods.get(start) for start in starts)
        return np.array([np.nan if period is None else period.net_w for period in periods])
