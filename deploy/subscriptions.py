"""Who wants no mails about what, on the broker: read and written for `smatrix notifications`."""

import asyncio

from pydantic import ValidationError

from deploy.registry.store import ensure_there
from deploy.repartition.broker import Broker
from schemas.notifications import NotificationKind, Subscription
from streams.delivery.clients import connection_of
from streams.delivery.partitions import partition_of
from streams.delivery.pipeline import send
from streams.domain.registry import RegistryError
from streams.domain.subscriptions import changed
from streams.settings import Settings
from streams.topics import NOTIFICATION_SUBSCRIPTIONS


async def subscribe(
    settings: Settings, person_id: str, kind: NotificationKind, *, wanted: bool, now_ms: int
) -> bool:
    """Write that a person wants mails of a kind or not; return False when it was so before.

    Raises:
        RegistryError: If a record can't be read.
        RepartitionError: If the broker gives no more before the end.
        KafkaError: If the broker does not answer.
    """
    name = settings.topic_prefix + NOTIFICATION_SUBSCRIPTIONS.name
    async with Broker.connected(connection_of(settings)) as broker:
        await ensure_there(broker, settings)
        partitions = (await broker.topics())[name]
        before = await _last(broker, name, partitions, person_id)
        after = changed(before, person_id, kind, wanted=wanted, now_ms=now_ms)
        if after is None:
            return False
        key = person_id.encode()
        message = (key, after.model_dump_json().encode())
        sent = await send(broker.producer, name, partition_of(key, partitions), [message])
        await asyncio.gather(*sent)
        return True


async def _last(broker: Broker, name: str, partitions: int, person_id: str) -> Subscription | None:
    last: Subscription | None = None
    async for records in broker.read(name, partitions):
        for record in records:
            if record.key != person_id.encode():
                continue
            try:
                last = Subscription.model_validate_json(record.value or b"")
            except ValidationError:
                raise RegistryError(
                    f"{name}[{record.partition}] at offset {record.offset} can't be read; install "
                    f"the version that wrote it"
                ) from None
    return last
