"""Quix Streams with its own windowed state.

A tumbling window collects a community's frames; it is told once it has closed, by the grace that
late frames have.
"""

from typing import Any

import msgspec
from quixstreams import Application
from quixstreams.dataframe.windows import Collect
from quixstreams.models import TimestampType

from bench.peers.frames import decode
from bench.peers.quarters import LATENESS_S, PERIOD_S, Quarter, tell
from bench.peers.task import Task, task


class _Minute(msgspec.Struct):
    minute: int


_minute = msgspec.json.Decoder(_Minute).decode


def _event_time_ms(value: bytes, _headers: object, _timestamp: float, _kind: TimestampType) -> int:
    return _minute(value).minute * 1000


def _tell(closed: dict[str, Any]) -> Quarter:
    """Return the outputs of a closed window."""
    by_minute = {}
    for frame in decode(text.encode() for text in closed["value"]):
        by_minute[frame.minute] = frame
    last = by_minute[max(by_minute)]
    return tell(
        last.community_id,
        closed["start"] // 1000,
        last.meters,
        [frame.cells for frame in by_minute.values()],
    )


def run(job: Task) -> None:
    """Consume until the process is ended."""
    app = Application(
        broker_address=job.broker,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        commit_interval=0.5,
        state_dir=job.state,
        consumer_extra_config={"fetch.wait.max.ms": 20, "queued.max.messages.kbytes": 64 << 10},
        producer_extra_config={"linger.ms": 20, "queue.buffering.max.kbytes": 512 << 10},
        loglevel="WARNING",
    )
    frames = app.topic(
        job.source,
        key_deserializer="bytes",
        value_deserializer="bytes",
        timestamp_extractor=_event_time_ms,
    )
    households = app.topic(job.households, key_serializer="bytes", value_serializer="bytes")
    communities = app.topic(job.communities, key_serializer="bytes", value_serializer="bytes")
    # Collected values are kept as JSON, which knows no bytes.
    told = (
        app.dataframe(frames)
        .apply(bytes.decode)
        .tumbling_window(PERIOD_S * 1000, grace_ms=LATENESS_S * 1000)
        .agg(value=Collect())
        .final()
        .apply(_tell)
    )
    told.apply(lambda quarter: quarter.households).to_topic(households)
    told.apply(lambda quarter: quarter.together).to_topic(communities)
    app.run()


if __name__ == "__main__":
    run(task())
