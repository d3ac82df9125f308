"""From what a step tells the world to the bytes of its topics (`schemas.metering`)."""

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import orjson

from schemas.metering import EditedReading, RejectedReading
from streams.domain.channels import CHANNELS, FLOWS, MISSING, positions
from streams.domain.frames import Frame, Rejection
from streams.domain.minutes import Minute
from streams.domain.steps import ClosedPeriod
from streams.domain.sums import Sums, last_levels, minute_sums, of_one_shape, period_sums
from streams.records import Record

HOUSEHOLDS_IN_A_MESSAGE: Final = 2_000
ORIGINAL_BYTES_KEPT: Final = 64 * 1024

EDITED: Final = CHANNELS[:4]
"""What can be put right by hand."""

Message = tuple[bytes, bytes]

# Written so, a minute takes a third of building and dumping it; there is one for each frame. No
# sum is negative, so what stands for a missing one can be put right in the text.
_MINUTE: Final = (
    b'{"schema_version":1,"community_id":%s,"missing_meters":%s,"minute":%d,"version":%d,'
    b'"meters_reported":%d,' + b",".join(b'"%s_mwh":%%d' % flow.encode() for flow in FLOWS) + b"}"
)
_MISSING: Final = b":%d" % MISSING


def community_minutes(closed: Mapping[tuple[str, int], Minute]) -> Iterator[Message]:
    """Yield key and value of a `CommunityMinute` for each closed minute."""
    groups: dict[tuple[int, int], list[tuple[str, int, Minute]]] = defaultdict(list)
    for (community_id, start), minute in closed.items():
        if minute.digest is not None:
            digest = minute.digest
            yield _community_minute(community_id, start, minute, digest.reported, digest.flows)
        else:
            groups[minute.mask, minute.cells.shape[1]].append((community_id, start, minute))
    for group in groups.values():
        sums, reported = minute_sums([minute for _, _, minute in group])
        rows = zip(group, sums.tolist(), reported.tolist(), strict=True)
        for (community_id, start, minute), flows, meters in rows:
            yield _community_minute(community_id, start, minute, meters, flows)


def _community_minute(
    community_id: str, start: int, minute: Minute, reported: int, flows: list[int]
) -> Message:
    missing = orjson.dumps(minute.missing) if minute.missing else b"[]"
    text = _MINUTE % (_quoted(community_id), missing, start, minute.version, reported, *flows)
    if MISSING in flows:
        head, name, tail = text.partition(b',"minute"')
        text = head + name + tail.replace(_MISSING, b":null")
    return community_id.encode(), text


@lru_cache(maxsize=100_000)
def _quoted(text: str) -> bytes:
    return orjson.dumps(text)


def household_intervals(closed: Sequence[ClosedPeriod]) -> Iterator[Message]:
    """Yield key and value of the `HouseholdIntervals` of each closed period."""
    groups: dict[tuple[int, int, int], list[tuple[ClosedPeriod, Sequence[Minute]]]]
    groups = defaultdict(list)
    for period in closed:
        minutes = of_one_shape(period.minutes)
        shape = (minutes[0].mask, minutes[0].cells.shape[1], len(minutes))
        groups[shape].append((period, minutes))
    for group in groups.values():
        sums, measured = period_sums(
            [minute for _, minutes in group for minute in minutes], periods=len(group)
        )
        for place, (period, minutes) in enumerate(group):
            yield from _messages(period, sums[place], measured[place], last_levels(minutes))


def _messages(
    period: ClosedPeriod, flows: Sums, measured: Sums, levels: Sums | None
) -> Iterator[Message]:
    """Yield one period's households, those that nothing is known of left out."""
    places = np.flatnonzero(flows.max(axis=0) != MISSING)
    parts = max(1, -(-len(places) // HOUSEHOLDS_IN_A_MESSAGE))
    for part in range(parts):
        chosen = places[part * HOUSEHOLDS_IN_A_MESSAGE : (part + 1) * HOUSEHOLDS_IN_A_MESSAGE]
        head = {
            "schema_version": 1,
            "community_id": period.community_id,
            "period_start": period.start,
            "version": period.version,
            "part": part,
            "parts": parts,
            "meter_id": [period.meters[place] for place in chosen.tolist()],
        }
        columns = [
            b'"%s_mwh":%s' % (flow.encode(), _column(row))
            for flow, row in zip(FLOWS, flows.take(chosen, axis=1), strict=True)
        ]
        if levels is not None:
            columns.append(b'"battery_level_mwh":' + _column(levels[chosen]))
        columns.append(b'"measured_minutes":' + _column(measured[chosen]))
        text = orjson.dumps(head)[:-1] + b"," + b",".join(columns) + b"}"
        yield period.community_id.encode(), text


def _column(row: Sums) -> bytes:
    """Return a column as JSON; no sum is negative, so a -1 is a missing one wherever it stands."""
    return orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY).replace(b"-1", b"null")


def rejected_reading(
    rejection: Rejection, record: Record, *, topic: str, partition: int, received_at_ms: int
) -> Message:
    """Return key and value of the `RejectedReading` for what was refused of a record."""
    value = record.value
    rejected = RejectedReading(
        source_topic=topic,
        source_partition=partition,
        source_offset=rejection.offset,
        rule=rejection.rule,
        detail=rejection.detail,
        community_id=rejection.community_id,
        minute=rejection.minute,
        meter_id=list(rejection.meters),
        received_at_ms=received_at_ms,
        original_key_base64=_base64(record.key),
        original_value_base64=_base64(None if value is None else value[:ORIGINAL_BYTES_KEPT]),
        original_value_bytes=0 if value is None else len(value),
    )
    return (rejection.community_id or "").encode(), rejected.model_dump_json().encode()


def edited_readings(frame: Frame, *, edited_at_ms: int) -> Iterator[Message]:
    """Yield key and value of an `EditedReading` for each reading of a frame that is an edit.

    Raises:
        ValueError: If it is none.
    """
    if frame.edit is None:
        raise ValueError(f"the frame at place {frame.place} is no edit")
    rows = {CHANNELS[channel]: row for row, channel in enumerate(positions(frame.mask))}
    for column, meter in enumerate(frame.meters.ids):
        energies = {
            f"{name}_mwh": None
            if name not in rows or frame.cells[rows[name], column] == MISSING
            else int(frame.cells[rows[name], column])
            for name in EDITED
        }
        edited = EditedReading.model_validate(
            {
                "community_id": frame.community_id,
                "meter_id": meter,
                "minute": frame.minute,
                "version": frame.place + 1,
                "edited_by": frame.edit.by,
                "reason": frame.edit.reason,
                "edited_at_ms": edited_at_ms,
                **energies,
            }
        )
        yield frame.community_id.encode(), edited.model_dump_json().encode()


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data[:ORIGINAL_BYTES_KEPT]).decode()
