"""Sessions and plans as arrays over the quarter-hours of a night."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.ev_charging import ChargePlan
from schemas.units import PERIOD_S
from streams.domain.ev_charging import ChargingPolicy, Kept, asked_mwh, had_mwh, left_mwh
from streams.domain.ev_charging_loads import Community, Limits, Watts, shed_w
from streams.domain.ev_charging_planning import UNLIMITED_MWH, Fleet

MWH_PER_W: Final = 250
"""In a quarter-hour."""


@dataclass(frozen=True, slots=True)
class Night:
    """Sessions to be planned from a quarter-hour on; what is before `now` is gone."""

    policy: ChargingPolicy
    names: list[str]
    communities: list[Community]
    sessions: list[Kept]
    firsts: list[int]
    start: int
    now: int
    periods: int

    @classmethod
    def of(
        cls, policy: ChargingPolicy, communities: Mapping[str, Community], *, start: int, now: int
    ) -> "Night":
        """Return those who are plugged in at `now` and stay."""
        sessions: list[Kept] = []
        firsts = [0]
        for community in communities.values():
            sessions += [
                kept
                for kept in community.sessions.values()
                if not kept.session.unplugged and kept.session.departure > now
            ]
            firsts.append(len(sessions))
        longest = max((kept.session.departure for kept in sessions), default=start + 1)
        periods = min(-(-(longest - start) // PERIOD_S), policy.horizon_periods)
        return cls(
            policy,
            list(communities),
            list(communities.values()),
            sessions,
            firsts,
            start,
            now,
            periods,
        )

    def ordered(self) -> Watts:
        """Return (period,) mWh that chargers were told to give."""
        result = np.zeros(self.periods)
        for kept in self.sessions:
            for quarter, order in kept.orders.items():
                period = (quarter - self.start) // PERIOD_S
                if 0 <= period < self.periods:
                    result[period] += order.planned_mwh
        return result

    def keep_orders(self, fleet: Fleet, fixed: int, *, but: int | None = None) -> None:
        """Let sessions do what they were told in the first `fixed` quarter-hours, but for one."""
        for row, kept in enumerate(self.sessions):
            for period in range(fixed if row != but else 0):
                left = left_mwh(kept, self.start + period * PERIOD_S, at=self.now)
                fleet.cap[row, period] = min(left, fleet.cap[row, period])

    def fleet(self, base: Watts, limits: Limits) -> Fleet:
        """Return the sessions as arrays.

        Args:
            base: (community, period) W without vehicles; NaN where not known.
            limits: What connections bear.
        """
        begins = self.start + PERIOD_S * np.arange(self.periods, dtype=np.int64)
        charger_w = np.array([kept.session.charger_w for kept in self.sessions], dtype=np.int64)
        leaves = np.array([kept.session.departure for kept in self.sessions], dtype=np.int64)
        comes = np.array(
            [max(kept.session.plugged_in, self.now) for kept in self.sessions], dtype=np.int64
        )
        seconds = np.minimum(begins + PERIOD_S, leaves[:, None]) - np.maximum(
            begins, comes[:, None]
        )
        headroom = np.empty((len(self.communities), self.periods), dtype=np.int64)
        for row, (name, community) in enumerate(zip(self.names, self.communities, strict=True)):
            limit = limits(name)
            if limit is None:
                headroom[row] = UNLIMITED_MWH
                continue
            left = limit * self.policy.limit_percent / 100 - np.nan_to_num(base[row])
            left -= shed_w(community, start=self.start, periods=self.periods)
            # Of a quarter-hour that has begun, what is left of it.
            seconds_left = begins + PERIOD_S - np.maximum(begins, self.now)
            headroom[row] = np.maximum(left, 0) * seconds_left * 5 / 18
        return Fleet(
            np.array(self.firsts, dtype=np.int64),
            np.array([asked_mwh(kept.session) for kept in self.sessions], dtype=np.int64),
            np.array(
                [had_mwh(kept, at=self.now, policy=self.policy) for kept in self.sessions],
                dtype=np.int64,
            ),
            charger_w[:, None] * np.maximum(seconds, 0) * 5 // 18,
            headroom,
            np.array([not kept.session.continuous for kept in self.sessions], dtype=np.bool_),
            np.array(
                [
                    kept.session.minimum_w * MWH_PER_W * kept.session.continuous
                    for kept in self.sessions
                ],
                dtype=np.int64,
            ),
        )


def aligned(
    values: Sequence[int],
    plan: ChargePlan,
    start: int,
    periods: int,
    *,
    after: float | None = None,
) -> Watts:
    """Return a plan's values from `start` on; behind its end `after`, or for None its last."""
    offset = (start - plan.period_start) // PERIOD_S
    result = np.empty(periods)
    for period in range(periods):
        place = period + offset
        if 0 <= place < len(values):
            result[period] = values[place]
        elif place < 0 or after is None:
            result[period] = values[0 if place < 0 else -1] if values else 0.0
        else:
            result[period] = after
    return result
