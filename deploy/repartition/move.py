"""Moving state to topics with another number of partitions.

A community's partition follows from its name and the number of partitions, so with another number
most communities are elsewhere, and their state must be there before their frames are taken. The
records of all changelogs are copied into new ones; the local stores are rebuilt from these. What
operators have written once and for all goes along: what is registered, prices, who wants no mails.

The key of every table that is moved is a community's name, alone or with a zero byte and more
behind it; where people are notified, a person is in it instead.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from deploy.repartition.broker import Broker, Records
from deploy.repartition.layouts import Layout, RepartitionError, old_and_new
from deploy.repartition.obstacles import require_done, require_stopped
from streams.codecs.registry import TOPIC_OF, home_of
from streams.delivery.clients import connection_of, security_of
from streams.delivery.layout import AWAITED, COMPLETE, MARK
from streams.delivery.partitions import partition_of
from streams.delivery.pipeline import send
from streams.domain.frames import OFFSET_BITS
from streams.settings import Settings
from streams.topics import NOTIFICATION_SUBSCRIPTIONS, PRICES, ensure_topics
from tables import communities, minutes, notifications

Place = tuple[str, int]
"""A partition of a changelog."""

STANDING: Final = (*TOPIC_OF.values(), NOTIFICATION_SUBSCRIPTIONS, PRICES)
"""Topics whose last record of a key counts for as long as nobody writes another one.

The partition of each follows from what its key begins with, as the registry's does.
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved, and between how many partitions."""

    communities: int
    records: int
    before: int
    after: int


async def prepare(settings: Settings, *, old_prefix: str) -> Layout:
    """Create the new topics, in which no worker works before the state is there; return them.

    Repeating it changes nothing.

    Raises:
        RepartitionError: If these settings make no other topics of what there is.
        KafkaError: If the broker does not answer.
    """
    async with Broker.connected(connection_of(settings)) as broker:
        topics = await broker.topics()
        old, new = old_and_new(settings, old_prefix=old_prefix, topics=topics)
        changelogs = tuple(old.counterpart(name, new) for name in old.changelogs(topics))
        await ensure_topics(
            settings.broker,
            partitions=settings.partitions,
            replication=settings.replication,
            prefix=settings.topic_prefix,
            changelogs=changelogs,
            security=security_of(settings),
        )
        for name in changelogs:
            touched = set()
            async for records in broker.read(name, new.partitions):
                touched |= {record.partition for record in records}
            fresh = set(range(new.partitions)) - touched
            await _mark(broker, [(name, partition) for partition in fresh], AWAITED)
        return new


async def move(settings: Settings, *, old_prefix: str) -> Moved:
    """Copy the state, once the old workers have done everything and ended.

    One that was interrupted is done again from the start.

    Raises:
        RepartitionError: If something stands in the way; the new workers don't start then.
        SchemaError: If a later version wrote the state.
        KafkaError: If the broker does not answer.
    """
    async with Broker.connected(connection_of(settings)) as broker:
        topics = await broker.topics()
        old, new = old_and_new(settings, old_prefix=old_prefix, topics=topics)
        changelogs = {name: old.counterpart(name, new) for name in old.changelogs(topics)}
        for name in changelogs.values():
            if name not in topics:
                raise RepartitionError(
                    f"there is no topic {name}; run `smatrix repartition --prepare` first, and "
                    f"send the frames to {new.frames}"
                )
        awaiting = await _awaiting(broker, new, changelogs.values())
        await require_done(broker, old)
        await require_stopped(broker, old)
        homes = homes_of(
            await _communities(broker, old),
            retention_s=int(settings.window_retention.total_seconds()),
        )
        copying = _Copying(broker, old, new, awaiting, homes, settings.generation)
        for source, target in changelogs.items():
            await copying.copy(source, target)
        await _copy_standing(broker, old, new, topics)
        # Frames that came to the old topic meanwhile would be in no state.
        await require_stopped(broker, old)
        await require_done(broker, old)
        await _mark(broker, awaiting, COMPLETE)
        return Moved(len(homes), copying.records, old.partitions, new.partitions)


def homes_of(known: dict[bytes, dict[int, bytes]], *, retention_s: int) -> dict[bytes, int]:
    """Return the old partition of each community's state.

    A client that hashed keys otherwise may have left a state in another partition. It is left
    behind when it is so old that its minutes can't be corrected any more.

    Raises:
        RepartitionError: If a community has two states that count.
    """
    homes = {}
    for community, states in known.items():
        newest = {number: communities.decode(data).newest for number, data in states.items()}
        home = max(newest, key=newest.__getitem__)
        counting = [n for n, time in newest.items() if time >= newest[home] - retention_s]
        if len(counting) > 1:
            raise RepartitionError(
                f"{community.decode()} has a state in partitions {sorted(counting)}: its frames "
                f"were not always sent by the key's murmur2 hash; mend the client, and try again "
                f"when the other state is older than SMATRIX_WINDOW_RETENTION"
            )
        homes[community] = home
    return homes


async def _communities(broker: Broker, old: Layout) -> dict[bytes, dict[int, bytes]]:
    """Return metering's records of the communities, each by its old partition: mostly one."""
    known: dict[bytes, dict[int, bytes]] = {}
    changelog = old.changelog("metering", "communities")
    async for records in broker.read(changelog, old.partitions):
        for record in records:
            if record.key != MARK and record.value is not None:
                known.setdefault(record.key, {})[record.partition] = record.value
    return known


async def _copy_standing(
    broker: Broker, old: Layout, new: Layout, topics: Mapping[str, int]
) -> None:
    """Copy the last record of each key, and so nothing of who was erased."""
    for topic in STANDING:
        source = old.prefix + topic.name
        last: dict[bytes, bytes | None] = {}
        if source in topics:
            async for records in broker.read(source, topics[source]):
                last.update((record.key, record.value) for record in records)
        messages: dict[int, list[tuple[bytes | None, bytes | None]]] = {}
        for key, value in last.items():
            partition = partition_of(home_of(key), new.partitions)
            messages.setdefault(partition, []).append((key, value))
        for partition, sending in messages.items():
            target = new.prefix + topic.name
            for sent in await send(broker.producer, target, partition, sending):
                await sent


async def _mark(broker: Broker, places: Iterable[Place], mark: bytes) -> None:
    for name, partition in places:
        for sent in await send(broker.producer, name, partition, [(MARK, mark)]):
            await sent


async def _awaiting(broker: Broker, new: Layout, changelogs: Iterable[str]) -> set[Place]:
    """Return the new partitions that await their state.

    Raises:
        RepartitionError: If none does.
    """
    marks: dict[Place, bytes] = {}
    for name in changelogs:
        async for records in broker.read(name, new.partitions):
            for record in records:
                if record.key == MARK and record.value is not None:
                    marks[name, record.partition] = record.value
    awaiting = {place for place, mark in marks.items() if mark == AWAITED}
    if not awaiting:
        raise RepartitionError(
            f"the state of {new.frames} has been moved already"
            if marks
            else f"{new.frames} has a state of its own; choose another SMATRIX_TOPIC_PREFIX"
        )
    return awaiting


@dataclass(slots=True)
class _Copying:
    """Copies records into the partitions that await them."""

    broker: Broker
    old: Layout
    new: Layout
    awaiting: set[Place]
    homes: dict[bytes, int]
    generation: int
    records: int = 0
    _partitions: dict[bytes, int] = field(default_factory=dict)

    async def copy(self, source: str, target: str) -> None:
        """Copy a changelog's records, deletions too, in the order of their partitions."""
        are_minutes = source == self.old.changelog("metering", "minutes")
        person_of = {
            self.old.changelog("notifications", notifications.TABLE): notifications.person_of,
            self.old.changelog(
                "notifications", notifications.FINISHED
            ): notifications.person_of_finished,
        }.get(source)
        async for records in self.broker.read(source, self.old.partitions):
            if are_minutes:
                self._require_older(records)
            await self._send(target, records, person_of=person_of)

    def _require_older(self, records: Records) -> None:
        found = max(
            ((minutes.decode(r.value).version - 1) >> OFFSET_BITS for r in records if r.value),
            default=-1,
        )
        if found >= self.generation:
            raise RepartitionError(
                f"SMATRIX_GENERATION={self.generation} must be above {found}, which the old "
                f"workers had, so that versions go on growing"
            )

    async def _send(
        self, target: str, records: Records, *, person_of: Callable[[bytes], bytes] | None
    ) -> None:
        messages: dict[int, list[tuple[bytes | None, bytes | None]]] = {}
        for record in records:
            if record.key == MARK:
                continue
            # People have had one partition from the first record on: we hash their keys ourselves.
            home = home_of(record.key) if person_of is None else person_of(record.key)
            if person_of is None and self.homes.get(home) != record.partition:
                continue
            partition = self._partition_of(home)
            if (target, partition) in self.awaiting:
                messages.setdefault(partition, []).append((record.key, record.value))
        for partition, sending in messages.items():
            for sent in await send(self.broker.producer, target, partition, sending):
                await sent
            self.records += len(sending)

    def _partition_of(self, home: bytes) -> int:
        partition = self._partitions.get(home)
        if partition is None:
            partition = partition_of(home, self.new.partitions)
            self._partitions[home] = partition
        return partition
