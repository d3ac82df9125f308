"""Stock Faust as its documentation writes it.

A record for a frame, a windowed table, one write for each reading, and the sums read from the
windows when the quarter-hour's last minute comes.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, cast

import faust
from faust.types import FieldDescriptorT, StreamT
from faust.windows import TumblingWindow

from bench.peers.faust_app import faust_app
from bench.peers.task import task

JOB = task()
LAST_MINUTE_S = 840
PERIOD_S = 900

app = faust_app(JOB)
Column = list[float | None]


class Frame(faust.Record, serializer="json"):
    """A frame of `meter-frames`."""

    community_id: str
    minute: int
    meter_id: list[str]
    consumption_wh: Column
    production_wh: Column | None = None
    battery_charge_wh: Column | None = None
    battery_discharge_wh: Column | None = None
    battery_level_wh: Column | None = None
    import_register_wh: Column | None = None
    export_register_wh: Column | None = None
    sequence: int | None = None


COLUMNS = [
    "consumption_wh",
    "production_wh",
    "battery_charge_wh",
    "battery_discharge_wh",
    "battery_level_wh",
    "import_register_wh",
    "export_register_wh",
]
MINUTE = TumblingWindow(60)

frames = app.topic(JOB.source, key_type=bytes, value_type=Frame, partitions=JOB.partitions)
households = app.topic(JOB.households, key_type=str, value_type=bytes, value_serializer="json")
communities = app.topic(JOB.communities, key_type=str, value_type=bytes, value_serializer="json")
minutes: Any = (
    app.Table("minutes", default=list, partitions=JOB.partitions)
    .tumbling(60)
    .relative_to_field(cast("FieldDescriptorT[Any]", Frame.minute))
)


@app.agent(frames)
async def metering(stream: StreamT[Frame]) -> None:
    """Keep every reading in its window, and tell a quarter-hour with its last minute."""
    async for frame in stream:
        columns = [getattr(frame, name) for name in COLUMNS]
        if any(column and len(column) != len(frame.meter_id) for column in columns):
            continue
        for place, meter in enumerate(frame.meter_id):
            reading = [_mwh(column[place]) if column else None for column in columns]
            if not any(value is not None and value < 0 for value in reading):
                minutes[meter] = reading
        if frame.minute % PERIOD_S == LAST_MINUTE_S:
            told = _quarter(frame)
            _ = await households.send(key=frame.community_id, value=told)
            together = {
                name: sum(value or 0 for value in told[name])
                for name in told
                if name.endswith("_mwh")
            }
            head = {"community_id": frame.community_id, "period_start": told["period_start"]}
            _ = await communities.send(key=frame.community_id, value={**head, **together})


def _mwh(energy_wh: float | None) -> int | None:
    if energy_wh is None:
        return None
    return int((Decimal(repr(energy_wh)) * 1000).to_integral_value(ROUND_HALF_EVEN))


def _quarter(frame: Frame) -> dict[str, Any]:
    period = frame.minute - LAST_MINUTE_S
    windows = [MINUTE.ranges(period + 60 * number)[0] for number in range(15)]
    told: dict[str, Any] = {
        "community_id": frame.community_id,
        "period_start": period,
        "meter_id": frame.meter_id,
    }
    rows = []
    for meter in frame.meter_id:
        readings = [reading for window in windows if (reading := minutes[meter][window])]
        rows.append(_sums(readings))
    names = [
        "consumption_mwh",
        "production_mwh",
        "import_mwh",
        "export_mwh",
        "battery_charge_mwh",
        "battery_discharge_mwh",
        "measured_minutes",
    ]
    return told | dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _sums(readings: list[list[int | None]]) -> list[int | None]:
    net = [
        reading[0] - (reading[1] or 0) + (reading[2] or 0) - (reading[3] or 0)
        for reading in readings
        if reading[0] is not None
    ]
    return [
        _known_sum(readings, 0),
        _known_sum(readings, 1),
        sum(max(value, 0) for value in net) if net else None,
        sum(max(-value, 0) for value in net) if net else None,
        _known_sum(readings, 2),
        _known_sum(readings, 3),
        len(net),
    ]


def _known_sum(readings: list[list[int | None]], channel: int) -> int | None:
    known = [value for reading in readings if (value := reading[channel]) is not None]
    return sum(known) if known else None


if __name__ == "__main__":
    app.finalize()
    faust.Worker(app, loglevel="warning", redirect_stdouts=False).execute_from_commandline()
