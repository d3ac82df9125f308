"""Messages as metering sends them; each builder names what a test is about."""

from collections.abc import Sequence

from schemas.metering import CommunityMinute, HouseholdIntervals, RejectedReading, RejectionRule

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
