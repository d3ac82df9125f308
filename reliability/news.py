"""News for people, sent all through a campaign; what became of it is looked at afterwards."""

import asyncio
import random
import threading
from dataclasses import dataclass, field
from typing import Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from reliability.ground import Ground
from schemas.malfunction import MalfunctionKind, TicketEvent
from schemas.notifications import MalfunctionNotice, Notification, NotificationKind
from schemas.units import MINUTE_S
from streams.topics import NOTIFICATIONS

PERSONS: Final = 20
_EVERY_S: Final = 0.5
_ACKNOWLEDGED_WITHIN_MS: Final = 30_000


def registry() -> str:
    """Return who is written to, as `smatrix registry import` takes it."""
    return "kind,person_id,name,email,language\n" + "".join(
        f"person,reader-{number},Reader {number},reader-{number}@example.org,"
        f"{'fr' if number % 2 else 'en'}\n"
        for number in range(PERSONS)
    )


@dataclass(slots=True)
class News:
    """A thread that sends a notification every half a second; use it in a `with` block.

    Attributes:
        acknowledged: Ids of those that the broker has.
    """

    ground: Ground
    seed: int
    first_minute: int
    acknowledged: set[str] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send()), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, once what was sent last is acknowledged or given up."""
        self.stop()

    def stop(self) -> None:
        """Send no more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(2 * _ACKNOWLEDGED_WITHIN_MS / 1000)

    async def _send(self) -> None:
        rng = random.Random(self.seed)  # noqa: S311 - to be repeated
        producer = AIOKafkaProducer(
            bootstrap_servers=self.ground.cluster.bootstrap,
            acks="all",
            request_timeout_ms=_ACKNOWLEDGED_WITHIN_MS,
        )
        await producer.start()
        sending: set[asyncio.Task[None]] = set()
        try:
            number = 0
            while not self._over.is_set():
                number += 1
                one = _a_notification(number, rng.randrange(PERSONS), self.first_minute)
                task = asyncio.create_task(self._send_one(producer, one))
                sending.add(task)
                task.add_done_callback(sending.discard)
                await asyncio.sleep(_EVERY_S)
            await asyncio.gather(*sending)
        finally:
            await producer.stop()

    async def _send_one(self, producer: AIOKafkaProducer, one: Notification) -> None:
        try:
            await producer.send_and_wait(
                NOTIFICATIONS.name, one.model_dump_json().encode(), key=one.person_id.encode()
            )
        except KafkaError:
            return  # whoever is not told that it was taken can't count on it
        self.acknowledged.add(one.notification_id)


def _a_notification(number: int, person: int, first_minute: int) -> Notification:
    name = f"news-{number:05d}"
    return Notification(
        notification_id=name,
        person_id=f"reader-{person}",
        kind=NotificationKind.MALFUNCTION,
        community_id="c0001",
        meter_id=[],
        zone="Europe/Berlin",
        at=first_minute + number * MINUTE_S,
        malfunction=MalfunctionNotice(
            ticket_id=name,
            event=TicketEvent.ASSIGNED,
            kind=MalfunctionKind.TERMINAL_SILENT,
            since=first_minute,
            reason="told by the campaign",
        ),
    )
