"""What notifications remember: the queue of each recipient, and what is finished.

`notifications` is keyed by person and notification: what is not finished, how far it got. A record
is deleted when its notification is sent or given up. Under the person alone: when they were last
told of autarky; that record stays.

`notifications-finished` is keyed by the event time of the cause, person and notification, so that
the oldest come first: what is finished. It is deleted once it is older than
`SMATRIX_WINDOW_RETENTION`; a notification that comes again later than that is given up.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import orjson
from faust import Table

from schemas.notifications import Notification, Stage
from streams.delivery.app import App
from streams.domain.event_clock import EventClock
from streams.domain.notification_queue import Queue
from streams.domain.notifications import (
    NotificationPolicy,
    Queued,
    Recipient,
    Refusal,
)
from tables.minutes import SchemaError
from tables.store import Store

SCHEMA: Final = 1
TABLE: Final = "notifications"
FINISHED: Final = "notifications-finished"
FORGOTTEN_AT_ONCE: Final = 10_000
_AT: Final = struct.Struct(">Q")  # big-endian: keys sort by time
_KNOWN: Final = b"1"


@dataclass(frozen=True, slots=True)
class NotificationTables:
    """Both tables, declared."""

    queued: Table[bytes, bytes]
    finished: Table[bytes, bytes]


def declare(app: App) -> NotificationTables:
    """Declare the tables."""
    return NotificationTables(app.bytes_table(TABLE), app.bytes_table(FINISHED))


def key(person_id: str, notification_id: str = "") -> bytes:
    """Return the key of a notification, or of its recipient."""
    return b"%s\0%s" % (person_id.encode(), notification_id.encode())


def finished_key(notification: Notification) -> bytes:
    """Return the key of a notification that is finished."""
    return _AT.pack(notification.at) + key(notification.person_id, notification.notification_id)


def person_of(stored_key: bytes) -> bytes:
    """Return whom a key of `notifications` is about: who decides its partition."""
    return stored_key.partition(b"\0")[0]


def person_of_finished(stored_key: bytes) -> bytes:
    """Return whom a key of `notifications-finished` is about: who decides its partition."""
    return person_of(stored_key[_AT.size :])


def finished() -> bytes:
    """Return the record of a notification that is finished."""
    return _KNOWN


def encode(queued: Queued) -> bytes:
    """Return a notification and how far it got, as bytes."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "notification": queued.notification.model_dump(mode="json"),
            "state": queued.state,
            "version": queued.version,
            "attempts": queued.attempts,
            "queued_at": queued.queued_at,
            "seen_at": queued.seen_at,
            "retry_at": queued.retry_at,
            "mail_id": queued.mail_id,
            "in_doubt": queued.in_doubt,
            "reason": queued.reason,
        }
    )


def decode(data: bytes) -> Queued:
    """Return what bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    stored = _checked(data)
    notification = Notification.model_validate(stored.pop("notification"))
    return Queued(notification=notification, state=Stage(stored.pop("state")), **stored)


def encode_recipient(recipient: Recipient) -> bytes:
    """Return what is remembered of a recipient, as bytes."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "told_at": recipient.told_at,
            "reached": recipient.reached,
            "since": recipient.since,
        }
    )


def decode_recipient(data: bytes) -> Recipient:
    """Return what bytes hold.

    Raises:
        SchemaError: If a later version wrote them.
    """
    return Recipient(**_checked(data))


def load(
    policy: NotificationPolicy, refusal: Refusal, *, of_queued: Store, of_finished: Store
) -> Queue:
    """Return a partition's queue as the tables have it.

    Raises:
        SchemaError: If a later version wrote them.
    """
    clock, queued = EventClock(), []
    for stored_key, data in of_queued.items(b"", prefix=b""):
        if stored_key.startswith(b"__faust\0"):
            continue
        if stored_key.endswith(b"\0"):
            recipient = decode_recipient(data)
            clock.advance(recipient.reached, now=recipient.since)
        else:
            queued.append(decode(data))

    def read_recipient(person_id: str) -> Recipient | None:
        data = of_queued.get(key(person_id))
        return None if data is None else decode_recipient(data)

    return Queue(
        policy,
        clock=clock,
        queued=queued,
        recipient=read_recipient,
        is_finished=lambda one: of_finished.get(finished_key(one)) is not None,
        refusal=refusal,
    )


def forgotten(of_finished: Store, *, before: float) -> Iterator[bytes]:
    """Yield the keys of what is finished and older than an event time (epoch s), some at a time."""
    for stored_key, _ in islice(of_finished.items(b"", prefix=b""), FORGOTTEN_AT_ONCE):
        if stored_key.startswith(b"__faust\0") or _AT.unpack(stored_key[:8])[0] >= before:
            return
        yield stored_key


def _checked(data: bytes) -> dict[str, Any]:
    stored: dict[str, Any] = orjson.loads(data)
    if stored["schema"] != SCHEMA:
        raise SchemaError(
            f"{TABLE} table: schema {stored['schema']} is unknown here, known is {SCHEMA}"
        )
    del stored["schema"]
    return stored
