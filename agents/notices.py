"""Shell around `streams.domain.notices`: changes and tickets in, notifications out.

A notification goes to the partition of its recipient, in the transaction of the batch that caused
it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from faust.types import StreamT
from pydantic import ValidationError

from agents.malformed import leave_out
from agents.registered import COMMUNITIES_AND_HOUSEHOLDS, entry_of
from schemas.autarky import AutarkyChange
from schemas.malfunction import Malfunction
from schemas.notifications import Notification, NotificationKind
from schemas.registry import Community, Household
from sinks import alert_metrics, notice_metrics
from streams import topics
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Effects
from streams.delivery.follower import Follower
from streams.domain.notices import Directory, of_change, of_malfunction

Notice = Callable[[bytes, Directory], Notification | None]


def attach(app: App) -> None:
    """Declare the agents of both causes, and follow who is registered."""
    notice_metrics.declare()
    directory = Directory()
    follower = app.follow(COMMUNITIES_AND_HOUSEHOLDS, partial(_take, directory))
    telling = _Telling(app, directory, follower)

    @app.agent(app.bytes_topic(topics.AUTARKY_CHANGES.name), name="autarky-notices")
    async def autarky_notices(stream: StreamT[Any]) -> None:
        """Make notifications of changes of autarky."""
        async for batch in batches(stream):
            await telling.tell(batch, _of_change)

    @app.agent(app.bytes_topic(topics.MALFUNCTIONS.name), name="malfunction-notices")
    async def malfunction_notices(stream: StreamT[Any]) -> None:
        """Make notifications of what happens to tickets."""
        async for batch in batches(stream):
            await telling.tell(batch, _of_malfunction)


@dataclass(frozen=True, slots=True)
class _Telling:
    """What both agents do with a batch."""

    app: App
    directory: Directory
    follower: Follower

    async def tell(self, batch: Batch, notice: Notice) -> None:
        """Send the notifications that a batch causes."""
        # Whoever was registered before the cause is known then.
        if batch.records and not await self.follower.caught_up(unless=self.app.revoking):
            batch.abandon()
            return
        effects = Effects()
        effects.routed[topics.NOTIFICATIONS.name] = [
            (one.person_id.encode(), one.model_dump_json().encode())
            for one in self._notifications(batch, notice)
        ]
        await self.app.delivery.commit(batch, effects)

    def _notifications(self, batch: Batch, notice: Notice) -> list[Notification]:
        found = []
        for record in batch.records:
            try:
                notification = notice(record.value or b"", self.directory)
            except ValidationError as error:
                alert_metrics.MALFORMED.inc()
                leave_out(batch, record.offset, error)
            else:
                if notification is not None:
                    found.append(notification)
        return found


def _take(directory: Directory, topic: str, value: bytes) -> None:
    entry = entry_of(topic, value, malformed=alert_metrics.MALFORMED)
    if isinstance(entry, Community | Household):
        directory.take(entry)


def _of_change(value: bytes, directory: Directory) -> Notification | None:
    change = AutarkyChange.model_validate_json(value)
    notification = of_change(change, directory)
    is_news = change.notice is not None and change.meter_id is not None
    _count(NotificationKind.AUTARKY, notification, is_news=is_news)
    return notification


def _of_malfunction(value: bytes, directory: Directory) -> Notification | None:
    malfunction = Malfunction.model_validate_json(value)
    notification = of_malfunction(malfunction, directory)
    is_news = malfunction.technician_id is None
    _count(NotificationKind.MALFUNCTION, notification, is_news=is_news)
    return notification


def _count(kind: NotificationKind, notification: Notification | None, *, is_news: bool) -> None:
    if notification is not None:
        notice_metrics.NOTIFICATIONS.labels(kind).inc()
    elif is_news:
        notice_metrics.NOBODY.labels(kind).inc()
