"""Who shall be told of a change or a ticket: the customer of a household, a ticket's technician.

A community's own change concerns nobody in particular. Of a ticket, its technician is told when
they get it, are reminded of it, when it comes back and when good readings clear it; not when it is
opened, as nobody has it then, nor when they resolve it themselves.
"""

import hashlib
from typing import Final, NamedTuple

from schemas.autarky import AutarkyChange
from schemas.malfunction import Malfunction, TicketEvent
from schemas.notifications import AutarkyNotice, MalfunctionNotice, Notification, NotificationKind
from schemas.registry import Community, Household
from schemas.units import PERIOD_S

UNKNOWN_ZONE: Final = "UTC"
"""The zone of who is in a community that is not registered."""

_TOLD: Final = frozenset(
    {TicketEvent.ASSIGNED, TicketEvent.REMINDED, TicketEvent.REOPENED, TicketEvent.CLEARED}
)


class _Stay(NamedTuple):
    version: int
    valid_from: int
    valid_to: int | None
    customer: str


class Directory:
    """Who lives where and in which zone, as registered: of persons only their ids.

    Households without a customer take no room.
    """

    def __init__(self) -> None:
        """Know nobody."""
        self._zones: dict[str, tuple[int, str]] = {}
        self._stays: dict[tuple[str, str], dict[tuple[str, int], _Stay]] = {}
        self._meters: dict[tuple[str, str, int], str] = {}

    def take(self, entry: Community | Household) -> None:
        """Take note of an entry's version; those of an entry come in their order, or again."""
        if isinstance(entry, Community):
            if entry.version >= self._zones.get(entry.community_id, (0, ""))[0]:
                self._zones[entry.community_id] = (entry.version, entry.zone)
            return
        key = (entry.household_id, entry.valid_from)
        place = (entry.community_id, *key)
        before = self._stays.get((entry.community_id, self._meters.get(place, "")), {})
        if key in before:
            if before[key].version > entry.version:
                return
            del before[key], self._meters[place]
        if entry.customer_id is not None:
            self._meters[place] = entry.meter_id
            stays = self._stays.setdefault((entry.community_id, entry.meter_id), {})
            stays[key] = _Stay(entry.version, entry.valid_from, entry.valid_to, entry.customer_id)

    def zone_of(self, community_id: str) -> str:
        """Return the IANA zone of a community's days."""
        return self._zones.get(community_id, (0, UNKNOWN_ZONE))[1]

    def customer_of(self, community_id: str, meter_id: str, *, at: int) -> str | None:
        """Return the person who is the customer behind a meter at a time (epoch s).

        None when none is registered.
        """
        for stay in self._stays.get((community_id, meter_id), {}).values():
            if stay.valid_from <= at and (stay.valid_to is None or at < stay.valid_to):
                return stay.customer
        return None


def of_change(change: AutarkyChange, directory: Directory) -> Notification | None:
    """Return what has to be told of a change; None when there is nothing, or nobody to tell."""
    if change.notice is None or change.meter_id is None:
        return None
    person = directory.customer_of(change.community_id, change.meter_id, at=change.period_start)
    if person is None:
        return None
    cause = (change.community_id, change.meter_id, str(change.period_start), str(change.version))
    return Notification(
        notification_id=_id(NotificationKind.AUTARKY, *cause, person),
        person_id=person,
        kind=NotificationKind.AUTARKY,
        community_id=change.community_id,
        meter_id=[change.meter_id],
        zone=directory.zone_of(change.community_id),
        at=change.period_start + PERIOD_S,
        autarky=AutarkyNotice(
            state=change.notice,
            self_sufficiency=change.self_sufficiency,
            consumption_mwh=change.consumption_mwh,
            solar_used_mwh=change.solar_used_mwh,
        ),
    )


def of_malfunction(malfunction: Malfunction, directory: Directory) -> Notification | None:
    """Return what a ticket's technician has to be told of a step; None when there is nothing."""
    person = malfunction.technician_id
    if person is None or malfunction.event not in _TOLD:
        return None
    cause = (malfunction.ticket_id, str(malfunction.step))
    return Notification(
        notification_id=_id(NotificationKind.MALFUNCTION, *cause, person),
        person_id=person,
        kind=NotificationKind.MALFUNCTION,
        community_id=malfunction.community_id,
        meter_id=malfunction.meter_id,
        zone=directory.zone_of(malfunction.community_id),
        at=malfunction.at,
        malfunction=MalfunctionNotice(
            ticket_id=malfunction.ticket_id,
            event=malfunction.event,
            kind=malfunction.kind,
            since=malfunction.since,
            reason=malfunction.reason,
        ),
    )


def _id(*words: str) -> str:
    """Return an id that the same words always have, and others never."""
    # No id has a zero byte in it.
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]
