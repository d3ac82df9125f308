"""What states, events and kinds are called, and what mails are about, in each language."""

from typing import Final

from schemas.autarky import AutarkyState
from schemas.malfunction import MalfunctionKind, TicketEvent
from schemas.notifications import NotificationKind
from schemas.persons import Language

FORMATS: Final = {
    Language.ENGLISH: "%Y-%m-%d %H:%M",
    Language.FRENCH: "%d/%m/%Y %H:%M",
}
"""How a time is written, for strftime."""

SUBJECTS: Final = {
    Language.ENGLISH: {
        NotificationKind.AUTARKY: (
            "Your household is {state} since {at}",
            "Your household: {count} changes",
        ),
        NotificationKind.MALFUNCTION: (
            "{kind} in {community}: ticket {event}",
            "{count} messages about your tickets",
        ),
    },
    Language.FRENCH: {
        NotificationKind.AUTARKY: (
            "Votre foyer est {state} depuis le {at}",
            "Votre foyer : {count} changements",
        ),
        NotificationKind.MALFUNCTION: (
            "{kind} à {community} : ticket {event}",
            "{count} messages sur vos tickets",
        ),
    },
}
"""The subject of a mail with one notification, and with several."""

WORDS: Final[dict[Language, dict[AutarkyState | MalfunctionKind | TicketEvent, str]]] = {
    Language.ENGLISH: {
        AutarkyState.UNKNOWN: "in an unknown state",
        AutarkyState.DEPENDENT: "on the grid",
        AutarkyState.AUTARKIC: "self-sufficient",
        MalfunctionKind.METER_SILENT: "Silent meter",
        MalfunctionKind.TERMINAL_SILENT: "Silent terminal",
        MalfunctionKind.INCONSISTENT: "Inconsistent readings",
        MalfunctionKind.STUCK_METER: "Stuck meter",
        MalfunctionKind.CLOCK: "Wrong clock",
        TicketEvent.OPENED: "opened",
        TicketEvent.ASSIGNED: "assigned to you",
        TicketEvent.REMINDED: "still waits for you",
        TicketEvent.CLEARED: "cleared by good readings",
        TicketEvent.REOPENED: "opened again",
        TicketEvent.RESOLVED: "resolved",
    },
    Language.FRENCH: {
        AutarkyState.UNKNOWN: "dans un état inconnu",
        AutarkyState.DEPENDENT: "alimenté par le réseau",
        AutarkyState.AUTARKIC: "autosuffisant",
        MalfunctionKind.METER_SILENT: "Compteur muet",
        MalfunctionKind.TERMINAL_SILENT: "Terminal muet",
        MalfunctionKind.INCONSISTENT: "Relevés incohérents",
        MalfunctionKind.STUCK_METER: "Compteur bloqué",
        MalfunctionKind.CLOCK: "Horloge déréglée",
        TicketEvent.OPENED: "ouvert",
        TicketEvent.ASSIGNED: "vous est attribué",
        TicketEvent.REMINDED: "vous attend toujours",
        TicketEvent.CLEARED: "levé par de bons relevés",
        TicketEvent.REOPENED: "rouvert",
        TicketEvent.RESOLVED: "résolu",
    },
}
