"""Who can be written to, as registered, and who wants to be."""

from typing import Final, NamedTuple

from schemas.notifications import NotificationKind, Subscription
from schemas.persons import Language, Person

UNKNOWN: Final = "unknown_person"
ERASED: Final = "erased"
NO_EMAIL: Final = "no_email"
UNSUBSCRIBED: Final = "unsubscribed"
REFUSALS: Final = frozenset({UNKNOWN, ERASED, NO_EMAIL, UNSUBSCRIBED})


class Addressee(NamedTuple):
    """What a mail needs of a person; both are None once the person is erased."""

    version: int
    name: str | None
    email: str | None
    language: Language


class Addressees:
    """All persons and what they don't want: of each the highest version."""

    def __init__(self) -> None:
        """Know nobody."""
        self._persons: dict[str, Addressee] = {}
        self._unsubscribed: dict[str, tuple[int, frozenset[NotificationKind]]] = {}

    def take_person(self, person: Person) -> None:
        """Take note of a person's version."""
        known = self._persons.get(person.person_id)
        if known is None or known.version <= person.version:
            self._persons[person.person_id] = Addressee(
                person.version, person.name, person.email, person.language
            )

    def take_subscription(self, subscription: Subscription) -> None:
        """Take note of what a person does not want."""
        version, _ = self._unsubscribed.get(subscription.person_id, (0, frozenset()))
        if version <= subscription.version:
            unwanted = frozenset(subscription.unsubscribed)
            self._unsubscribed[subscription.person_id] = (subscription.version, unwanted)

    def __contains__(self, person_id: str) -> bool:
        """Say whether a person is or was registered."""
        return person_id in self._persons

    def __getitem__(self, person_id: str) -> Addressee:
        """Return a person's address."""
        return self._persons[person_id]

    def refusal(self, person_id: str, kind: NotificationKind) -> str | None:
        """Return why a person can't be written to about something; None when they can."""
        known = self._persons.get(person_id)
        if known is None:
            return UNKNOWN
        if known.name is None:
            return ERASED
        if known.email is None:
            return NO_EMAIL
        _, unwanted = self._unsubscribed.get(person_id, (0, frozenset()))
        return UNSUBSCRIBED if kind in unwanted else None
