"""What the benchmark tells a peer: where to read, and where to write."""

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """One run of a peer.

    Attributes:
        broker: HOST:PORT of Apache Kafka.
        source: Topic of frames.
        group: Consumer group; every name that the peer makes begins with it.
        households: Topic of quarter-hours by household.
        communities: Topic of quarter-hours by community.
        state: Folder for its local state, empty.
        partitions: Of every topic.
    """

    broker: str
    source: str
    group: str
    households: str
    communities: str
    state: Path
    partitions: int


def task() -> Task:
    """Return the task that the command line gives."""
    parser = argparse.ArgumentParser()
    for name in ("broker", "source", "group", "households", "communities"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--partitions", type=int, required=True)
    return Task(**vars(parser.parse_args()))
