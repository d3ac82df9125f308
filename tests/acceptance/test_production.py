"""Plants that are steered by the running system follow the demand, up and down."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.embedded.system import EmbeddedSystem
from deploy.registry.files import write_entries
from schemas.production import PlantReading, ProductionOrder
from schemas.registry import Plant
from streams import clock
from tests.acceptance.running import (
    addresses,
    curl,
    eventually,
    free_settings,
    kill,
    smatrix,
    worker_of,
)
from tests.unit.domain.evaluating import KW, the_plants

pytestmark = pytest.mark.slow

MINUTES = 70
RISE_KW = 6
KILLED_AT = 45
"""On the way down: the worker that decides is killed, and another one goes on."""

START_AFTER = 20
"""Minutes in which the load stays, while the plants start."""


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    """A system of its own, with three plants, since the balance is that of the whole grid."""
    folder, roles = tmp_path_factory.mktemp("steered"), ("metering", "control", "history")
    with EmbeddedSystem(free_settings(), folder, roles=roles) as running:
        plants = tmp_path_factory.mktemp("plants") / "plants.jsonl"
        plants.write_text(write_entries(the_plants().values(), as_csv=False))
        ended = smatrix(
            "registry",
            "import",
            str(plants),
            environment=addresses(running.settings),
            within_s=180,
        )
        assert ended.status == 0, ended.err
        yield running


def demand_w(place: int) -> int:
    """Return the load of a minute: steady, a rise, and the same way down again."""
    ramp = max(place - START_AFTER, 0)
    half = (MINUTES - START_AFTER) // 2
    return 300 * KW + RISE_KW * KW * min(ramp, 2 * half - ramp)


class Played:
    """A grid of one household and three plants, which do what they are told.

    Attributes:
        gives: What each plant gives now, W.
        given: By minute what all gave.
        orders: Of each plant the last.
    """

    def __init__(self, system: EmbeddedSystem) -> None:
        self.system = system
        self.settings = system.settings
        self.plants: dict[str, Plant] = the_plants()
        self.gives = {"coal": 250 * KW, "gas": 60 * KW, "turbine": 0}
        self.given: dict[int, int] = {}
        self.orders: dict[str, ProductionOrder] = {}
        now = int(clock.epoch_now())
        self.start = now - now % 900 - 2 * 3600

    async def play(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.settings.broker, acks="all")
        consumer = AIOKafkaConsumer(
            "production-orders",
            bootstrap_servers=self.settings.broker,
            auto_offset_reset="earliest",
        )
        await asyncio.gather(producer.start(), consumer.start())
        try:
            for place in range(MINUTES):
                if place == KILLED_AT:
                    kill(self.system, worker_of(self.system, "control"))
                    self.system.start_worker("control")
                minute = self.start + 60 * place
                await self._tell(producer, minute, demand_w(place))
                await asyncio.wait_for(self._hear(consumer, minute + 60), timeout=120)
        finally:
            await asyncio.gather(producer.stop(), consumer.stop())

    async def _tell(self, producer: AIOKafkaProducer, minute: int, load_w: int) -> None:
        for name, plant in self.plants.items():
            order = self.orders.get(name)
            if order is not None and order.valid_from <= minute < order.valid_until:
                ramp = plant.ramp_w_per_minute or plant.capacity_w
                now = self.gives[name]
                self.gives[name] = min(max(order.ordered_w, now - ramp), now + ramp)
            reading = PlantReading(
                plant_id=name,
                minute=minute,
                production_w=self.gives[name],
                available_w=plant.capacity_w,
            )
            await producer.send_and_wait(
                "plant-readings", reading.model_dump_json().encode(), key=name.encode()
            )
        self.given[minute] = sum(self.gives.values())
        frame = {
            "community_id": "c1",
            "minute": minute,
            "meter_id": ["m1"],
            "consumption_wh": [round(load_w / 60, 3)],
        }
        await producer.send_and_wait("meter-frames", json.dumps(frame).encode(), key=b"c1")

    async def _hear(self, consumer: AIOKafkaConsumer, valid_from: int) -> None:
        """Wait until every plant has its order for a minute."""
        while {order.valid_from for order in self.orders.values()} != {valid_from} or len(
            self.orders
        ) < len(self.plants):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    order = ProductionOrder.model_validate_json(record.value or b"")
                    self.orders[order.plant_id] = order


def test_plants_follow_the_demand_both_ways_though_who_decides_is_killed(
    steered: EmbeddedSystem,
) -> None:
    played = Played(steered)

    asyncio.run(played.play())

    settled = range(START_AFTER, MINUTES)
    misses = [played.given[played.start + 60 * place] - demand_w(place) for place in settled]
    # A minute's rise, and the reserve of 2 %.
    assert max(map(abs, misses)) <= 0.06 * 450 * KW
    rising = demand_w(MINUTES // 2 + 10) - demand_w(START_AFTER)
    given = played.given
    assert given[played.start + 60 * (MINUTES // 2 + 10)] - given[
        played.start + 60 * START_AFTER
    ] == pytest.approx(rising, abs=25 * KW)
    assert given[played.start + 60 * (MINUTES - 1)] == pytest.approx(
        demand_w(MINUTES - 1), abs=25 * KW
    )


def test_what_was_ordered_and_given_is_in_clickhouse_with_its_reason(
    steered: EmbeddedSystem,
) -> None:
    settings = steered.settings

    def obedience() -> list[list[str]]:
        return curl(
            settings,
            "SELECT plant_id, count(), countIf(difference_w = 0) > 40 "
            "FROM smatrix.plant_obedience GROUP BY plant_id ORDER BY plant_id",
        )

    expected = [[name, str(MINUTES - 1), "1"] for name in ("coal", "gas", "turbine")]
    eventually("orders and readings are kept", lambda: obedience() == expected)
    reasons = curl(settings, "SELECT DISTINCT reason FROM smatrix.production_orders")
    assert ["merit"] in reasons
    planned = curl(settings, "SELECT count() % 96, count() > 0 FROM smatrix.production_plans")
    assert planned == [["0", "1"]]


def test_a_reading_of_a_plant_that_nobody_registered_is_kept_with_its_rule(
    steered: EmbeddedSystem,
) -> None:
    settings = steered.settings
    played = Played(steered)
    reading = PlantReading(plant_id="x1", minute=played.start, production_w=1, available_w=1)

    async def tell() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=settings.broker, acks="all")
        await producer.start()
        try:
            await producer.send_and_wait(
                "plant-readings", reading.model_dump_json().encode(), key=b"x1"
            )
            await producer.send_and_wait("plant-readings", b"{", key=b"x1")
        finally:
            await producer.stop()

    asyncio.run(tell())

    eventually(
        "what is refused is kept",
        lambda: (
            curl(
                settings,
                "SELECT rule FROM smatrix.rejections FINAL WHERE source_topic = 'plant-readings' "
                "ORDER BY rule",
            )
            == [["not_json"], ["unknown_plant"]]
        ),
    )
