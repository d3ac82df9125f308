"""The registry on a broker: read to its end, and written."""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError

from deploy.repartition.broker import Broker
from schemas.registry import Household
from streams.codecs.registry import (
    TOPIC_OF,
    UnreadableEntryError,
    decode,
    encode,
    home_of,
    topic_of,
)
from streams.delivery.clients import security_of
from streams.delivery.partitions import partition_of
from streams.delivery.pipeline import send
from streams.domain.registry import KINDS, Entry, Key, Registered, RegistryError, key_of
from streams.domain.rosters import Rosters
from streams.policies import thresholds
from streams.settings import Settings
from streams.topics import METER_FRAMES, ensure_topics


async def read(
    broker: Broker, settings: Settings, *, kinds: Collection[str] = tuple(KINDS)
) -> Registered:
    """Return the last version of every entry of some kinds; topics that are missing have none.

    Raises:
        RegistryError: If a record can't be read: it is of a newer version, or none of ours.
        RepartitionError: If the broker gives no more before the end.
        KafkaError: If the broker does not answer.
    """
    partitions = await broker.topics()
    found = await asyncio.gather(
        *(_read_kind(broker, settings, kind, partitions) for kind in KINDS if kind in kinds)
    )
    return {key: entry for entries in found for key, entry in entries.items()}


async def read_rosters(broker: Broker, settings: Settings) -> Rosters:
    """Return who is registered where and when, as a worker of these settings would have it.

    Raises:
        RegistryError: If a record can't be read.
        RepartitionError: If the broker gives no more before the end.
        KafkaError: If the broker does not answer.
    """
    rosters = Rosters(learns=False, thresholds=thresholds(settings))
    for entry in (await read(broker, settings, kinds=("household",))).values():
        if isinstance(entry, Household):
            rosters.take(entry)
    return rosters


async def _read_kind(
    broker: Broker, settings: Settings, kind: str, partitions: dict[str, int]
) -> dict[Key, Entry]:
    entries: dict[Key, Entry] = {}
    name = settings.topic_prefix + TOPIC_OF[kind].name
    if name not in partitions:
        return entries
    async for records in broker.read(name, partitions[name]):
        for record in records:
            try:
                entry = decode(kind, record.value or b"")
            except UnreadableEntryError as error:
                raise RegistryError(
                    f"{name}[{record.partition}] at offset {record.offset} can't be read "
                    f"({error}); install the version that wrote it"
                ) from error
            known = entries.get(key_of(entry))
            if known is None or known.version < entry.version:
                entries[key_of(entry)] = entry
    return entries


async def write(broker: Broker, settings: Settings, entries: Iterable[Entry]) -> None:
    """Write entries, and return when the broker has them all; those of a kind before the next.

    A write that broke off is done again: what is there already changes nothing.

    Raises:
        KafkaError: If the broker did not take one.
    """
    by_place: dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]] = {}
    partitions: dict[str, int] = {}
    for entry in entries:
        key, value = encode(entry)
        name = settings.topic_prefix + topic_of(entry).name
        if name not in partitions:
            partitions[name] = len(await broker.producer.partitions_for(name))
        place = (name, partition_of(home_of(key), partitions[name]))
        by_place.setdefault(place, []).append((key, value))
    for topic in (settings.topic_prefix + topic.name for topic in TOPIC_OF.values()):
        sent = [
            acknowledged
            for (name, partition), messages in by_place.items()
            if name == topic
            for acknowledged in await send(broker.producer, name, partition, messages)
        ]
        await asyncio.gather(*sent)


async def ensure_there(broker: Broker, settings: Settings) -> None:
    """Create the registry's topics where they are missing, with as many partitions as frames have.

    Raises:
        KafkaError: If the broker refuses.
    """
    there = await broker.topics()
    if any(settings.topic_prefix + topic.name not in there for topic in TOPIC_OF.values()):
        await ensure_topics(
            settings.broker,
            partitions=there.get(settings.topic_prefix + METER_FRAMES.name, settings.partitions),
            replication=settings.replication,
            prefix=settings.topic_prefix,
            security=security_of(settings),
        )


@contextmanager
def answering(settings: Settings) -> Iterator[None]:
    """Say in one line that the broker does not answer, or not as it should.

    Raises:
        RegistryError: If so.
    """
    try:
        yield
    except (KafkaError, OSError) as error:
        raise RegistryError(
            f"the broker at {settings.broker} does not answer as it should ({error}); run the "
            f"command again, what it has written it does not write twice"
        ) from error
