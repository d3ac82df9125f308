"""Quix Streams as its experts write it: frames as bytes, one state record a community and minute.

The message key is the community, so its state is in the partition that it is read from. Open
quarter-hours are held in memory as well, and read back from the state after a restart.
"""

from typing import Any

from quixstreams import Application, State
from quixstreams.state.rocksdb import RocksDBOptions

from bench.peers.frames import decode
from bench.peers.quarters import Quarter, Quarters, pack
from bench.peers.task import Task, task


def run(job: Task) -> None:
    """Consume until the process is ended."""
    app = Application(
        broker_address=job.broker,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        commit_interval=0.5,
        state_dir=job.state,
        rocksdb_options=RocksDBOptions(write_buffer_size=32 << 20),
        consumer_extra_config={"fetch.wait.max.ms": 20, "queued.max.messages.kbytes": 64 << 10},
        producer_extra_config={"linger.ms": 20, "queue.buffering.max.kbytes": 512 << 10},
        max_partition_buffer_size=10_000,
        auto_create_topics=True,
        loglevel="WARNING",
    )
    frames = app.topic(job.source, key_deserializer="bytes", value_deserializer="bytes")
    households = app.topic(job.households, key_serializer="bytes", value_serializer="bytes")
    communities = app.topic(job.communities, key_serializer="bytes", value_serializer="bytes")
    reading: list[State] = []
    quarters = Quarters(lambda _, minute: reading[0].get_bytes(str(minute)))

    def take(value: bytes, state: State) -> list[Quarter]:
        """Keep a frame's minute; return the quarter-hours that it closes."""
        reading[:] = [state]
        told: list[Quarter] = []
        for frame in decode([value]):
            is_new, closed = quarters.take(frame)
            if is_new:
                state.set_bytes(str(frame.minute), pack(frame))
            told += closed
        return told

    closed: Any = app.dataframe(frames).apply(take, stateful=True).filter(bool)
    closed = closed.apply(lambda quarters: quarters, expand=True)
    closed.apply(lambda quarter: quarter.households).to_topic(households)
    closed.apply(lambda quarter: quarter.together).to_topic(communities)
    app.run()


if __name__ == "__main__":
    run(task())
