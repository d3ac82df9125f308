"""What is told of sessions: orders to chargers, and what their vehicles will have got."""

from dataclasses import dataclass, field, replace
from typing import Final

from schemas.ev_charging import ChargeDirective, ChargePlan, ChargePromise, Shortage
from schemas.units import PERIOD_S
from streams.domain.ev_charging import (
    DAY_S,
    ChargingPolicy,
    Kept,
    Order,
    Told,
    asked_mwh,
    charged_mwh,
    charger_state,
    power_w,
)
from streams.domain.ev_charging_loads import Community
from streams.domain.ev_charging_planning import Fleet, Plan

_REASONS: Final = {
    True: "it is the vehicle's turn: the grid's load is lowest in the quarter-hours it charges in",
    False: "it waits: it gets its energy later, or has it, or its community's connection is full",
}


@dataclass(slots=True)
class Step:
    """What a batch causes.

    Attributes:
        sessions: Communities whose sessions or orders have changed.
        minutes: Communities whose closed minutes have.
        histories: Communities whose history has.
        directives: In their order.
        promises: In their order.
        plans: Of the partition.
        clock_moved: Whether the record of the partition has changed.
        too_old: Reports that were no news.
    """

    sessions: set[str] = field(default_factory=set)
    minutes: set[str] = field(default_factory=set)
    histories: set[str] = field(default_factory=set)
    directives: list[ChargeDirective] = field(default_factory=list)
    promises: list[ChargePromise] = field(default_factory=list)
    plans: list[ChargePlan] = field(default_factory=list)
    clock_moved: bool = False
    too_old: int = 0


def planned(  # noqa: PLR0913 - of whom, in which plan, by which rules
    kept: Kept, row: int, fleet: Fleet, plan: Plan, *, at: int, policy: ChargingPolicy
) -> Told:
    """Return what a plan makes of a session, which is a row of its fleet."""
    asked, had = int(fleet.asked[row]), int(fleet.had[row])
    promised = had + int(plan.charge[row].sum())
    most = min(asked, had + int(fleet.cap[row].sum()))
    if promised >= asked:
        shortage = Shortage.NONE
    elif promised >= most:
        shortage = Shortage.WINDOW
    elif promised >= had + int(plan.possible[row]):
        shortage = Shortage.COMMUNITY_LIMIT
    else:
        shortage = Shortage.GRID_LIMIT
    state = charger_state(kept, at=at, policy=policy)
    return Told(promised, shortage, state, kept.session.departure)


def promise(  # noqa: PLR0913 - of whom, what, and where it is said
    community: Community, kept: Kept, told: Told, *, minute: int, step: Step, ended: bool = False
) -> Kept:
    """Say what a session will have got; return it as it is known then."""
    session = kept.session
    kept = replace(kept, step=kept.step + 1, told=told)
    _keep(community, kept, step)
    step.promises.append(
        ChargePromise(
            session_id=session.session_id,
            step=kept.step,
            community_id=session.community_id,
            meter_id=session.meter_id,
            minute=minute,
            departure=session.departure,
            asked_mwh=asked_mwh(session),
            charged_mwh=charged_mwh(session),
            promised_mwh=told.promised_mwh,
            shortage=told.shortage,
            charger=told.charger,
            ended=ended,
        )
    )
    return kept


def direct(  # noqa: PLR0913 - whom, to what, from when on
    community: Community, kept: Kept, planned_mwh: int, quarter: int, *, start: int, step: Step
) -> Kept:
    """Order a charger to give energy in what is left of a quarter-hour; return its session."""
    session, end = kept.session, quarter + PERIOD_S
    if session.departure <= start:
        return kept
    before = kept.orders.get(quarter)
    version = 1 if before is None else before.version + 1
    orders = {at: order for at, order in kept.orders.items() if at >= quarter - DAY_S}
    orders[quarter] = Order(version, start, planned_mwh)
    kept = replace(kept, orders=orders)
    _keep(community, kept, step)
    step.directives.append(
        ChargeDirective(
            directive_id=f"{session.session_id}/{quarter}",
            version=version,
            session_id=session.session_id,
            community_id=session.community_id,
            meter_id=session.meter_id,
            valid_from=start,
            valid_until=end,
            power_w=power_w(session, planned_mwh, min(end, session.departure) - start),
            planned_mwh=planned_mwh,
            reason=_REASONS[planned_mwh > 0],
        )
    )
    return kept


def _keep(community: Community, kept: Kept, step: Step) -> None:
    community.sessions[kept.session.session_id] = kept
    step.sessions.add(kept.session.community_id)
