"""Moving the state of metering to topics with another number of partitions.

A community's partition follows from its name and the number of partitions, so with another number
most communities are elsewhere, and their state must be there before their frames are taken. The
records of both changelogs are copied into new ones; the local stores are rebuilt from these.
"""

from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from aiokafka.partitioner import DefaultPartitioner

from deploy.repartition.broker import Broker, Records
from deploy.repartition.layouts import Layout, RepartitionError, old_and_new
from streams.delivery.clients import connection_of, security_of
from streams.delivery.pipeline import send
from streams.domain.frames import OFFSET_BITS
from streams.settings import Settings
from streams.topics import ensure_topics
from tables import communities, layout, minutes

_BEHIND_THE_NAME: Final = len(minutes.key("", 0))
_partitioner: Final = DefaultPartitioner()


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
    connection = connection_of(settings)
    async with Broker.connected(connection) as broker:
        _, new = old_and_new(settings, old_prefix=old_prefix, partitions=await broker.partitions())
        await ensure_topics(
            settings.broker,
            partitions=settings.partitions,
            replication=settings.replication,
            prefix=settings.topic_prefix,
            changelogs=(new.minutes, new.communities),
            security=security_of(settings),
        )
        touched = set()
        async for records in broker.read(new.communities, new.partitions):
            touched |= {record.partition for record in records}
        await _mark(broker, new, set(range(new.partitions)) - touched, layout.AWAITED)
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
        partitions = await broker.partitions()
        old, new = old_and_new(settings, old_prefix=old_prefix, partitions=partitions)
        if new.communities not in partitions:
            raise RepartitionError(
                f"there is no topic {new.communities}; run `smatrix repartition --prepare` first, "
                f"and send the frames to {new.frames}"
            )
        awaiting = await _awaiting(broker, new)
        await require_stopped(broker, old)
        await require_done(broker, old)
        known = await _communities(broker, old)
        homes = homes_of(known, retention_s=int(settings.window_retention.total_seconds()))
        copying = _Copying(broker, old, new, awaiting, homes, settings.generation)
        await copying.minutes()
        await copying.communities(known)
        # Frames that came to the old topic meanwhile would be in no state.
        await require_stopped(broker, old)
        await require_done(broker, old)
        await _mark(broker, new, awaiting, layout.COMPLETE)
        return Moved(len(homes), copying.records, old.partitions, new.partitions)


def partition_of(community: bytes, partitions: int) -> int:
    """Return the partition that a community's frames go to, as Kafka's Java client has it."""
    numbers = list(range(partitions))
    return int(_partitioner(community, numbers, numbers))


async def _mark(broker: Broker, new: Layout, partitions: Iterable[int], mark: bytes) -> None:
    for partition in partitions:
        for sent in await send(broker.producer, new.communities, partition, [(layout.MARK, mark)]):
            await sent


async def _awaiting(broker: Broker, new: Layout) -> set[int]:
    """Return the new partitions that await their state.

    Raises:
        RepartitionError: If none does.
    """
    marks = dict.fromkeys(range(new.partitions), b"")
    async for records in broker.read(new.communities, new.partitions):
        for record in records:
            if record.key == layout.MARK and record.value is not None:
                marks[record.partition] = record.value
    awaiting = {partition for partition, mark in marks.items() if mark == layout.AWAITED}
    if not awaiting:
        raise RepartitionError(
            f"the state of {new.frames} has been moved already"
            if layout.COMPLETE in marks.values()
            else f"{new.frames} has a state of its own; choose another SMATRIX_TOPIC_PREFIX"
        )
    return awaiting


async def require_stopped(broker: Broker, old: Layout) -> None:
    """Check that no metering worker of a layout is at work, as far as the broker can tell.

    Raises:
        RepartitionError: If there is one.
    """
    members = await broker.members(old.metering)
    if members:
        raise RepartitionError(
            f"{members} workers are in the group {old.metering}; stop the old metering workers (a "
            f"killed one counts for some seconds)"
        )


async def require_done(broker: Broker, old: Layout) -> None:
    """Check that the workers of a layout have done all there is to do.

    Raises:
        RepartitionError: If frames are left, or results that are not in ClickHouse.
    """
    for group, names in ((old.metering, (old.frames,)), (old.history, old.outputs)):
        for name in names:
            starts = await broker.committed(group, name, old.partitions)
            async with aclosing(broker.read(name, old.partitions, starts=starts)) as reading:
                async for records in reading:
                    raise RepartitionError(
                        f"{name} has records that {group} has not done, from offset "
                        f"{records[0].offset} of partition {records[0].partition} on; let the old "
                        f"workers finish, and the terminals send elsewhere"
                    )


async def _communities(broker: Broker, old: Layout) -> dict[bytes, dict[int, bytes]]:
    """Return the records of the communities, each by its old partition: mostly one."""
    known: dict[bytes, dict[int, bytes]] = {}
    async for records in broker.read(old.communities, old.partitions):
        for record in records:
            if record.key != layout.MARK and record.value is not None:
                known.setdefault(record.key, {})[record.partition] = record.value
    return known


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


@dataclass(slots=True)
class _Copying:
    """Copies records into the partitions that await them."""

    broker: Broker
    old: Layout
    new: Layout
    awaiting: set[int]
    homes: dict[bytes, int]
    generation: int
    records: int = 0

    async def minutes(self) -> None:
        """Copy every record of the minutes, deletions too, in the order of its partition."""
        async for records in self.broker.read(self.old.minutes, self.old.partitions):
            await self._send(self.new.minutes, self._by_community(records))

    async def communities(self, known: dict[bytes, dict[int, bytes]]) -> None:
        """Write the communities' records."""
        await self._send(
            self.new.communities,
            [(name, name, states[self.homes[name]]) for name, states in known.items()],
        )

    def _by_community(self, records: Records) -> list[tuple[bytes, bytes, bytes | None]]:
        found = []
        for record in records:
            community = record.key[:-_BEHIND_THE_NAME]
            if self.homes.get(community, record.partition) != record.partition:
                continue
            if record.value is not None:
                self._require_older(minutes.decode(record.value).version)
            found.append((community, record.key, record.value))
        return found

    def _require_older(self, version: int) -> None:
        found = (version - 1) >> OFFSET_BITS
        if found >= self.generation:
            raise RepartitionError(
                f"SMATRIX_GENERATION={self.generation} must be above {found}, which the old "
                f"workers had, so that versions go on growing"
            )

    async def _send(self, topic: str, records: Iterable[tuple[bytes, bytes, bytes | None]]) -> None:
        messages: dict[int, list[tuple[bytes | None, bytes | None]]] = {}
        for community, key, value in records:
            partition = partition_of(community, self.new.partitions)
            if partition in self.awaiting:
                messages.setdefault(partition, []).append((key, value))
        for partition, sending in messages.items():
            for sent in await send(self.broker.producer, topic, partition, sending):
                await sent
            self.records += len(sending)
