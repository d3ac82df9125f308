"""Shell around `streams.domain.plant_readings`: what plants send in, what is sound of it out."""

from collections.abc import Iterator
from typing import Any

from faust.types import StreamT

from agents.partitions import Partitions
from agents.production_registry import Registry
from schemas.production import PlantMinute, PlantReading
from sinks import production_metrics as metrics
from streams import clock, topics
from streams.codecs import production as codec
from streams.codecs.results import Message, rejected_reading
from streams.delivery.app import App
from streams.delivery.batches import Batch, batches
from streams.delivery.effects import Changes, Effects
from streams.domain.frames import Rejection, place_of
from streams.domain.plant_readings import Readings, Refused, refusal
from streams.policies import reading_policy
from streams.records import Record
from streams.settings import Settings
from tables import production as tables


def attach(app: App, settings: Settings) -> None:
    """Declare the table and the agent of plants' readings."""
    policy, table, registry = reading_policy(settings), tables.declare_readings(app), Registry()
    follower = app.follow([topics.REGISTRY_PLANTS.name], registry.take)
    partitions = Partitions(
        app,
        (table,),
        load=lambda stores: tables.load_readings(stores[table.name]),
        forget=metrics.forget,
    )

    def judge(record: Record, readings: Readings, now: float) -> PlantReading | Refused:
        said = codec.plant_reading(record.value)
        if isinstance(said, Refused):
            return said
        refused = refusal(
            said,
            key=record.key,
            plant=registry.plant(said.plant_id, minute=said.minute),
            newest=readings.newest.get(said.plant_id),
            now=now,
            policy=policy,
        )
        return refused or said

    @app.agent(app.bytes_topic(topics.PLANT_READINGS.name), name="plant-readings")
    async def plant_readings(stream: StreamT[Any]) -> None:
        """Pass on readings of plants that are sound, and say which are not."""
        async for batch in batches(stream):
            # Who is registered first and sends then must never be refused.
            if batch.records and not await follower.caught_up(unless=app.revoking):
                batch.abandon()
                continue
            partition, now = partitions.of(batch), clock.epoch_now()
            readings: Readings = partition.kept
            taken: list[PlantMinute] = []
            refused: list[tuple[Record, Refused]] = []
            for record in batch.records:
                said = judge(record, readings, now)
                if isinstance(said, Refused):
                    refused.append((record, said))
                    continue
                place = place_of(record.offset, generation=settings.generation)
                if (minute := readings.take(said, place=place)) is not None:
                    taken.append(minute)
            changes: Changes = {
                tables.reading_key(one.plant_id, one.minute): tables.encode_tuple(
                    readings.minutes[one.plant_id, one.minute]
                )
                for one in taken
            }
            expired = readings.expire(retention_s=policy.retention_s) if taken else []
            changes |= {tables.reading_key(*key): None for key in expired}
            effects = Effects()
            effects.changes[table] = changes
            effects.outputs[topics.REJECTED_READINGS.name] = list(_rejected(batch, refused))
            effects.routed[topics.PLANT_MINUTES.name] = list(codec.plant_minutes(taken))
            metrics.READINGS.inc(len(taken))
            for _, why in refused:
                metrics.REFUSED.labels(why.rule).inc()
            partition.measure(now=now)
            await app.delivery.commit(batch, effects)


def _rejected(batch: Batch, refused: list[tuple[Record, Refused]]) -> Iterator[Message]:
    for record, why in refused:
        _, minute = codec.claimed(record.value)
        yield rejected_reading(
            Rejection(record.offset, why.rule, why.detail, minute=minute),
            record,
            topic=batch.tp.topic,
            partition=batch.partition,
            received_at_ms=max(record.timestamp, 0),
        )
