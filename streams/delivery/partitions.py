"""Which partition a key belongs to."""

from typing import Final

from aiokafka.partitioner import DefaultPartitioner

_partitioner: Final = DefaultPartitioner()


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that a key's records go to, as Kafka's Java client has it."""
    numbers = list(range(partitions))
    return int(_partitioner(key, numbers, numbers))
