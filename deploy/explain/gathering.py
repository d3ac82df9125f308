"""What lies behind a household's quarter-hour: readings as they came, refusals, edits, versions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiokafka
from clickhouse_connect.driver.client import Client

from deploy.edit import home_of
from deploy.registry.store import read_rosters
from deploy.repartition.broker import Broker
from schemas.units import MINUTE_S, PERIOD_S
from streams.codecs.judgement import judge
from streams.delivery.clients import connection_of
from streams.delivery.partitions import partition_of
from streams.domain.channels import CHANNELS, MISSING, positions
from streams.domain.frames import Frame, offset_of
from streams.settings import Settings
from streams.topics import METER_FRAMES

_SEARCHED_AROUND: Final = 5_000
"""Versions are the places of frames that changed something; the others came not far from these."""

_POLL_MS: Final = 500
_MWH_A_WH: Final = 1000

Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one frame said of the meter in one minute.

    Attributes:
        offset: Of the frame.
        rank: Of two readings of a minute the higher stands.
        energies_wh: By the name of its channel, what was measured.
        edited_by: Who put it right by hand, if so.
        refused: The rules that refused it.
    """

    minute: int
    offset: int
    rank: tuple[int, int]
    energies_wh: dict[str, float]
    edited_by: str | None
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of a meter's quarter-hour.

    Attributes:
        figures: Rows of (energies in Wh, measured minutes, version) from ClickHouse: one, or none.
        versions: Of its community's quarter-hour: version, when it was stored.
        edits: Minute, version, who, why, when.
        rejections: Minute, rule, detail, when it came.
        validated: The same figures where something failed or was missing: energies in Wh, how they
            came about (quality, method, minutes measured, substituted, estimated, missing),
            version, of which version of the sums.
        verdicts: Minute, verdict, rules, of each reading that a rule spoke up at.
        readings: As they came, as far as the broker still has them.
    """

    meter_id: str
    community_id: str
    period_start: int
    figures: Rows
    versions: Rows
    edits: Rows
    rejections: Rows
    validated: Rows
    verdicts: Rows
    readings: tuple[Reading, ...]


async def explain(
    settings: Settings, client: Client, meter_id: str, period_start: int
) -> Explanation:
    """Return what lies behind a meter's quarter-hour (epoch s).

    Raises:
        RegistryError: If the meter was registered nowhere then.
        KafkaError: If the broker does not answer.
        ClickHouseError: If ClickHouse does not.
    """
    async with Broker.connected(connection_of(settings)) as broker:
        community_id = home_of(await read_rosters(broker, settings), meter_id, period_start)
        known = _Asked(client, settings.clickhouse_database, community_id, meter_id, period_start)
        places = [int(row[0]) - 1 for row in (*known.versions(), *known.minute_versions())]
        topic = settings.topic_prefix + METER_FRAMES.name
        partitions = await broker.topics()
        readings = await _readings(
            settings,
            aiokafka.TopicPartition(topic, partition_of(community_id.encode(), partitions[topic])),
            [offset_of(place) for place in places if place >= 0],
            known,
        )
    return Explanation(
        meter_id,
        community_id,
        period_start,
        known.figures(),
        known.versions(),
        known.edits(),
        known.rejections(),
        known.validated(),
        known.verdicts(),
        tuple(readings),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of ClickHouse."""

    client: Client
    database: str
    community_id: str
    meter_id: str
    period_start: int

    def figures(self) -> Rows:
        return self._rows(
            "consumption_wh, production_wh, import_wh, export_wh, battery_charge_wh, "
            "battery_discharge_wh, measured_minutes, version",
            "household_quarter_hours",
            "meter_id = {meter:String} AND toUnixTimestamp(period_start) = {first:UInt32}",
        )

    def versions(self) -> Rows:
        return self._rows(
            "version, toString(recorded_at)",
            "community_quarter_hour_versions",
            "toUnixTimestamp(period_start) = {first:UInt32} ORDER BY version",
        )

    def minute_versions(self) -> Rows:
        return self._rows(
            "version",
            "community_minutes",
            "toUnixTimestamp(minute) BETWEEN {first:UInt32} AND {last:UInt32}",
        )

    def edits(self) -> Rows:
        return self._rows(
            "toUnixTimestamp(minute), version, edited_by, reason, toString(edited_at)",
            "reading_edits",
            "meter_id = {meter:String} AND toUnixTimestamp(minute) "
            "BETWEEN {first:UInt32} AND {last:UInt32} ORDER BY minute, version",
        )

    def rejections(self) -> Rows:
        return self._rows(
            "minute_s, rule, detail, toString(received_at)",
            "rejected_readings",
            "(has(meter_id, {meter:String}) OR empty(meter_id)) AND minute_s "
            "BETWEEN {first:UInt32} AND {last:UInt32} ORDER BY minute_s, source_offset",
        )

    def validated(self) -> Rows:
        return self._rows(
            "consumption_wh, production_wh, import_wh, export_wh, battery_charge_wh, "
            "battery_discharge_wh, quality, method, measured_minutes, substituted_minutes, "
            "estimated_minutes, missing_minutes, version, of_version",
            "validated_quarter_hours",
            "meter_id = {meter:String} AND toUnixTimestamp(period_start) = {first:UInt32} "
            "AND version > 0",
        )

    def verdicts(self) -> Rows:
        return self._rows(
            "toUnixTimestamp(minute), verdict, arrayStringConcat(rules, ', ')",
            "reading_verdicts",
            "meter_id = {meter:String} AND toUnixTimestamp(minute) "
            "BETWEEN {first:UInt32} AND {last:UInt32} ORDER BY minute",
        )

    def _rows(self, what: str, view: str, where: str) -> Rows:
        rows: Rows = self.client.query(
            f"SELECT {what} FROM {self.database}.{view} "  # noqa: S608 - our own
            f"WHERE community_id = {{community:String}} AND {where}",
            parameters={
                "community": self.community_id,
                "meter": self.meter_id,
                "first": self.period_start,
                "last": self.period_start + PERIOD_S - MINUTE_S,
            },
        ).result_rows
        return rows


async def _readings(
    settings: Settings, tp: aiokafka.TopicPartition, offsets: Sequence[int], asked: _Asked
) -> list[Reading]:
    """Return what the broker still has of the meter's readings, by minute and offset."""
    if not offsets:
        return []
    consumer = aiokafka.AIOKafkaConsumer(
        **connection_of(settings), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: list[Reading] = []
    try:
        consumer.assign([tp])
        first = (await consumer.beginning_offsets([tp]))[tp]
        last = max(offsets) + _SEARCHED_AROUND
        consumer.seek(tp, max(first, min(offsets) - _SEARCHED_AROUND))
        end = last + 1
        while (position := await consumer.position(tp)) <= last and position < end:
            for records in (await consumer.getmany(tp, timeout_ms=_POLL_MS)).values():
                for record in records:
                    if record.key == asked.community_id.encode():
                        found += _of_frame(record, settings, asked)
            # From the fetch response: a broker's answer to "latest" may lie before the end.
            end = consumer.highwater(tp) or end
    finally:
        await consumer.stop()
    return sorted(found, key=lambda reading: (reading.minute, reading.offset))


def _of_frame(
    record: "aiokafka.ConsumerRecord[bytes, bytes]", settings: Settings, asked: _Asked
) -> Iterator[Reading]:
    """Yield the meter's reading in a frame, if it has one of the quarter-hour."""
    judged = judge(
        record.key,
        record.value,
        offset=record.offset,
        generation=settings.generation,
        max_bytes=settings.max_frame_bytes,
    )
    frame = judged.frame
    is_in = frame is not None and 0 <= frame.minute - asked.period_start < PERIOD_S
    if frame is None or not is_in or asked.meter_id not in frame.meters.ids:
        return
    yield Reading(
        frame.minute,
        record.offset,
        (frame.sequence, frame.place if frame.first_place is None else frame.first_place),
        _energies_wh(frame, frame.meters.ids.index(asked.meter_id)),
        None if frame.edit is None else frame.edit.by,
        tuple(
            str(rejection.rule)
            for rejection in judged.rejections
            if asked.meter_id in rejection.meters
        ),
    )


def _energies_wh(frame: Frame, column: int) -> dict[str, float]:
    return {
        CHANNELS[channel]: int(frame.cells[row, column]) / _MWH_A_WH
        for row, channel in enumerate(positions(frame.mask))
        if frame.cells[row, column] != MISSING
    }
