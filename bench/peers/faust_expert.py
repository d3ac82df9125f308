"""Faust by an expert, without our extension.

Frames as bytes, `take_events`, one table write for each community and minute, sums in numpy,
uvloop, quiet loggers.
"""

import logging
import weakref
from typing import Any, cast

import faust
import uvloop
from faust.streams import Stream, _current_event
from faust.types import StreamT, TopicT

from bench.peers.faust_app import faust_app
from bench.peers.frames import decode
from bench.peers.quarters import Quarters, pack
from bench.peers.task import task

for name in ("aiokafka", "faust", "mode", "asyncio"):
    logging.getLogger(name).setLevel(logging.WARNING)

JOB = task()
TAKE = 500

app = faust_app(JOB)


def _raw_topic(name: str) -> TopicT:
    return app.topic(
        name,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        partitions=JOB.partitions,
    )


frames, households, communities = map(_raw_topic, (JOB.source, JOB.households, JOB.communities))
minutes = app.Table("minutes", partitions=JOB.partitions, key_type=bytes, value_type=bytes)


def _key(community_id: str, minute: int) -> bytes:
    return b"%s\0%d" % (community_id.encode(), minute)


@app.agent(frames)
async def metering(stream: StreamT[Any]) -> None:
    """Keep minutes, and tell quarter-hours as they close."""
    quarters = Quarters(lambda community, minute: minutes.get(_key(community, minute)))
    async for events in cast("Stream[Any]", stream).take_events(TAKE, within=0.05):
        for event in events:
            # The table writes to the partition of the current event, which would be the last one.
            _current_event.set(weakref.ref(event))
            for frame in decode([event.value]):
                is_new, closed = quarters.take(frame)
                if is_new:
                    minutes[_key(frame.community_id, frame.minute)] = pack(frame)
                for quarter in closed:
                    _ = await households.send(key=quarter.community, value=quarter.households)
                    _ = await communities.send(key=quarter.community, value=quarter.together)


if __name__ == "__main__":
    uvloop.install()
    app.finalize()
    faust.Worker(app, loglevel="warning", redirect_stdouts=False).execute_from_commandline()
