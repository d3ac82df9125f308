"""What operators see of notifications and mails; no label names a person."""

from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum

from prometheus_client import Counter, Gauge, Histogram

from schemas.notifications import NotificationKind, Stage
from sinks.table_metrics import forget_tables
from streams.domain.addressees import REFUSALS
from streams.domain.notification_queue import EXPIRED, TOO_OLD
from streams.domain.notifications import Step


class Why(StrEnum):
    """Why a notification was given up, in so few words that each can be a label."""

    NOBODY = "nobody"
    TOO_OLD = "too_old"
    EXPIRED = "expired"
    REFUSED = "refused"


STATES = Counter(
    "smatrix_notifications_total", "Notifications that came into a state.", ["kind", "state"]
)
GIVEN_UP = Counter(
    "smatrix_notifications_given_up_total",
    "Notifications given up: there is nobody, too old, refused by the mail server, or expired.",
    ["kind", "why"],
)
MAILS = Counter("smatrix_mails_total", "Mails that a mail server was to take.", ["kind"])
REPEATED = Counter(
    "smatrix_mails_repeated_total",
    "Mails tried again though the end of an attempt is not known: they may come twice.",
)
MALFORMED = Counter(
    "smatrix_notifications_malformed_messages_total",
    "Messages that are no notifications; left out.",
)
WAITED = Histogram(
    "smatrix_notification_waited_seconds",
    "Time from a notification's arrival until it was sent, with quiet hours and gathering.",
    buckets=(1, 10, 60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600, 24 * 3_600, 48 * 3_600),
)
QUEUED = Gauge(
    "smatrix_notifications_queued", "Notifications that are not finished.", ["partition"]
)
FAILING_SECONDS = Gauge(
    "smatrix_notifications_failing_seconds",
    "Age of the oldest notification whose last attempt failed; 0 when there is none.",
    ["partition"],
)
AWAY_SECONDS = Gauge(
    "smatrix_mail_server_away_seconds", "How long the mail server takes no mails; 0 while it does."
)


def count(step: Step) -> None:
    """Add what has changed to the counters."""
    for state in step.states:
        STATES.labels(state.kind, state.state).inc()
        if state.state is Stage.GIVEN_UP:
            GIVEN_UP.labels(state.kind, _why(state.reason or "")).inc()
    for waited_s in step.waited_s:
        WAITED.observe(waited_s)


def declare() -> None:
    """Let the counters of all states begin at 0, so that their first growth is seen."""
    for kind in NotificationKind:
        MAILS.labels(kind)
        for state in Stage:
            STATES.labels(kind, state)
        for why in Why:
            GIVEN_UP.labels(kind, why)


def forget(partition: str, tables: Iterable[str]) -> None:
    """Take back the figures of a partition that another worker has now."""
    for gauge in (QUEUED, FAILING_SECONDS):
        with suppress(KeyError):
            gauge.remove(partition)
    forget_tables(tables, partition)


def _why(reason: str) -> Why:
    first = reason.partition(":")[0]
    if first in REFUSALS:
        return Why.NOBODY
    return {TOO_OLD: Why.TOO_OLD, EXPIRED: Why.EXPIRED}.get(first, Why.REFUSED)
