"""Frames as a terminal writes them; each builder names what a test is about."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MINUTE_S = 60
QUARTER_S = 900
HOUR_S = 3_600
DAY_S = 86_400

NOON = 1_750_075_200  # 2025-06-16 12:00 UTC
JUST_BEFORE_FEBRUARY = 1_738_366_200  # 2025-01-31 23:30 UTC


class Record(NamedTuple):
    """What a Kafka client hands to its broker."""

    key: bytes | None
    value: bytes | None


def a_frame(
    community: str = "c1",
    minute: int = NOON,
    meters: Sequence[str] = ("m1",),
    consumption_wh: Sequence[float | None] = (1.0,),
    **others: Any,  # noqa: ANN401 - JSON
) -> dict[str, Any]:
    """Return a frame; what is not named is absent, as the contract allows."""
    return {
        "community_id": community,
        "minute": minute,
        "meter_id": list(meters),
        "consumption_wh": list(consumption_wh),
        **others,
    }


def a_record(frame: Mapping[str, Any], *, key: str | None = None, spaces: bool = True) -> Record:
    """Return a frame under its community's key, or another, as `json.dumps` writes it."""
    separators = None if spaces else (",", ":")
    value = json.dumps(frame, separators=separators).encode()
    return Record((frame["community_id"] if key is None else key).encode(), value)
