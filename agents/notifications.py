"""The role that writes to people: its queue is `streams.domain.notifications`, its way out SMTP.

That a mail is being sent is durable before a mail server hears of it, and that it was sent
afterwards. A batch is acknowledged once the mails that it began have ended, so that partitions are
given away with nothing unknown; the next batches go on meanwhile.
"""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from faust.types import StreamT
from pydantic import ValidationError

from agents.malformed import leave_out
from agents.partitions import Partition, Partitions
from schemas.notifications import Notification, Subscription
from schemas.persons import Person
from sinks import mail_metrics
from sinks.mail.rendering import AddressError, Renderer
from sinks.mail.sending import Mailer
from streams import clock, topics
from streams.codecs.registry import UnreadableEntryError, decode
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Effects
from streams.delivery.follower import Follower
from streams.delivery.transactional import TransactionalDelivery
from streams.domain.addressees import Addressees
from streams.domain.notification_queue import Queue
from streams.domain.notifications import (
    Mail,
    NotBegun,
    Outcome,
    Refused,
    Step,
)
from streams.policies import notification_policy
from streams.records import EMPTY
from streams.settings import DeliveryMode, Settings
from tables import notifications as tables

logger = logging.getLogger(__name__)

# How long a mail may still take once the partitions are wanted elsewhere; a worker drains in 10 s.
LAST_WORDS_S: Final = 5.0
FORGET_EVERY_S: Final = 60.0


def attach(app: App, settings: Settings) -> None:
    """Declare the tables and the agent of notifications, and follow who can be written to."""
    if settings.delivery is DeliveryMode.TRANSACTIONAL:
        app.delivery = TransactionalDelivery(app)
    addressees = Addressees()
    follower = app.follow(
        (topics.REGISTRY_PERSONS.name, topics.NOTIFICATION_SUBSCRIPTIONS.name),
        lambda name, value: _take(addressees, name, value),
    )
    mailer = Mailer(settings)
    mail_metrics.AWAY_SECONDS.set_function(mailer.away_s)
    mail_metrics.declare()
    writing = _Writing(app, settings, addressees, follower, mailer)

    @app.agent(app.bytes_topic(topics.NOTIFICATIONS.name), name="notifications")
    async def notifications(stream: StreamT[Any]) -> None:
        """Queue notifications, and write the mails that are due."""
        async for batch in batches(stream):
            await writing.take(batch)


@dataclass(slots=True)
class _Kept:
    """What the agent keeps of a partition.

    Attributes:
        turn: Whoever changes the queue has it until the changes are handed over.
        ended: Mails whose end the queue does not know yet.
        forgotten_at: Event time up to which finished notifications were looked for.
    """

    queue: Queue
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: list[tuple[Mail, Outcome]] = field(default_factory=list)
    forgotten_at: float = 0.0


class _Writing:
    """What the agent does with batches."""

    def __init__(
        self,
        app: App,
        settings: Settings,
        addressees: Addressees,
        follower: Follower,
        mailer: Mailer,
    ) -> None:
        self._app = app
        self._addressees = addressees
        self._follower = follower
        self._mailer = mailer
        self._retention_s = settings.window_retention.total_seconds()
        self._settings = settings
        self._tables = tables.declare(app)
        policy = notification_policy(settings)
        self._partitions: Partitions[_Kept] = Partitions(
            app,
            (self._tables.queued, self._tables.finished),
            load=lambda stores: _Kept(
                tables.load(
                    policy,
                    addressees.refusal,
                    of_queued=stores[self._tables.queued.name],
                    of_finished=stores[self._tables.finished.name],
                )
            ),
            forget=mail_metrics.forget,
        )
        self._sending: set[asyncio.Task[None]] = set()

    @cached_property
    def _renderer(self) -> Renderer:
        """Who writes; only when there is a mail to write, as else there may be no sender."""
        settings = self._settings
        return Renderer(
            sender=settings.mail_sender,
            secret=settings.mail_secret.get_secret_value().encode(),
            base_url=None if settings.mail_base_url is None else str(settings.mail_base_url),
        )

    async def take(self, batch: Batch) -> None:
        """Queue what a batch brings, and begin the mails that are due."""
        arrived = _decode(batch)
        # Who was registered before the cause is known then.
        if any(one.person_id not in self._addressees for one in arrived) and not (
            await self._follower.caught_up(unless=self._app.revoking)
        ):
            batch.abandon()
            return
        partition = self._partitions.of(batch)
        kept = partition.kept
        async with kept.turn:
            now = clock.epoch_now()
            kept.queue.take(arrived, now=now)
            room = 0 if self._app.revoking.is_set() else self._mailer.room()
            mails = kept.queue.begin(now=now, room=room)
            self._mailer.reserve(len(mails))
            effects = self._effects(kept.queue.drain())
            self._forget(partition, effects, now=now)
            self._observe(partition, mails, now=now)
            if not mails:
                await self._app.delivery.commit(batch, effects)
                return
            await self._app.delivery.commit(replace(batch, event=None), effects)
        task = asyncio.create_task(self._send(batch, kept, mails))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        task.add_done_callback(self._app.crash_on_failure)

    async def _send(self, batch: Batch, kept: _Kept, mails: list[Mail]) -> None:
        """Send mails whose beginning has been handed over, and let go of their batch."""
        await self._app.delivery.durable(batch.partition)
        sending = [asyncio.create_task(self._send_one(batch, kept, mail)) for mail in mails]
        hurry = asyncio.create_task(self._app.revoking.wait())
        try:
            everything = asyncio.create_task(asyncio.wait(sending))
            await asyncio.wait({everything, hurry}, return_when=asyncio.FIRST_COMPLETED)
            done, late = await asyncio.wait(sending, timeout=LAST_WORDS_S)
            for task in late:
                # Whoever has the partition next finds them begun, and tries them again.
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            for task in done:
                task.result()
        finally:
            hurry.cancel()
        await self._app.delivery.durable(batch.partition)
        batch.acknowledge()

    async def _send_one(self, batch: Batch, kept: _Kept, mail: Mail) -> None:
        kept.ended.append((mail, await self._outcome(mail)))
        async with kept.turn:
            if not kept.ended:
                return  # another one has taken it along
            now = clock.epoch_now()
            for each, outcome in kept.ended:
                kept.queue.conclude(each, outcome, now=now)
            kept.ended.clear()
            effects = self._effects(kept.queue.drain())
            ended = Batch(
                batch.tp, EMPTY, batch.assignment, follows=None, next_offset=None, lag=None
            )
            await self._app.delivery.commit(ended, effects)

    async def _outcome(self, mail: Mail) -> Outcome:
        reason = self._addressees.refusal(mail.person_id, mail.kind)
        if reason is not None:
            self._mailer.reserve(-1)
            return Refused(reason)
        to = self._addressees[mail.person_id]
        try:
            message = self._renderer.render(mail, to, now=clock.utc_now())
        except AddressError as error:
            self._mailer.reserve(-1)
            return Refused(str(error))
        outcome = await self._mailer.send(message, to=to.email or "", unless=self._app.revoking)
        if not isinstance(outcome, NotBegun):
            mail_metrics.MAILS.labels(mail.kind).inc()
            mail_metrics.REPEATED.inc(mail.is_repeated)
        return outcome

    def _effects(self, step: Step) -> Effects:
        mail_metrics.count(step)
        effects = Effects()
        effects.changes[self._tables.queued] = {
            tables.key(*place): None if queued is None else tables.encode(queued)
            for place, queued in step.queued.items()
        } | {
            tables.key(person): tables.encode_recipient(recipient)
            for person, recipient in step.recipients.items()
        }
        effects.changes[self._tables.finished] = {
            tables.finished_key(one): tables.finished() for one in step.finished
        }
        effects.outputs[topics.NOTIFICATION_STATES.name] = [
            (state.person_id.encode(), state.model_dump_json().encode()) for state in step.states
        ]
        return effects

    def _forget(self, partition: Partition[_Kept], effects: Effects, *, now: float) -> None:
        """Delete, now and then, what was finished so long ago that it can't come again."""
        kept, event_time = partition.kept, partition.kept.queue.event_time(now=now)
        if event_time < kept.forgotten_at + FORGET_EVERY_S:
            return
        kept.forgotten_at = event_time
        forgotten = tables.forgotten(
            partition.stores[self._tables.finished.name], before=event_time - self._retention_s
        )
        changes = effects.changes[self._tables.finished]
        for key in forgotten:
            changes.setdefault(key, None)

    def _observe(self, partition: Partition[_Kept], mails: list[Mail], *, now: float) -> None:
        for mail in mails:
            if mail.is_repeated:
                logger.warning(
                    "mail %s is sent again: how its last attempt ended is not known, it may come "
                    "twice",
                    mail.mail_id,
                )
        if partition.measure(now=now):
            queue = partition.kept.queue
            mail_metrics.QUEUED.labels(partition.number).set(len(queue))
            mail_metrics.FAILING_SECONDS.labels(partition.number).set(queue.oldest_s(now=now))


def _take(addressees: Addressees, name: str, value: bytes) -> None:
    try:
        if name == topics.NOTIFICATION_SUBSCRIPTIONS.name:
            addressees.take_subscription(Subscription.model_validate_json(value))
        elif isinstance(person := decode("person", value), Person):
            addressees.take_person(person)
    except (UnreadableEntryError, ValidationError):
        # Without its text: that may quote somebody's address.
        mail_metrics.MALFORMED.inc()
        logger.error("%s: a record is left out, as it can't be read", name)  # noqa: TRY400


def _decode(batch: Batch) -> list[Notification]:
    found: list[Notification] = []
    for record in batch.records:
        try:
            found.append(Notification.model_validate_json(record.value or b""))
        except ValidationError as error:
            mail_metrics.MALFORMED.inc()
            leave_out(batch, record.offset, error)
    return found
