"""A session of a vehicle: whether its report can be, what it has had, what its charger makes of it.

Energy in mWh, time in epoch seconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from schemas.ev_charging import ChargerState, EvSession, SessionRule, Shortage
from schemas.units import PERIOD_S
from streams.domain.ev_charging_planning import Tolerance
from streams.domain.forecast import ForecastPolicy

MWH_PER_WH: Final = 1000
HOUR_S: Final = 3600
DAY_S: Final = 86_400
_NOTICEABLE_MWH: Final = 100_000
"""Less than 100 Wh of orders tells nothing of a charger, and less of a promise is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingPolicy:
    """What an operator may set of charging.

    Attributes:
        tolerance: When a plan is good enough.
        lead_s: A quarter-hour is planned so long before it begins, by event time.
        silent_s: A charger is silent when nothing has been heard of its session for so long.
        horizon_periods: Plans look so far ahead.
        limit_percent: Of a community's connection, so much is used; the rest is for surprises.
        grid_limit_w: Of all communities together; None: none.
        most_stay_s: Longer sessions are refused.
        most_ahead_s: How far a report may lie ahead of the wall clock.
        forecast: How loads without vehicles are forecast.
    """

    tolerance: Tolerance
    lead_s: int
    silent_s: int
    horizon_periods: int
    limit_percent: int
    grid_limit_w: int | None
    most_stay_s: int
    most_ahead_s: int
    forecast: ForecastPolicy


class Refused(NamedTuple):
    """Why a report can't be."""

    rule: SessionRule
    detail: str


class Place(NamedTuple):
    """Where a meter is registered."""

    community_id: str


class Order(NamedTuple):
    """What a charger was told for a quarter-hour, from `start` to its end."""

    version: int
    start: int
    planned_mwh: int


class Told(NamedTuple):
    """What was promised last."""

    promised_mwh: int
    shortage: Shortage
    charger: ChargerState
    departure: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it is known.

    Attributes:
        session: The report with the highest version.
        heard: When that held.
        orders: By quarter-hour.
        lags: Whether the charger did less than half of what it was last told.
        step: Of what was told of it.
        told: What was; None: nothing.
    """

    session: EvSession
    heard: int
    orders: Mapping[int, Order] = field(default_factory=dict)
    lags: bool = False
    step: int = 0
    told: Told | None = None


def asked_mwh(session: EvSession) -> int:
    """Return what was asked for at plug-in."""
    return round(session.energy_wh * MWH_PER_WH)


def charged_mwh(session: EvSession) -> int:
    """Return what has been charged, as reported."""
    return round(session.charged_wh * MWH_PER_WH)


def heard_at(session: EvSession) -> int:
    """Return when a report held."""
    return session.plugged_in if session.minute is None else session.minute


def judge(  # noqa: PLR0913 - what a report is held against
    session: EvSession,
    *,
    key: str | None,
    known: EvSession | None,
    registered: Place | None,
    must_be_registered: bool,
    now: float,
    policy: ChargingPolicy,
) -> Refused | None:
    """Return why a report is refused; None: it is not.

    Args:
        session: The report.
        key: Of its record; None where there was none.
        known: What was reported of the session before.
        registered: Where its meter is registered.
        must_be_registered: Whether it is refused where it isn't.
        now: The wall clock, epoch s.
        policy: How long a stay may be, and how far ahead.
    """
    stay_s = session.departure - session.plugged_in
    heard_s = heard_at(session) - session.plugged_in
    checks = (
        (
            SessionRule.KEY_MISMATCH,
            key != session.community_id,
            f"the record's key is {key!r}, its community {session.community_id!r}",
        ),
        (
            SessionRule.DEPARTURE,
            stay_s <= 0,
            f"departure {session.departure} is not after plugged_in {session.plugged_in}",
        ),
        (
            SessionRule.STAY_TOO_LONG,
            max(stay_s, heard_s) > policy.most_stay_s,
            f"{max(stay_s, heard_s)} s after plugged_in are more than {policy.most_stay_s} s",
        ),
        (
            SessionRule.PLUGGED_IN_IN_FUTURE,
            max(session.plugged_in, heard_at(session)) > now + policy.most_ahead_s,
            f"plugged_in {session.plugged_in} or minute {session.minute} is in the future",
        ),
        (
            SessionRule.MINIMUM_POWER,
            session.minimum_w > session.charger_w,
            f"minimum_w {session.minimum_w} is above charger_w {session.charger_w}",
        ),
        (
            SessionRule.MOVED,
            known is not None
            and (known.meter_id, known.plugged_in) != (session.meter_id, session.plugged_in),
            f"session {session.session_id} was at another meter, or plugged in at another minute",
        ),
        (
            SessionRule.UNKNOWN_METER,
            registered is None and must_be_registered,
            f"meter_id {session.meter_id} is not registered",
        ),
        (
            SessionRule.WRONG_COMMUNITY,
            registered is not None and registered.community_id != session.community_id,
            f"meter_id {session.meter_id} is registered in another community",
        ),
    )
    return next((Refused(rule, detail) for rule, fails, detail in checks if fails), None)


def take(kept: Kept | None, session: EvSession) -> Kept | None:
    """Return what is known of a session with a further report; None: that is no news.

    Whether the charger lags shows in what it did since the report before, when it was to do
    something worth measuring.
    """
    if kept is None:
        return Kept(session, heard_at(session))
    if session.version <= kept.session.version:
        return None
    heard = max(heard_at(session), kept.heard)
    due = ordered_mwh(kept, kept.heard, heard)
    done = charged_mwh(session) - charged_mwh(kept.session)
    left = asked_mwh(kept.session) - charged_mwh(kept.session)
    lags = kept.lags
    if min(due, left) >= _NOTICEABLE_MWH:
        lags = 2 * done < min(due, left)
    return replace(kept, session=session, heard=heard, lags=lags)


def power_w(session: EvSession, planned_mwh: int, duration_s: int) -> int:
    """Return the power to set so that a planned energy is there in time.

    That is at least the charger's least; a charger that is only on or off gets its full power.
    Rounded up to the watt: a vehicle takes no more than it needs.
    """
    if planned_mwh == 0:
        return 0
    if not session.continuous:
        return session.charger_w
    mean_w = -(-planned_mwh * 18 // (5 * duration_s))
    return min(max(mean_w, session.minimum_w), session.charger_w)


def ordered_mwh(kept: Kept, since: int, until: int) -> int:
    """Return what the charger was to give in a time: each order's power until its energy is given.

    So one that is on or off, and has less to give than its quarter-hour takes, gives it first.
    """
    return sum(
        _given_mwh(kept.session, quarter, order, until)
        - _given_mwh(kept.session, quarter, order, since)
        for quarter, order in kept.orders.items()
    )


def left_mwh(kept: Kept, quarter: int, *, at: int) -> int:
    """Return what the charger is still to give of its order for a quarter-hour; 0: it has none."""
    order = kept.orders.get(quarter)
    if order is None:
        return 0
    return order.planned_mwh - _given_mwh(kept.session, quarter, order, at)


def _given_mwh(session: EvSession, quarter: int, order: Order, at: int) -> int:
    end = min(quarter + PERIOD_S, max(session.departure, order.start + 1))
    if at >= end:
        return order.planned_mwh
    watts = power_w(session, order.planned_mwh, end - order.start)
    return min(watts * max(at - order.start, 0) * 1000 // 3600, order.planned_mwh)


def is_silent(kept: Kept, *, at: int, policy: ChargingPolicy) -> bool:
    """Say whether nothing has been heard for long of a session that has orders."""
    return at - kept.heard > policy.silent_s and ordered_mwh(kept, kept.heard, at) > 0


def charger_state(kept: Kept, *, at: int, policy: ChargingPolicy) -> ChargerState:
    """Return what the charger makes of its orders."""
    if is_silent(kept, at=at, policy=policy):
        return ChargerState.SILENT
    return ChargerState.LAGS if kept.lags else ChargerState.ANSWERS


def had_mwh(kept: Kept, *, at: int, policy: ChargingPolicy) -> int:
    """Return what the vehicle will have had at a time.

    That is what was reported, and what was ordered since; of a charger that is silent, or does not
    do what it is told, nothing is counted that it does not report.
    """
    reported = charged_mwh(kept.session)
    if charger_state(kept, at=at, policy=policy) is not ChargerState.ANSWERS:
        return reported
    asked = max(asked_mwh(kept.session), reported)
    return min(reported + ordered_mwh(kept, kept.heard, at), asked)


def spread(amount_mwh: int, since: int, until: int) -> Iterator[tuple[int, int]]:
    """Yield the quarter-hours of a time, and what of an amount lies in each, evenly."""
    quarter = since // PERIOD_S * PERIOD_S
    given = 0
    while quarter < until:
        end = min(until, quarter + PERIOD_S)
        part = amount_mwh * (end - since) // (until - since) - given
        given += part
        yield quarter, part
        quarter += PERIOD_S


def is_told_again(told: Told | None, now: Told) -> bool:
    """Say whether a promise differs so much from the last that it is told."""
    return (
        told is None
        or told[1:] != now[1:]
        or abs(told.promised_mwh - now.promised_mwh) > _NOTICEABLE_MWH
    )
