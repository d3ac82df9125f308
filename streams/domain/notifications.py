"""What is remembered of notifications and mails, and how a mail can end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import time

from schemas.notifications import Notification, NotificationKind, NotificationState, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationPolicy:
    """The rules.

    Attributes:
        gap_s: Least time between two mails to one recipient about autarky.
        gather_s: How long a malfunction waits for others.
        quiet_from: When nobody is told of autarky any more, in the recipient's zone.
        quiet_to: When they are told again.
        give_up_s: How long a notification is tried.
        retention_s: How long a finished notification is known, and how old a new one may be.
        first_pause_s: Between the first attempt and the second; then it doubles.
        longest_pause_s: Between two attempts.
    """

    gap_s: float
    gather_s: float
    quiet_from: time
    quiet_to: time
    give_up_s: float
    retention_s: float
    first_pause_s: float = 30.0
    longest_pause_s: float = 3_600.0

    def pause_s(self, attempts: int) -> float:
        """Return how long to wait after so many attempts."""
        # 2 ** 20 first pauses are longer than any longest one.
        return min(self.first_pause_s * (1 << min(attempts - 1, 20)), self.longest_pause_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A notification that is not finished.

    Attributes:
        state: QUEUED, SENDING or FAILED.
        version: Of the state that was told last.
        attempts: How often a mail server was to take it.
        queued_at: Wall clock, epoch s.
        seen_at: Event time when it was queued.
        retry_at: Wall clock from which on its mail may be tried again.
        mail_id: Of the mail that it is in; None before there is one.
        in_doubt: Whether an attempt's end is not known.
        reason: Why the last attempt failed.
    """

    notification: Notification
    state: Stage
    version: int
    attempts: int
    queued_at: float
    seen_at: float
    retry_at: float
    mail_id: str | None = None
    in_doubt: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """What is remembered of a recipient.

    Attributes:
        told_at: Event time of the last mail about autarky; None before the first.
        reached: Event time when something last came for them.
        since: Wall clock of that.
    """

    told_at: float | None
    reached: float
    since: float


@dataclass(frozen=True, slots=True)
class Mail:
    """What is to be sent in one: all notifications are of one kind and for one person."""

    mail_id: str
    person_id: str
    kind: NotificationKind
    notifications: tuple[Notification, ...]
    is_repeated: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """The mail server has it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The mail server, or we, will never send it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It was not sent, and may be another time; in doubt it may have been sent all the same."""

    reason: str
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class NotBegun:
    """No mail server has been asked."""


Outcome = Sent | Refused | Failed | NotBegun
Refusal = Callable[[str, NotificationKind], str | None]
"""Given a person and a kind: why they can't be written to about it; None when they can."""


@dataclass(slots=True)
class Step:
    """What has changed.

    Attributes:
        queued: By person and notification, what is remembered; None: it is finished.
        finished: What is done with, to be known as such.
        recipients: By person, what is remembered.
        states: What is told.
        waited_s: Wall time from queue to end, of each that was sent.
    """

    queued: dict[tuple[str, str], Queued | None] = field(default_factory=dict)
    finished: list[Notification] = field(default_factory=list)
    recipients: dict[str, Recipient] = field(default_factory=dict)
    states: list[NotificationState] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)
