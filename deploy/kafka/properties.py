"""What is written into the configuration of a node."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.topics import LARGEST_MESSAGE_BYTES

# A batch is a little longer than the message in it.
_LARGEST_BATCH_BYTES: Final = LARGEST_MESSAGE_BYTES + 4096
# Fifty, the default, take seconds to open on a small machine and serve nobody there.
_INTERNAL_PARTITIONS: Final = 8


@dataclass(frozen=True, slots=True)
class Seat:
    """A node's place in the cluster: its number, from 1, and its two ports of 127.0.0.1."""

    node_id: int
    client_port: int
    controller_port: int


def node_properties(seat: Seat, seats: Sequence[Seat], *, data: Path) -> dict[str, str]:
    """Return the configuration of a node that is broker and controller in one.

    Args:
        seat: Of this node.
        seats: Of all nodes; every topic has a replica on each, up to three.
        data: Folder of its log.
    """
    replicas = min(len(seats), 3)
    in_sync = max(replicas - 1, 1)
    client = f"CLIENT://127.0.0.1:{seat.client_port}"
    return {
        "process.roles": "broker,controller",
        "node.id": str(seat.node_id),
        "controller.quorum.voters": ",".join(
            f"{each.node_id}@127.0.0.1:{each.controller_port}" for each in seats
        ),
        "listeners": f"{client},CONTROLLER://127.0.0.1:{seat.controller_port}",
        "advertised.listeners": client,
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "default.replication.factor": str(replicas),
        "min.insync.replicas": str(in_sync),
        "offsets.topic.replication.factor": str(replicas),
        "offsets.topic.num.partitions": str(_INTERNAL_PARTITIONS),
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": str(in_sync),
        "transaction.state.log.num.partitions": str(_INTERNAL_PARTITIONS),
        "share.coordinator.state.topic.replication.factor": str(replicas),
        "share.coordinator.state.topic.min.isr": str(in_sync),
        # Nobody else joins a group that starts on one machine: nothing to wait for.
        "group.initial.rebalance.delay.ms": "0",
        "message.max.bytes": str(_LARGEST_BATCH_BYTES),
        "replica.fetch.max.bytes": str(_LARGEST_BATCH_BYTES),
        # A replay of last year is written with last year's times, and shall stay.
        "log.retention.ms": "-1",
        # After so long without a sign the others take over from a node; and one that was killed
        # can't come back before, so a node that is alone has nothing to gain from waiting.
        "broker.session.timeout.ms": "6000" if len(seats) > 1 else "1500",
        "broker.heartbeat.interval.ms": "1000" if len(seats) > 1 else "500",
    }
