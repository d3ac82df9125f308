"""Changes, tickets and notifications; each builder names what a test is about."""

from typing import Any

from schemas.autarky import AutarkyChange, AutarkyReason, AutarkyState
from schemas.malfunction import Malfunction, MalfunctionKind, TicketEvent, TicketState
from schemas.notifications import AutarkyNotice, MalfunctionNotice, Notification, NotificationKind
from tests.builders import NOON, QUARTER_S


def a_change(community_id: str = "c1", meter_id: str | None = "m1", **others: Any) -> AutarkyChange:  # noqa: ANN401 - any field
    fields = {
        "period_start": NOON,
        "version": 1,
        "from_state": AutarkyState.DEPENDENT,
        "to_state": AutarkyState.AUTARKIC,
        "reason": AutarkyReason.REACHED,
        "since": NOON - QUARTER_S,
        "threshold": 0.99,
        "self_sufficiency": 0.995,
        "consumption_mwh": 200_000,
        "solar_used_mwh": 199_000,
        "shared_mwh": 0,
        "withdrawn": False,
        "notice": AutarkyState.AUTARKIC,
    }
    return AutarkyChange(community_id=community_id, meter_id=meter_id, **{**fields, **others})


def a_malfunction(ticket_id: str = "t1", **others: Any) -> Malfunction:  # noqa: ANN401 - any field
    fields = {
        "step": 2,
        "event": TicketEvent.ASSIGNED,
        "state": TicketState.ASSIGNED,
        "kind": MalfunctionKind.METER_SILENT,
        "community_id": "c1",
        "meter_id": ["m1"],
        "technician_id": "p1",
        "since": NOON - QUARTER_S,
        "at": NOON,
        "reason": "nothing came for 15 min",
    }
    return Malfunction(ticket_id=ticket_id, **{**fields, **others})


def a_notification(
    notification_id: str = "n1",
    person_id: str = "p1",
    *,
    kind: NotificationKind = NotificationKind.AUTARKY,
    **others: Any,  # noqa: ANN401 - any field
) -> Notification:
    fields: dict[str, Any] = {
        "community_id": "c1",
        "meter_id": ["m1"],
        "zone": "Europe/Berlin",
        "at": NOON,
    }
    if kind is NotificationKind.AUTARKY:
        fields["autarky"] = AutarkyNotice(
            state=AutarkyState.AUTARKIC,
            self_sufficiency=0.995,
            consumption_mwh=200_000,
            solar_used_mwh=199_000,
        )
    else:
        fields["malfunction"] = MalfunctionNotice(
            ticket_id=f"t-{notification_id}",
            event=TicketEvent.ASSIGNED,
            kind=MalfunctionKind.METER_SILENT,
            since=NOON - QUARTER_S,
            reason="nothing came for 15 min",
        )
    return Notification(
        notification_id=notification_id, person_id=person_id, kind=kind, **{**fields, **others}
    )
