"""What must be true when it is over, each asked of the broker, of ClickHouse or of the folders."""

import asyncio
import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import clickhouse_connect
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from clickhouse_connect.driver.client import Client
from rocksdict import AccessType, Rdict

from reliability.ground import PARTITIONS
from streams import topics
from streams.settings import Settings

_READ_S: Final = 60.0
_SHOWN: Final = 3
_LOCK: Final = re.compile(r"\block", re.IGNORECASE)
_TIMES: Final = {
    "household-intervals": "period_start",
    "community-minutes": "minute",
    "validated-intervals": "period_start",
    "reading-verdicts": "period_start",
    "autarky-intervals": "period_start",
    "autarky-changes": "period_start",
}
_STORED: Final = {
    "community-minutes": (
        "SELECT community_id, toUnixTimestamp(minute), '', version FROM smatrix.community_minutes"
    ),
    "household-intervals": (
        "SELECT community_id, toUnixTimestamp(period_start), '', version "
        "FROM smatrix.community_quarter_hours"
    ),
    "validated-intervals": (
        "SELECT community_id, toUnixTimestamp(period_start), '', max(version) "
        "FROM smatrix.validated_household_intervals GROUP BY ALL"
    ),
    "reading-verdicts": (
        "SELECT community_id, toUnixTimestamp(period_start), '', max(version) "
        "FROM smatrix.period_verdicts GROUP BY ALL"
    ),
    "autarky-intervals": (
        "SELECT community_id, toUnixTimestamp(period_start), '', version "
        "FROM smatrix.community_autarky_quarter_hours"
    ),
    # The view leaves out what was withdrawn.
    "autarky-changes": (
        "SELECT community_id, toUnixTimestamp(period_start), meter_id, version "
        "FROM smatrix.autarky_told_changes FINAL"
    ),
}

Faults = list[str]
Told = dict[tuple[str, str, int, str, int], tuple[int, bytes]]
"""By topic, community, time, meter (of changes) and part: the last version and its bytes."""


def client_of(settings: Settings) -> Client:
    """Return a client of ClickHouse, past the proxies."""
    url = settings.clickhouse_url
    return clickhouse_connect.get_client(interface=url.scheme, host=url.host, port=url.port)


def first_of(found: Faults) -> str:
    """Return what was found in one line: nothing, or how much and the first of it."""
    if not found:
        return "ok"
    return f"{len(found)}: " + "; ".join(found[:_SHOWN])


def what_was_told(settings: Settings) -> tuple[Told, Faults, Faults]:
    """Read all that workers have told and have committed.

    Returns:
        The last of each; where one version has two contents; where a version went back.
    """
    last: Told = {}
    contents: dict[tuple[str, str, int, str, int, int], bytes] = {}
    doubled: Faults = []
    back: Faults = []
    for name, time_column in _TIMES.items():
        for record in asyncio.run(read_records(settings.broker, name, "read_committed")):
            event = json.loads(record.value)
            community, meter = event["community_id"], ""
            if name == topics.AUTARKY_CHANGES.name:
                meter = event["meter_id"] or meter
            key = name, community, int(event[time_column]), meter, int(event.get("part", 0))
            version = int(event["version"])
            where = f"{name}[{record.partition}] at {record.offset}, {community} {meter} {key[2]}"
            if contents.setdefault((*key, version), record.value) != record.value:
                doubled.append(f"{where}: version {version} has another content")
            if version < last.get(key, (0, b""))[0]:
                back.append(f"{where}: {version} after {last[key][0]}")
            last[key] = version, record.value
    return last, doubled, back


def lost_on_the_way(client: Client, told: Told) -> Faults:
    """Return what workers told last, but ClickHouse does not have as the last."""
    found: Faults = []
    for name, query in _STORED.items():
        stored = {(row[0], row[1], row[2]): row[3] for row in client.query(query).result_rows}
        expected = {key[1:4]: version for key, (version, _) in told.items() if key[0] == name}
        found += [
            f"{name} {place}: {stored.get(place)} in ClickHouse, told {version}"
            for place, version in expected.items()
            if stored.get(place) != version
        ]
    return found


def unaccounted_frames(settings: Settings, client: Client, *, sent: int) -> Faults:
    """Return frames that the broker has and metering has not done, or not refused as it must."""
    frames = asyncio.run(
        read_records(settings.broker, topics.METER_FRAMES.name, "read_uncommitted")
    )
    found: Faults = []
    if len(frames) < sent:
        found.append(f"{len(frames)} frames in the topic of {sent} that were acknowledged")
    ends: dict[int, int] = {}
    for record in frames:
        ends[record.partition] = max(ends.get(record.partition, 0), record.offset + 1)
    committed = asyncio.run(
        _committed(settings.broker, f"{settings.group_prefix}-metering", topics.METER_FRAMES.name)
    )
    found += [
        f"partition {partition}: done up to {committed.get(partition)}, frames up to {end}"
        for partition, end in ends.items()
        if committed.get(partition) != end
    ]
    expected = {
        (record.partition, record.offset): refused
        for record in frames
        if (refused := _negative(json.loads(record.value)))
    }
    rows = client.query(
        "SELECT source_partition, source_offset, rule, meter_id FROM smatrix.rejected_readings"
    ).result_rows
    stored = {(row[0], row[1]): sorted(row[3]) for row in rows if row[2] == "negative_energy"}
    found += [f"refused as {row[2]}: {row[:2]}" for row in rows if row[2] != "negative_energy"]
    found += [
        f"frame {place}: {stored.get(place)} were refused instead of {expected.get(place)}"
        for place in sorted(expected.keys() | stored.keys())
        if stored.get(place) != expected.get(place)
    ]
    return found


def locked_folders(folders: list[Path]) -> Faults:
    """Return workers' folders and databases that are still locked though no worker runs.

    A damaged database is none of them: it is rebuilt when a worker next gets its partition.
    """
    found: Faults = []
    for folder in folders:
        lock = folder / "lock"
        if lock.exists():
            with lock.open("r+") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    found.append(f"{lock}: {error}")
        for database in _databases(folder):
            try:
                Rdict(str(database), access_type=AccessType.read_write()).close()
            except Exception as error:  # noqa: BLE001 - rocksdict raises bare Exceptions
                if _LOCK.search(str(error)):
                    found.append(f"{database}: {error}")
    return found


def _databases(folder: Path) -> Iterator[Path]:
    for current in folder.rglob("CURRENT"):
        yield current.parent


def _negative(frame: dict[str, Any]) -> list[str]:
    """Return the meters of a frame that have a negative energy, sorted."""
    columns = [column for name, column in frame.items() if name.endswith("_wh")]
    return sorted(
        meter
        for place, meter in enumerate(frame["meter_id"])
        if any(column[place] is not None and column[place] < 0 for column in columns)
    )


@asynccontextmanager
async def _consumer(broker: str, isolation: str) -> Any:  # noqa: ANN401 - aiokafka is untyped
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker,
        isolation_level=isolation,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read_records(
    broker: str, topic: str, isolation: str
) -> list["ConsumerRecord[bytes, bytes]"]:
    """Return a topic's records, each partition in its order, up to its very end.

    Raises:
        TimeoutError: If the end is not reached, as behind a transaction that nobody ends.
    """
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    async with _consumer(broker, "read_uncommitted") as asked:
        asked.assign(partitions)
        ends = await asked.end_offsets(partitions)
    records: list[ConsumerRecord[bytes, bytes]] = []
    async with _consumer(broker, isolation) as consumer:
        consumer.assign(partitions)
        deadline = asyncio.get_running_loop().time() + _READ_S
        waiting = set(partitions)
        while waiting:
            for polled in (await consumer.getmany(*waiting, timeout_ms=200)).values():
                records += polled
            waiting = {tp for tp in waiting if await consumer.position(tp) < ends[tp]}
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"{topic}: {sorted(waiting)} can't be read up to {ends}")
    return records


async def _committed(broker: str, group: str, topic: str) -> dict[int, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(
            group, partitions=[TopicPartition(topic, number) for number in range(PARTITIONS)]
        )
    finally:
        await admin.close()
    return {tp.partition: found.offset for tp, found in offsets.items()}
