"""A Faust app as both Faust peers configure it, with Faust's own means alone."""

import faust
from faust.types import AppT

from bench.peers.task import Task


def faust_app(job: Task) -> AppT:
    """Return an app for a task; nothing is extended or overridden."""
    return faust.App(
        job.group,
        broker=f"kafka://{job.broker}",
        store="rocksdb://?driver=rocksdict",
        datadir=job.state,
        topic_partitions=job.partitions,
        topic_replication_factor=1,
        # Otherwise every fetch waits for a topic that is always empty.
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=4 << 20,
        broker_max_poll_records=2_000,
        broker_commit_interval=0.5,
        broker_session_timeout=6,
        broker_heartbeat_interval=1,
        broker_rebalance_timeout=20,
        producer_linger=0.01,
        producer_max_batch_size=1 << 20,
        stream_buffer_maxsize=8_192,
        web_enabled=False,
        autodiscover=False,
    )
