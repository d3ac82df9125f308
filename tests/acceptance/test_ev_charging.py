"""A short night of vehicles through the running system: all are charged when they leave."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.embedded.system import EmbeddedSystem
from schemas.ev_charging import ChargeDirective, EvSession
from schemas.registry import Community
from schemas.units import MINUTE_S, PERIOD_S
from tests.acceptance.running import curl, eventually, free_settings
from tests.builders import NOON, a_frame

pytestmark = pytest.mark.slow

ROLES: Final = ("metering", "control", "history")
COMMUNITY: Final = "ev-night"
METERS: Final = ("ev-1", "ev-2", "ev-3")
EVENING: Final = NOON - NOON % PERIOD_S + 6 * 3600
DEPARTURE: Final = EVENING + 3 * 3600
BASE_W: Final = 600
LIMIT_W: Final = 16_000
ASKED_WH: Final = 10_000
ANSWER_S: Final = 60
"""A machine that does much else is slow."""


@dataclass
class Night:
    """The terminal of a community whose chargers obey, and say what they have charged."""

    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    charged_mwh: dict[str, int] = field(default_factory=lambda: dict.fromkeys(METERS, 0))
    orders: dict[tuple[str, int], ChargeDirective] = field(default_factory=dict)
    loads_w: list[float] = field(default_factory=list)
    version: int = 0

    async def report(self, minute: int, *, unplugged: bool = False) -> None:
        self.version += 1
        for meter in METERS:
            session = EvSession(
                session_id=f"session-{meter}",
                community_id=COMMUNITY,
                meter_id=meter,
                version=self.version,
                minute=minute,
                plugged_in=EVENING,
                departure=DEPARTURE,
                energy_wh=ASKED_WH,
                charger_w=11_000,
                minimum_w=1_400,
                continuous=meter != "ev-3",
                charged_wh=self.charged_mwh[meter] / 1000,
                unplugged=unplugged,
            )
            await self._send("ev-sessions", session.model_dump_json().encode())

    async def play(self, minute: int) -> None:
        drawn_wh = []
        for meter in METERS:
            order = self.orders.get((meter, minute // PERIOD_S * PERIOD_S))
            power_w = 11_000 if order is None else order.power_w
            left = ASKED_WH * 1000 - self.charged_mwh[meter] if minute >= EVENING else 0
            taken = min(power_w * 1000 // 60, left)
            self.charged_mwh[meter] += taken
            drawn_wh.append((BASE_W * 1000 / 60 + taken) / 1000)
        self.loads_w.append(sum(drawn_wh) * 60)
        frame = a_frame(COMMUNITY, minute, list(METERS), consumption_wh=drawn_wh)
        await self._send("meter-frames", json.dumps(frame).encode())

    async def orders_of(self, quarter: int) -> None:
        """Wait until all vehicles that still need something have an order for a quarter-hour."""
        needy = [meter for meter in METERS if self.charged_mwh[meter] < ASKED_WH * 1000]
        async with asyncio.timeout(ANSWER_S):
            while any((meter, quarter) not in self.orders for meter in needy):
                record = await self.consumer.getone()
                order = ChargeDirective.model_validate_json(record.value)
                if order.community_id == COMMUNITY:
                    known = self.orders.get((order.meter_id, order.valid_until - PERIOD_S))
                    if known is None or known.version < order.version:
                        self.orders[order.meter_id, order.valid_until - PERIOD_S] = order

    async def _send(self, topic: str, value: bytes) -> None:
        await self.producer.send_and_wait(topic, value, key=COMMUNITY.encode())


async def play_the_night(broker: str) -> Night:
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
    consumer = AIOKafkaConsumer(
        "charge-directives", bootstrap_servers=broker, auto_offset_reset="earliest"
    )
    await producer.start()
    await consumer.start()
    try:
        registered = Community(
            community_id=COMMUNITY,
            version=1,
            valid_from=0,
            connection_limit_w=LIMIT_W,
            zone="Europe/Berlin",
        )
        await producer.send_and_wait(
            "registry-communities", registered.model_dump_json().encode(), key=COMMUNITY.encode()
        )
        night = Night(producer, consumer)
        for minute in range(EVENING - 3600, EVENING, MINUTE_S):
            await night.play(minute)
        await night.report(EVENING)
        for quarter in range(EVENING, DEPARTURE, PERIOD_S):
            await night.orders_of(quarter)
            for minute in range(quarter, quarter + PERIOD_S, MINUTE_S):
                await night.play(minute)
            is_over = quarter + PERIOD_S == DEPARTURE
            await night.report(quarter + PERIOD_S, unplugged=is_over)
        return night
    finally:
        await producer.stop()
        await consumer.stop()


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    """A system of its own: a partition plans by its newest minute, whosever it is."""
    folder = tmp_path_factory.mktemp("nightly")
    with EmbeddedSystem(free_settings(), folder, roles=ROLES) as running:
        yield running


def test_all_vehicles_are_charged_when_they_leave_and_the_connection_is_never_overloaded(
    nightly: EmbeddedSystem,
) -> None:
    night = asyncio.run(play_the_night(nightly.settings.broker))

    assert set(night.charged_mwh.values()) == {ASKED_WH * 1000}
    assert max(night.loads_w) <= LIMIT_W
    eventually(
        "the sessions' ends are in ClickHouse",
        lambda: (
            curl(
                nightly.settings,
                f"SELECT count(), sum(charged_wh) FROM smatrix.ev_sessions "  # noqa: S608 - our own
                f"WHERE community_id = '{COMMUNITY}' AND ended",
            )
            == [["3", "30000"]]
        ),
    )
