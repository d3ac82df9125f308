"""Messages as metering sends them; each builder names what a test is about."""

from collections.abc import Sequence
from typing import Any

from schemas.autarky import AutarkyChange, AutarkyIntervals, AutarkyReason, AutarkyState
from schemas.malfunction import Malfunction, MalfunctionKind, TicketEvent, TicketState
from schemas.metering import CommunityMinute, HouseholdIntervals, RejectedReading, RejectionRule
from schemas.production import OrderReason, PlantMinute, ProductionOrder, ShedOrder, ShedReason
from schemas.validation import EstimationMethod, Quality, ValidatedIntervals

NOON = 1_767_268_800  # 2026-01-01 12:00 UTC
PERIOD_S = 900

Energies = Sequence[int | None]


def a_period(  # noqa: PLR0913 - a message has many fields
    *,
    community: str = "c1",
    period_start: int = NOON,
    version: int = 1,
    meters: Sequence[str] = ("m1",),
    consumption_mwh: Energies | None = None,
    production_mwh: Energies | None = None,
    import_mwh: Energies | None = None,
    export_mwh: Energies | None = None,
    measured_minutes: Sequence[int] | None = None,
    part: int = 0,
    parts: int = 1,
) -> HouseholdIntervals:
    unknown: list[int | None] = [None] * len(meters)
    return HouseholdIntervals(
        community_id=community,
        period_start=period_start,
        version=version,
        part=part,
        parts=parts,
        meter_id=list(meters),
        consumption_mwh=unknown if consumption_mwh is None else list(consumption_mwh),
        production_mwh=unknown if production_mwh is None else list(production_mwh),
        import_mwh=unknown if import_mwh is None else list(import_mwh),
        export_mwh=unknown if export_mwh is None else list(export_mwh),
        battery_charge_mwh=unknown,
        battery_discharge_mwh=unknown,
        measured_minutes=[15] * len(meters) if measured_minutes is None else list(measured_minutes),
    )


def a_minute(
    *,
    community: str = "c1",
    minute: int = NOON,
    version: int = 1,
    meters_reported: int = 1,
    consumption_mwh: int | None = None,
) -> CommunityMinute:
    return CommunityMinute(
        community_id=community,
        minute=minute,
        version=version,
        meters_reported=meters_reported,
        consumption_mwh=consumption_mwh,
        production_mwh=None,
        import_mwh=None,
        export_mwh=None,
        battery_charge_mwh=None,
        battery_discharge_mwh=None,
    )


def a_rejection(  # noqa: PLR0913 - a message has many fields
    *,
    offset: int = 7,
    rule: RejectionRule = RejectionRule.NEGATIVE_ENERGY,
    minute: int | None = NOON,
    value_base64: str | None = "eyJhIjogLTF9",
    value_bytes: int = 9,
    received_at_ms: int = NOON * 1000 + 123,
) -> RejectedReading:
    return RejectedReading(
        source_topic="meter-frames",
        source_partition=3,
        source_offset=offset,
        rule=rule,
        detail="consumption_wh[0] = -1: negative",
        community_id="c1",
        minute=minute,
        meter_id=["m1"],
        received_at_ms=received_at_ms,
        original_key_base64="YzE=",
        original_value_base64=value_base64,
        original_value_bytes=value_bytes,
    )


def as_json(event: CommunityMinute | HouseholdIntervals | RejectedReading) -> bytes:
    return event.model_dump_json().encode()


def an_autarky_interval(  # noqa: PLR0913 - a message has many fields
    *,
    community: str = "c1",
    start: int = NOON,
    version: int = 1,
    meters: Sequence[str] = ("m1",),
    consumption: Energies,
    production: Energies,
    used: Energies,
    own: Energies,
) -> AutarkyIntervals:
    """Return a period; the community's sums are those of its households, which have no battery."""
    rows = list(zip(consumption, production, used, own, strict=True))
    known = [
        (used_up, made or 0, sun, kept or 0)
        for used_up, made, sun, kept in rows
        if used_up is not None and sun is not None
    ]
    sums = [sum(column) for column in zip(*known, strict=True)]
    surplus = sum(made - kept for _, made, _, kept in known)
    need = sum(used_up - sun for used_up, _, sun, _ in known)
    figures: list[int | None] = [*sums, surplus, need]
    if len(known) < len(rows):
        figures = [None] * 6
    return AutarkyIntervals(
        community_id=community,
        period_start=start,
        version=version,
        part=0,
        parts=1,
        community_consumption_mwh=figures[0],
        community_production_mwh=figures[1],
        community_solar_used_mwh=figures[2],
        community_self_consumed_mwh=figures[3],
        community_surplus_mwh=figures[4],
        community_need_mwh=figures[5],
        meter_id=list(meters),
        consumption_mwh=list(consumption),
        production_mwh=list(production),
        solar_used_mwh=list(used),
        self_consumed_mwh=list(own),
    )


def a_change(  # noqa: PLR0913 - what a test may be about
    *,
    community: str = "c1",
    meter: str | None = "m1",
    start: int = NOON,
    version: int = 1,
    from_state: AutarkyState = AutarkyState.DEPENDENT,
    to_state: AutarkyState = AutarkyState.AUTARKIC,
    withdrawn: bool = False,
) -> AutarkyChange:
    return AutarkyChange(
        community_id=community,
        meter_id=meter,
        period_start=start,
        version=version,
        from_state=from_state,
        to_state=to_state,
        reason=AutarkyReason.REACHED,
        since=start - PERIOD_S,
        threshold=0.99,
        self_sufficiency=1.0,
        consumption_mwh=1_000,
        solar_used_mwh=1_000,
        shared_mwh=0,
        withdrawn=withdrawn,
        notice=None if withdrawn else to_state,
    )


def a_step(  # noqa: PLR0913 - what a test may be about
    step: int = 1,
    event: TicketEvent = TicketEvent.OPENED,
    state: TicketState = TicketState.OPEN,
    *,
    ticket: str = "t-1",
    kind: MalfunctionKind = MalfunctionKind.METER_SILENT,
    community: str = "c1",
    meters: Sequence[str] = ("m1",),
    at: int = NOON + 180,
    technician: str | None = None,
    by: str | None = None,
    reason: str = "no reading",
) -> Malfunction:
    return Malfunction(
        ticket_id=ticket,
        step=step,
        event=event,
        state=state,
        kind=kind,
        community_id=community,
        meter_id=list(meters),
        technician_id=technician,
        by=by,
        since=NOON,
        at=at,
        reason=reason,
    )


def an_order(*, valid_from: int = NOON + 60, **others: Any) -> ProductionOrder:  # noqa: ANN401 - any field
    fields = {
        "order_id": "g1@1",
        "plant_id": "g1",
        "version": 1,
        "minute": NOON,
        "valid_from": valid_from,
        "valid_until": valid_from + 240,
        "ordered_w": 500,
        "reason": OrderReason.MERIT,
        "forecast_w": 490,
        "reserve_w": 10,
        "deficit_w": 0,
        "surplus_w": 0,
    }
    return ProductionOrder(**{**fields, **others})


def a_plant_minute(**others: Any) -> PlantMinute:  # noqa: ANN401 - any field
    fields = {
        "plant_id": "g1",
        "minute": NOON + 60,
        "version": 1,
        "production_w": 480,
        "available_w": 900,
        "out_of_service": False,
    }
    return PlantMinute(**{**fields, **others})


def a_shed_order(*, valid_from: int = NOON + 60, **others: Any) -> ShedOrder:  # noqa: ANN401 - any field
    fields = {
        "order_id": "c1@deficit",
        "community_id": "c1",
        "version": 1,
        "minute": NOON,
        "valid_from": valid_from,
        "valid_until": valid_from + 240,
        "shed_w": 700,
        "deficit_w": 1_000,
        "reason": ShedReason.DEFICIT,
    }
    return ShedOrder(**{**fields, **others})


def validated(meters: dict[str, int], *, version: int, of_version: int, **more: Any) -> bytes:  # noqa: ANN401 - fields
    """Return figures whose consumption in mWh is said by meter; the rest is as it may be."""
    count = len(meters)
    energies = list(meters.values())
    told = ValidatedIntervals.model_validate(
        {
            "community_id": "c1",
            "period_start": NOON,
            "version": version,
            "of_version": of_version,
            "part": 0,
            "meter_id": list(meters),
            "consumption_mwh": energies,
            "production_mwh": [None] * count,
            "import_mwh": energies,
            "export_mwh": [0] * count,
            "battery_charge_mwh": [None] * count,
            "battery_discharge_mwh": [None] * count,
            "quality": [Quality.ESTIMATED] * count,
            "method": [EstimationMethod.LIKE_DAYS] * count,
            "measured_minutes": [5] * count,
            "substituted_minutes": [0] * count,
            "estimated_minutes": [10] * count,
            "missing_minutes": [0] * count,
            **more,
        }
    )
    return told.model_dump_json().encode()
