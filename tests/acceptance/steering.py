"""What control tells, as if it had just steered: for what shows it."""

from pydantic import BaseModel

from deploy.embedded.system import EmbeddedSystem
from schemas.ev_charging import ChargePromise, ChargerState, Shortage
from schemas.production import ProductionPlan
from schemas.regulation import (
    Level,
    RegulationMinute,
    SwitchDirective,
    SwitchReason,
    SwitchState,
)
from tests.acceptance.running import send
from tests.builders import HOUR_S, MINUTE_S, QUARTER_S, Record
from tests.unit.sinks.messages import a_plant_minute, a_shed_order, an_order

COMMUNITY = "c0001"


def tell_of_control(system: EmbeddedSystem, now: float) -> None:
    """Write what was steered an hour ago to its topics, as the agents of control do."""
    minute = int(now) // QUARTER_S * QUARTER_S - HOUR_S
    told: list[tuple[str, str, BaseModel]] = [
        ("plant-minutes", "grid", a_plant_minute(minute=minute)),
        (
            "production-orders",
            "g1",
            an_order(minute=minute, valid_from=minute + MINUTE_S),
        ),
        (
            "production-plans",
            "g1",
            ProductionPlan(
                plan_id="g1",
                plant_id="g1",
                version=1,
                period_start=minute,
                planned_w=[100, 200],
                forecast_w=[90, 210],
                deficit_w=[0, 10],
            ),
        ),
        (
            "shed-orders",
            COMMUNITY,
            a_shed_order(community_id=COMMUNITY, minute=minute, valid_from=minute + MINUTE_S),
        ),
        ("regulation-minutes", COMMUNITY, _a_minute(minute)),
        ("switch-directives", COMMUNITY, _a_directive(minute)),
        ("charge-promises", COMMUNITY, _a_promise(minute)),
    ]
    for topic, key, event in told:
        send(
            system.settings,
            [Record(key.encode(), event.model_dump_json().encode())],
            topic=topic,
        )


def _a_minute(minute: int) -> RegulationMinute:
    return RegulationMinute(
        community_id=COMMUNITY,
        minute=minute,
        version=2**40,
        is_steering=True,
        load_w=9_000,
        silent_meters=0,
        silent_w=0,
        coming_w=0,
        limit_w=8_000,
        deficit_w=0,
        shed_w=2_000,
        sheddable_w=1_000,
        meters_off=1,
        meters_flexible=2,
        ordered_off=1,
        released=0,
        is_emergency=False,
        fairness=0.9,
    )


def _a_directive(minute: int) -> SwitchDirective:
    return SwitchDirective(
        directive_id="d1",
        community_id=COMMUNITY,
        meter_id="m0001-001",
        minute=minute,
        version=1,
        state=SwitchState.OFF,
        level=Level.NORMAL,
        limit_w=None,
        reason=SwitchReason.CONNECTION_LIMIT,
        detail="9 kW of 8 kW",
        valid_from=minute + MINUTE_S,
        valid_until=minute + QUARTER_S,
    )


def _a_promise(minute: int) -> ChargePromise:
    return ChargePromise(
        session_id="s1",
        step=1,
        community_id=COMMUNITY,
        meter_id="m0001-001",
        minute=minute,
        departure=minute + QUARTER_S,
        asked_mwh=20_000_000,
        charged_mwh=0,
        promised_mwh=15_000_000,
        shortage=Shortage.WINDOW,
        charger=ChargerState.ANSWERS,
        ended=False,
    )
