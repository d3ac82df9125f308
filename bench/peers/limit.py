"""The limit: a bare consumer loop, nothing durable but its outputs; what a core can do in Python.

confluent-kafka, msgspec and numpy, without a framework. Offsets are committed twice a second.
"""

import gc
import time
from typing import Final

from confluent_kafka import Consumer, Producer

from bench.peers.frames import decode
from bench.peers.quarters import Quarters
from bench.peers.task import Task, task

POLL_MESSAGES: Final = 2_000
COMMIT_EVERY_S: Final = 0.5


def run(job: Task) -> None:
    """Consume until the process is ended."""
    # Batches of lists that die young, and never in a cycle.
    gc.disable()
    consumer = Consumer(
        {
            "bootstrap.servers": job.broker,
            "group.id": job.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 20,
            "queued.max.messages.kbytes": 64 << 10,
        }
    )
    producer = Producer({"bootstrap.servers": job.broker, "linger.ms": 20})
    consumer.subscribe([job.source])
    quarters = Quarters()
    committed = time.monotonic()
    uncommitted = False
    while True:
        messages = consumer.consume(POLL_MESSAGES, 0.05)
        uncommitted |= bool(messages)
        for frame in decode([message.value() for message in messages]):
            _, closed = quarters.take(frame)
            for quarter in closed:
                producer.produce(job.households, quarter.households, quarter.community)
                producer.produce(job.communities, quarter.together, quarter.community)
        producer.poll(0)
        if uncommitted and time.monotonic() - committed > COMMIT_EVERY_S:
            consumer.commit(asynchronous=True)
            committed, uncommitted = time.monotonic(), False


if __name__ == "__main__":
    run(task())
