"""Refused readings of meters that are registered by now: sent again, to be counted."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from clickhouse_connect.driver.client import Client

from deploy import door
from deploy.registry.store import read_rosters
from deploy.repartition.broker import Broker
from schemas.metering import RejectionRule
from streams import clock
from streams.delivery.clients import connection_of
from streams.domain.admission import OF_LIMITS
from streams.domain.rosters import Rosters
from streams.settings import Settings
from streams.topics import METER_FRAMES

RULES: Final = (
    RejectionRule.UNKNOWN_METER,
    RejectionRule.WRONG_COMMUNITY,
    *OF_LIMITS.values(),
)
"""What registering mends."""

_PAGE: Final = 1_000
_MARKS: Final = "reprocessed_readings"
_MARK_COLUMNS: Final = (
    "source_topic",
    "source_partition",
    "source_offset",
    "rule",
    "meter_id",
    "reprocessed_at",
)


class Place(NamedTuple):
    """What identifies a rejection."""

    source_topic: str
    source_partition: int
    source_offset: int
    rule: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Readings that one rule refused of one frame.

    Attributes:
        meters: Whose they are, those that were sent again already left out.
        minute: Epoch seconds.
        original: The frame as it came.
        is_cut: Whether only its beginning was kept.
    """

    place: Place
    community_id: str
    minute: int
    meters: tuple[str, ...]
    original: bytes
    is_cut: bool


@dataclass(slots=True)
class Outcome:
    """What came of all refused readings.

    Attributes:
        sent: Readings sent again.
        waiting: Readings that what is registered still does not fit.
        too_old: Readings older than the windows: they can't be counted any more.
        cut: Readings in frames that were too long to be kept whole.
    """

    sent: int = 0
    waiting: int = 0
    too_old: int = 0
    cut: int = 0


@dataclass(slots=True)
class Newest:
    """The newest minute of each community, epoch seconds, as ClickHouse has it."""

    client: Client
    database: str
    _known: dict[str, int] = field(default_factory=dict)

    def of(self, community_id: str) -> int:
        """Return it; 0 where nothing was counted yet."""
        if community_id not in self._known:
            rows = self.client.query(
                f"SELECT toUnixTimestamp(max(minute)) FROM {self.database}.community_minutes "  # noqa: S608 - a setting
                "WHERE community_id = {community:String}",
                parameters={"community": community_id},
            ).result_rows
            self._known[community_id] = int(rows[0][0] or 0) if rows else 0
        return self._known[community_id]


async def reprocess(settings: Settings, client: Client, *, dry_run: bool = False) -> Outcome:
    """Send the readings again whose meters are registered where and when they were refused.

    They rank as if they had been taken then, so a later correction stands. Doing it twice, or
    again after it broke off, changes nothing.

    Raises:
        RegistryError: If a record of the registry can't be read.
        KafkaError: If the broker does not answer.
        ClickHouseError: If ClickHouse does not.
    """
    outcome = Outcome()
    database = settings.clickhouse_database
    newest = Newest(client, database)
    topic = settings.topic_prefix + METER_FRAMES.name
    async with Broker.connected(connection_of(settings)) as broker:
        rosters = await read_rosters(broker, settings)
        for page in _pages(client, database):
            due = [
                (refused, meters)
                for refused in page
                if (meters := _due(refused, rosters, newest, settings, outcome))
            ]
            outcome.sent += sum(len(meters) for _, meters in due)
            if dry_run:
                continue
            sent = [
                await broker.producer.send(
                    topic,
                    key=refused.community_id.encode(),
                    value=frame_of(refused, meters, topic=topic),
                )
                for refused, meters in due
            ]
            await asyncio.gather(*sent)
            _mark(client, database, due)
    return outcome


def frame_of(refused: Refused, meters: Sequence[str], *, topic: str | None) -> bytes:
    """Return a frame of these meters' readings alone, as the original has them, for a topic.

    In another topic than it came from, its offset means nothing, and it ranks as new.
    """
    document: dict[str, Any] = json.loads(refused.original)
    named: list[str] = document["meter_id"]
    places = [named.index(meter) for meter in meters]
    frame = {
        name: [value[place] for place in places] if isinstance(value, list) else value
        for name, value in document.items()
    }
    if refused.place.source_topic == topic:
        frame.setdefault("first_offset", refused.place.source_offset)
    else:
        frame.pop("first_offset", None)
    return json.dumps(frame, separators=(",", ":")).encode()


def _due(
    refused: Refused, rosters: Rosters, newest: Newest, settings: Settings, outcome: Outcome
) -> list[str]:
    """Return the meters whose readings can be counted now; count the others in the outcome."""
    if refused.is_cut:
        outcome.cut += len(refused.meters)
        return []
    frame = frame_of(refused, refused.meters, topic=None)
    refused_again = {
        meter
        for rejection in door.refused(refused.community_id, frame, rosters, settings)
        for meter in rejection.meters
    }
    welcome = [meter for meter in refused.meters if meter not in refused_again]
    outcome.waiting += len(refused.meters) - len(welcome)
    retention_s = settings.window_retention.total_seconds()
    if welcome and refused.minute < newest.of(refused.community_id) - retention_s:
        outcome.too_old += len(welcome)
        return []
    return welcome


def _pages(client: Client, database: str) -> Iterator[list[Refused]]:
    """Yield what was refused and not sent again, in the order of each partition."""
    after: tuple[str, int, int, str] = ("", 0, 0, "")
    while True:
        rows = client.query(
            f"SELECT source_topic, source_partition, source_offset, rule, community_id, "  # noqa: S608 - a setting
            f"  minute_s, arrayFilter(m -> NOT has(reprocessed_meter_id, m), meter_id) AS left, "
            f"  original_value, original_value_is_cut "
            f"FROM {database}.rejected_readings "
            "WHERE rule IN {rules:Array(String)} AND notEmpty(left) "
            "AND (source_topic, source_partition, source_offset, rule) > "
            "({topic:String}, {partition:UInt32}, {offset:UInt64}, {rule:String}) "
            "ORDER BY source_topic, source_partition, source_offset, rule LIMIT {page:UInt32}",
            parameters={
                "rules": [str(rule) for rule in RULES],
                "page": _PAGE,
                **dict(zip(("topic", "partition", "offset", "rule"), after, strict=True)),
            },
            column_formats={"original_value": "bytes"},
        ).result_rows
        if not rows:
            return
        after = tuple(rows[-1][:4])
        yield [
            Refused(Place(*row[:4]), row[4], int(row[5]), tuple(row[6]), row[7], bool(row[8]))
            for row in rows
        ]


def _mark(client: Client, database: str, done: Iterable[tuple[Refused, Sequence[str]]]) -> None:
    now = int(clock.epoch_now())
    rows = [[*refused.place, meter, now] for refused, meters in done for meter in meters]
    if rows:
        client.insert(_MARKS, rows, column_names=_MARK_COLUMNS, database=database)
