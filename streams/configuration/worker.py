"""Where a worker's state is, and how it divides and delivers its work."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from streams.configuration.values import Duration, Group


class DeliveryMode(StrEnum):
    """How a batch's effects reach the broker: see docs/decisions on delivery."""

    AUTO = "auto"
    PLAIN = "plain"
    TRANSACTIONAL = "transactional"


class WorkerSettings(Group):
    """Where a worker's state is, and how it divides and delivers its work."""

    data_dir: Path = Field(
        default=Path(".smatrix"),
        description="Folder of local state; every worker has its own in it.",
    )
    worker_id: str = Field(
        default="1",
        pattern=r"^[A-Za-z0-9_-]{1,40}$",
        description="Name of this worker among those of its role on this machine.",
    )
    partitions: int = Field(
        default=4, ge=1, le=10_000, description="Partitions of every topic and table."
    )
    replication: int = Field(
        default=1, ge=1, le=10, description="Replication factor of new topics."
    )
    delivery: DeliveryMode = Field(
        default=DeliveryMode.AUTO,
        description="plain, transactional, or auto: transactional where the broker can.",
    )
    commit_interval: Duration = Field(
        default=timedelta(seconds=1),
        gt=timedelta(0),
        le=timedelta(seconds=60),
        description="How often progress is committed where there are no transactions, which "
        "commit it with each batch.",
    )
