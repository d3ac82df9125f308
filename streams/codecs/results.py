"""From what a step tells the world to the bytes of its topics (`schemas.metering`)."""

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson

from schemas.metering import RejectedReading
from streams.codecs.frames import Record
from streams.domain.channels import FLOWS, MISSING
from streams.domain.frames import Rejection
from streams.domain.minutes import Minute
from streams.domain.sums import Sums, minute_sums, of_one_shape, period_sums
from streams.domain.windows import ClosedPeriod

HOUSEHOLDS_IN_A_MESSAGE: Final = 2_000
ORIGINAL_BYTES_KEPT: Final = 64 * 1024

Message = tuple[bytes, bytes]

# One for every minute of every community: writing it so takes a third of building and dumping.
_MINUTE: Final = (
    '{"schema_version":1,"community_id":%s,"minute":%d,"version":%d,"meters_reported":%d,'
    + ",".join(f'"{flow}_mwh":%s' for flow in FLOWS)
    + "}"
)


def community_minutes(closed: Mapping[tuple[str, int], Minute]) -> Iterator[Message]:
    """Yield key and value of a `CommunityMinute` for each closed minute."""
    groups: dict[tuple[int, int], list[tuple[str, int, Minute]]] = defaultdict(list)
    for (community_id, start), minute in closed.items():
        groups[minute.mask, minute.cells.shape[1]].append((community_id, start, minute))
    for group in groups.values():
        sums, reported = minute_sums([minute for _, _, minute in group])
        rows = zip(group, sums.tolist(), reported.tolist(), strict=True)
        for (community_id, start, minute), flows, meters in rows:
            told = ["null" if energy == MISSING else energy for energy in flows]
            text = _MINUTE % (
                orjson.dumps(community_id).decode(),
                start,
                minute.version,
                meters,
                *told,
            )
            yield community_id.encode(), text.encode()


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
        for place, (period, _) in enumerate(group):
            yield from _messages(period, sums[place], measured[place])


def _messages(period: ClosedPeriod, flows: Sums, measured: Sums) -> Iterator[Message]:
    """Yield one period's households, those that nothing is known of left out."""
    places = np.flatnonzero((flows != MISSING).any(axis=0))
    parts = max(1, -(-len(places) // HOUSEHOLDS_IN_A_MESSAGE))
    for part in range(parts):
        chosen = places[part * HOUSEHOLDS_IN_A_MESSAGE : (part + 1) * HOUSEHOLDS_IN_A_MESSAGE]
        message: dict[str, Any] = {
            "schema_version": 1,
            "community_id": period.community_id,
            "period_start": period.start,
            "version": period.version,
            "part": part,
            "parts": parts,
            "meter_id": [period.meters[place] for place in chosen.tolist()],
        }
        for flow, row in zip(FLOWS, flows[:, chosen], strict=True):
            message[f"{flow}_mwh"] = _column(row)
        message["measured_minutes"] = measured[chosen].tolist()
        yield period.community_id.encode(), orjson.dumps(message)


def _column(row: Sums) -> list[int | None]:
    values: list[int | None] = row.tolist()
    if (row == MISSING).any():
        return [None if value == MISSING else value for value in values]
    return values


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


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data[:ORIGINAL_BYTES_KEPT]).decode()
