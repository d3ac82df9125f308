"""The frames that every peer reads: made once by the load generator, the same for one seed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa

from bench.broker import PARTITIONS, Broker
from deploy.registry.store import ensure_there, write
from deploy.repartition.broker import Broker as RegistryBroker
from load_generator.faults import FaultRates
from load_generator.plan import Plan
from load_generator.registered import registered
from load_generator.sender import run
from streams.codecs.registry import TOPIC_OF
from streams.delivery.clients import connection_of
from streams.settings import Settings
from streams.topics import METER_FRAMES

# By day: at night the panels send zeros, and frames are shorter.
START: Final = datetime(2025, 7, 16, 9, tzinfo=UTC)
PERIOD_MINUTES: Final = 15


@dataclass(frozen=True, slots=True)
class Dataset:
    """Frames in the topic `meter-frames`, and what must come of them.

    Attributes:
        truth: As the load generator tells it.
        frames: Number of frames in the topic.
        readings: Number of readings in them.
    """

    truth: pa.Table
    frames: int
    readings: int


def plan(
    readings: int, *, communities: int, households_a_frame: int, faults: FaultRates, seed: int = 1
) -> Plan:
    """Return a plan of at least so many readings, in whole quarter-hours."""
    households = communities * households_a_frame
    quarters = -(-readings // (households * PERIOD_MINUTES))
    return Plan(
        communities=communities,
        households=households,
        seed=seed,
        start=START,
        minutes=quarters * PERIOD_MINUTES,
        faults=faults,
    )


async def fill(broker: Broker, wanted: Plan) -> Dataset:
    """Put a plan's frames into a new topic of frames, and its fleet into a new registry."""
    mine = {METER_FRAMES.name, *(topic.name for topic in TOPIC_OF.values())}
    await broker.delete(sorted(mine & await broker.topics()))
    await broker.create(METER_FRAMES.name, config=METER_FRAMES.config)
    await register_fleet(wanted, broker=broker.bootstrap)
    outcome = await run(wanted, broker=broker.bootstrap, topic=METER_FRAMES.name)
    ends = await broker.ends(METER_FRAMES.name)
    return Dataset(outcome.truth, sum(ends.values()), outcome.counts.readings_sent)


async def register_fleet(wanted: Plan, *, broker: str) -> None:
    """Register a plan's fleet, as `smatrix load` does, but without asking what is there."""
    settings = Settings(broker=broker, partitions=PARTITIONS)
    async with RegistryBroker.connected(connection_of(settings)) as registry:
        await ensure_there(registry, settings)
        await write(registry, settings, registered(wanted.fleet()))
