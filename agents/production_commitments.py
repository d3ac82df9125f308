"""Shell around `streams.domain.production_commitments`: directives of batteries in, sums out."""

from typing import Any

from faust.types import StreamT

from agents.control_batches import read, read_up_to
from agents.partitions import Partitions
from sinks import production_metrics as metrics
from streams import clock, topics
from streams.codecs import production as codec
from streams.delivery.app import App
from streams.delivery.batches import batches
from streams.delivery.effects import Effects
from streams.domain.production_commitments import Commitments
from streams.settings import Settings
from tables import production as tables


def attach(app: App, settings: Settings) -> None:
    """Declare the table and the agent of batteries' commitments."""
    table = tables.declare_commitments(app)
    partitions = Partitions(
        app,
        (table,),
        load=lambda stores: tables.load_commitments(stores[table.name]),
        forget=metrics.forget,
    )

    @app.agent(app.bytes_topic(topics.BATTERY_DIRECTIVES.name), name="battery-commitments")
    async def battery_commitments(stream: StreamT[Any]) -> None:
        """Sum what a partition's batteries are told to give and take at the grid."""
        async for batch in batches(stream):
            partition, place = partitions.of(batch), read_up_to(batch, settings)
            commitments: Commitments = partition.kept
            changes = commitments.take(read(batch, codec.battery_directive))
            told = commitments.told(changes, partition=batch.partition, version=max(place, 1))
            effects = Effects()
            effects.changes[table] = {
                tables.commitment_key(name): None if one is None else tables.encode_tuple(one)
                for name, one in changes.items()
            }
            effects.routed[topics.BATTERY_COMMITMENTS.name] = list(codec.of_batteries(told))
            partition.measure(now=clock.epoch_now())
            await app.delivery.commit(batch, effects)
