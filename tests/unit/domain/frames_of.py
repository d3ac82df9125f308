"""Frames as a terminal's readings become them: builders and strategies."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from schemas.units import MINUTE_S
from streams.domain.channels import CHANNELS, MISSING
from streams.domain.digests import digests
from streams.domain.frames import Frame, MeterList

MONDAY = 1_700_438_400  # 2023-11-20T00:00:00Z
LILAS = "lilas"

Values = Mapping[str, Sequence[int | None]]


def a_frame(
    *,
    minute: int = 0,
    place: int = 0,
    sequence: int = -1,
    meters: Sequence[str] = ("m1", "m2"),
    community_id: str = LILAS,
    **energy_mwh: Sequence[int | None],
) -> Frame:
    """Build a frame for the given minute of Monday; consumption is 100 mWh unless it is said."""
    values: Values = energy_mwh or {"consumption": [100] * len(meters)}
    channels = sorted(CHANNELS.index(name) for name in values)
    mask = sum(1 << channel for channel in channels)
    cells = np.array(
        [
            [MISSING if value is None else value for value in values[CHANNELS[channel]]]
            for channel in channels
        ],
        dtype=np.int64,
    )
    (digest,) = digests(cells.reshape(-1), np.array([[mask, len(meters), 0]]))
    return Frame(
        community_id,
        MONDAY + minute * MINUTE_S,
        sequence,
        place,
        MeterList(tuple(meters)),
        mask,
        cells,
        digest,
    )


def placed(frames: Sequence[Frame]) -> list[Frame]:
    """Return frames in the places of a partition, in this order."""
    return [frame._replace(place=place) for place, frame in enumerate(frames)]


_VALUES = st.one_of(st.none(), st.integers(0, 5))


@st.composite
def frames(draw: st.DrawFn, *, minutes: int = 20) -> Frame:
    """Draw a frame of one of two communities, some of four meters, in any order."""
    meters = draw(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, unique=True))
    names = draw(st.sets(st.sampled_from(CHANNELS[:5]))) | {"consumption"}
    column = st.lists(_VALUES, min_size=len(meters), max_size=len(meters))
    energy_mwh: Any = {name: draw(column) for name in names}
    return a_frame(
        minute=draw(st.integers(0, minutes - 1)),
        sequence=draw(st.integers(-1, 6)),
        meters=meters,
        community_id=draw(st.sampled_from([LILAS, "roses"])),
        **energy_mwh,
    )
