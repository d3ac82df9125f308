"""Playing a scenario: the grid's minutes to the system, its directives back to the grid."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from deploy.simulation.link import Link, Said
from deploy.simulation.recording import Recording
from load_generator.world.directives import Addresses, ack
from load_generator.world.grid import Minute, World
from load_generator.world.measured import Meters
from load_generator.world.reports import plant_readings, sessions
from load_generator.world.terminals import Order
from schemas.units import MINUTE_S
from streams.settings import Settings
from streams.topics import (
    BATTERY_DIRECTIVES,
    CHARGE_DIRECTIVES,
    DIRECTIVE_ACKS,
    EV_SESSIONS,
    METER_FRAMES,
    PLANT_READINGS,
    PRODUCTION_ORDERS,
    SWITCH_DIRECTIVES,
    TOPICS,
    Topic,
)

DIRECTIVES: Final = (
    PRODUCTION_ORDERS,
    SWITCH_DIRECTIVES,
    CHARGE_DIRECTIVES,
    BATTERY_DIRECTIVES,
)
"""Topics whose messages devices can follow."""

TOLD: Final = (METER_FRAMES, PLANT_READINGS, EV_SESSIONS, DIRECTIVE_ACKS)
"""Topics that the grid writes."""

_BY_NAME: Final = {topic.name: topic for topic in TOPICS}


@dataclass
class Player:
    """Plays a world to a system.

    Attributes:
        obeys: The topics whose directives devices follow.
        is_steered: Whether each minute waits for the system's answer to the one before.
        heard: What the system said: minute, topic's name, message.
        told: How many directives devices were given.
    """

    world: World
    link: Link
    settings: Settings
    obeys: tuple[Topic, ...]
    is_steered: bool
    on_minute: Callable[[int], None] = lambda _: None
    heard: list[tuple[int, str, BaseModel]] = field(default_factory=list)
    told: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    async def prepare(self, messages: Iterable[tuple[Topic, bytes, bytes]]) -> None:
        """Tell the system what it shall know before the first minute."""
        for topic, key, value in messages:
            await self._send(topic, [(key, value)])
        await self.link.settled()

    async def play(self, minutes: int) -> Recording:
        """Play so many minutes, and return what happened in them.

        Raises:
            LinkError: If the system does not answer.
        """
        recording, meters = Recording(self.world), Meters.of(self.world.fleet)
        addresses = Addresses.of(self.world)
        start = int(self.world.plan.start.timestamp())
        orders: list[Order] = []
        for minute in range(start, start + minutes * MINUTE_S, MINUTE_S):
            played = self.world.play(minute, orders)
            recording.add(played)
            # What devices say is known before the meters', so that the same is decided each time.
            await self._tell_of_devices(played)
            said = await self.link.settled() if self.is_steered else []
            frames = meters.frames(played.truth)
            await self._send(METER_FRAMES, ((frame.key, frame.value) for frame in frames))
            orders = []
            if self.is_steered:
                said += await self.link.settled()
                orders = self._orders(minute, said, addresses)
            self.on_minute(minute)
        self._orders(start + minutes * MINUTE_S, await self.link.settled(), addresses)
        return recording

    @property
    def decisions(self) -> str:
        """Return a digest of all directives, whatever their order within a minute."""
        digest: str = self._digest.hexdigest()
        return digest

    async def _tell_of_devices(self, played: Minute) -> None:
        readings = plant_readings(self.world, played)
        await self._send(PLANT_READINGS, ((r.plant_id.encode(), _json(r)) for r in readings))
        answers = (ack(self.world.fleet, each, played.truth.minute) for each in played.answers)
        await self._send(
            DIRECTIVE_ACKS, ((a.community_id.encode(), _json(a)) for a in answers if a is not None)
        )
        told = sessions(self.world, played)
        await self._send(EV_SESSIONS, ((s.community_id.encode(), _json(s)) for s in told))

    async def _send(self, topic: Topic, messages: Iterable[tuple[bytes, bytes]]) -> None:
        await self.link.tell(self.settings.topic_prefix + topic.name, messages)

    def _orders(self, minute: int, said: list[Said], addresses: Addresses) -> list[Order]:
        """Take note of what was said, and return the orders in it."""
        prefix, orders = len(self.settings.topic_prefix), []
        for topic, value in sorted(said):
            known = _BY_NAME[topic[prefix:]]
            message = known.message.model_validate_json(value)
            self.heard.append((minute, known.name, message))
            if known in self.obeys:
                orders.append(addresses.order(message))
                # Versions grow with each start in the same folder.
                self._digest.update(message.model_dump_json(exclude={"version"}).encode())
        self.told += len(orders)
        return orders


def play_free(world: World, minutes: int) -> Recording:
    """Play a world that nobody steers."""
    recording = Recording(world)
    start = int(world.plan.start.timestamp())
    for minute in range(start, start + minutes * MINUTE_S, MINUTE_S):
        recording.add(world.play(minute))
    return recording


def _json(message: BaseModel) -> bytes:
    return message.model_dump_json().encode()
