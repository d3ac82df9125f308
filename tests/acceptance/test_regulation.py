"""A community above its limit is relieved by the running system, and given back what it lacks."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.embedded.system import EmbeddedSystem
from deploy.registry.files import write_entries
from schemas.regulation import (
    AckOutcome,
    DirectiveAck,
    RegulationMinute,
    SwitchDirective,
    SwitchReason,
    SwitchState,
)
from streams.domain.registry import Entry
from streams.settings import Settings
from tests.acceptance.running import (
    addresses,
    curl,
    eventually,
    free_settings,
    kill,
    smatrix,
    worker_of,
)
from tests.builders import MINUTE_S, NOON
from tests.registered import a_community, a_household

pytestmark = pytest.mark.slow

ROLES = ("metering", "control", "history")
METERS = tuple(f"m{number:02d}" for number in range(12))
BASE_W, HEATER_W = 500, 2_000
LIMIT_W = 22_000
SLOWEST_S = 240
"""A machine that does much else needs so long to start a worker again."""
HEAT_FROM, KILL_AT, HEAT_UNTIL, LAST = 15, 25, 90, 100
"""Minutes: everybody heats from the one to the other, 30 kW in all, if nobody is told otherwise."""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    """A system of its own, in which a community is registered that has something to switch."""
    folder = tmp_path_factory.mktemp("limited")
    with EmbeddedSystem(free_settings(), folder, roles=ROLES) as running:
        entries: list[Entry] = [
            a_community(valid_from=0, connection_limit_w=LIMIT_W),
            *(
                a_household(
                    meter.replace("m", "h"),
                    valid_from=0,
                    contract_power_w=9_000,
                    flexible_w=HEATER_W,
                )
                for meter in METERS
            ),
        ]
        registered = tmp_path_factory.mktemp("registered") / "all.jsonl"
        registered.write_text(write_entries(entries, as_csv=False))
        ended = smatrix(
            "registry",
            "import",
            str(registered),
            environment=addresses(running.settings),
            within_s=180,
        )
        assert ended.status == 0, ended.err
        yield running


@dataclass
class Terminal:
    """A terminal that obeys at once, and waits for each minute to be decided on.

    Attributes:
        told: Every directive that came, by id and version.
        load_w: By minute, counted from noon.
    """

    system: EmbeddedSystem
    told: dict[tuple[str, int], SwitchDirective] = field(default_factory=dict)
    load_w: dict[int, int] = field(default_factory=dict)
    decided: dict[int, RegulationMinute] = field(default_factory=dict)

    async def play(self) -> None:
        broker = self.system.settings.broker
        producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
        consumer = AIOKafkaConsumer(
            "switch-directives",
            "regulation-minutes",
            bootstrap_servers=broker,
            auto_offset_reset="earliest",
        )
        await asyncio.gather(producer.start(), consumer.start())
        try:
            for number in range(LAST):
                await self._measure(producer, number)
                if number == KILL_AT:
                    kill(self.system, worker_of(self.system, "control"))
                    self.system.start_worker("control")
                await asyncio.wait_for(self._hear(consumer, producer, number), timeout=SLOWEST_S)
        finally:
            await asyncio.gather(producer.stop(), consumer.stop())

    def is_off(self, meter: str, at: int) -> bool:
        """Return what a switch does: the last directive of the latest minute that holds by now."""
        begun = [
            one for one in self.told.values() if one.meter_id == meter and one.valid_from <= at
        ]
        if not begun:
            return False
        last = max(begun, key=lambda one: (one.minute, one.version))
        return last.state is SwitchState.OFF and at < last.valid_until

    async def _measure(self, producer: AIOKafkaProducer, number: int) -> None:
        minute = NOON + number * MINUTE_S
        heats = HEAT_FROM <= number < HEAT_UNTIL
        loads = [
            BASE_W + (HEATER_W if heats and not self.is_off(meter, minute) else 0)
            for meter in METERS
        ]
        self.load_w[number] = sum(loads)
        frame = {
            "community_id": "c1",
            "minute": minute,
            "meter_id": METERS,
            "consumption_wh": [round(load / 60, 3) for load in loads],
        }
        await producer.send_and_wait("meter-frames", json.dumps(frame).encode(), key=b"c1")

    async def _hear(
        self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, number: int
    ) -> None:
        """Wait until a minute has been decided on, and acknowledge what it ordered."""
        minute = NOON + number * MINUTE_S
        while not self._has_all(minute):
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    await self._take(tp.topic, record.value or b"", producer, minute)

    def _has_all(self, minute: int) -> bool:
        decided = self.decided.get(minute)
        new = [one for one in self.told.values() if one.minute == minute and one.version == 1]
        return decided is not None and len(new) >= decided.ordered_off + decided.released

    async def _take(
        self, topic: str, value: bytes, producer: AIOKafkaProducer, minute: int
    ) -> None:
        if topic == "regulation-minutes":
            decided = RegulationMinute.model_validate_json(value)
            self.decided[decided.minute] = decided
            return
        directive = SwitchDirective.model_validate_json(value)
        known = self.told.setdefault((directive.directive_id, directive.version), directive)
        assert known == directive  # one content for ever
        ack = DirectiveAck(
            directive_id=directive.directive_id,
            community_id=directive.community_id,
            meter_id=directive.meter_id,
            minute=minute,
            outcome=AckOutcome.OBEYED,
        )
        await producer.send_and_wait("directive-acks", ack.model_dump_json().encode(), key=b"c1")


@pytest.fixture(scope="module")
def played(limited: EmbeddedSystem) -> Terminal:
    terminal = Terminal(limited)
    asyncio.run(terminal.play())
    return terminal


def test_an_overload_is_relieved_within_a_minute_and_stays_so_through_a_kill(
    played: Terminal,
) -> None:
    overloaded = [number for number, load in played.load_w.items() if load > LIMIT_W]

    assert overloaded == [HEAT_FROM]


def test_what_is_shed_is_given_back_once_it_fits(played: Terminal) -> None:
    back = [one for one in played.told.values() if one.state is SwitchState.AUTO]

    assert {one.reason for one in back} == {SwitchReason.RELIEVED}
    for one in back:
        assert played.is_off(one.meter_id, NOON + 20 * MINUTE_S)
        assert not played.is_off(one.meter_id, one.valid_from)


def test_nobody_is_ordered_off_again_while_off_though_the_worker_was_killed(
    played: Terminal,
) -> None:
    by_meter: dict[str, list[SwitchDirective]] = {}
    for (_, version), one in sorted(played.told.items(), key=lambda item: item[1].minute):
        if version == 1:
            by_meter.setdefault(one.meter_id, []).append(one)

    for directives in by_meter.values():
        for before, after in pairwise(directives):
            assert before.state is not after.state or after.valid_from >= before.valid_until


def test_each_directive_is_in_clickhouse_with_its_reason_and_answer(
    limited: EmbeddedSystem, played: Terminal
) -> None:
    ids = {name for name, _ in played.told}

    eventually(
        "every directive is answered",
        lambda: _answered(limited.settings) == [[str(len(ids)), "0"]],
    )
    assert curl(
        limited.settings,
        "SELECT DISTINCT reason FROM smatrix.switch_directives WHERE state = 'OFF'",
    ) == [["connection_limit"]]
    assert curl(
        limited.settings,
        "SELECT max(load_w), max(limit_w), min(headroom_w) FROM smatrix.regulation_minutes",
    ) == [["30001", str(LIMIT_W), str(LIMIT_W - 30_001)]]  # rounded up


def test_operators_see_that_no_invariant_was_broken(limited: EmbeddedSystem) -> None:
    metrics = worker_of(limited, "control").metrics()

    assert metrics["smatrix_regulation_invariants_broken_total"] == 0
    assert metrics["smatrix_regulation_directives_total"] > 0


def _answered(settings: Settings) -> Sequence[Sequence[str]]:
    return curl(
        settings,
        "SELECT count(), countIf(outcome != 'obeyed') FROM smatrix.switch_directives",
    )
