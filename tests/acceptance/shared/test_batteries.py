"""A battery in the running system: it charges when energy is cheap, and gives when it is dear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.embedded.system import EmbeddedSystem
from schemas.batteries import BatteryDirective, BatteryMode, BatteryReason
from streams.domain.batteries import MODES, Battery, Order, follow
from tests.acceptance.running import addresses, curl, eventually, smatrix
from tests.builders import DAY_S, HOUR_S, MINUTE_S, NOON, QUARTER_S, a_frame, a_record

pytestmark = pytest.mark.slow

FIRST_DAY: Final = NOON - DAY_S // 2
SECOND_DAY: Final = FIRST_DAY + DAY_S
STEERED_FROM: Final = SECOND_DAY + 2 * QUARTER_S
CHEAP, DEAR = "20.00", "400.00"
TIME_RULE: Final = "not a whole quarter of an hour with its offset, as in 2026-01-01T00:00+01:00"
ROUNDS: Final = 36
COMMUNITY: Final = "storing"

REGISTRY: Final = (
    "kind,community_id,connection_limit_w,zone,household_id,meter_id,battery_wh,valid_from\n"
    f"community,{COMMUNITY},20000,Europe/Berlin,,,,2025-01-01T00:00Z\n"
    f"household,{COMMUNITY},,,s1,storing-1,10000,2025-01-01T00:00Z\n"
    f"household,{COMMUNITY},,,s2,storing-2,,2025-01-01T00:00Z\n"
)


def is_cheap(at: int) -> bool:
    """Say whether energy is cheap at a time: two hours in four."""
    return (at - SECOND_DAY) // (2 * HOUR_S) % 2 == 0


def write_prices(path: Path) -> None:
    """Write the prices of two days as an exchange tells them, by the hour."""
    lines = ["start,price_eur_per_mwh"]
    for hour in range(SECOND_DAY, SECOND_DAY + 2 * DAY_S, HOUR_S):
        start = datetime.fromtimestamp(hour, UTC).isoformat()
        lines.append(f"{start},{CHEAP if is_cheap(hour) else DEAR}")
    path.write_text("\n".join(lines) + "\n")


@dataclass
class Terminal:
    """A community's terminal: it tells what its meters measure, and obeys what it is told.

    Energies are mWh; `told` is by period.
    """

    battery: Battery = field(
        default_factory=lambda: Battery(
            capacity=10_000_000,
            reserve=1_000_000,
            charge_most=83_333,
            discharge_most=83_333,
            efficiency_percent=90,
        )
    )
    level: int = 5_000_000
    told: dict[int, BatteryDirective] = field(default_factory=dict)
    charged: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    discharged: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})

    def frame(self, minute: int) -> dict[str, object]:
        """Live through a minute, and return what is told of it; at 19 o'clock both cook."""
        power_w = 3_000 if minute % DAY_S // HOUR_S == 19 else 400
        need = power_w * 1000 // 60
        directive = self.told.get(minute - minute % QUARTER_S)
        order = Order()
        if directive is not None:
            order = Order(MODES.index(directive.mode), directive.power_w * 1000 // 60)
        moved = follow(order, self.level, need, battery=self.battery)
        self.level = moved.level
        if minute >= STEERED_FROM:
            self.charged[is_cheap(minute)] += moved.charge
            self.discharged[is_cheap(minute)] += moved.discharge
        return a_frame(
            COMMUNITY,
            minute,
            ("storing-1", "storing-2"),
            (need / 1000, need / 1000),
            battery_charge_wh=[moved.charge / 1000, None],
            battery_discharge_wh=[moved.discharge / 1000, None],
            battery_level_wh=[self.level / 1000, None],
        )


@dataclass
class Line:
    """The terminal's line to the broker, both ways."""

    terminal: Terminal
    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer

    @classmethod
    @asynccontextmanager
    async def open(cls, broker: str, terminal: Terminal) -> AsyncIterator["Line"]:
        """Connect."""
        producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
        consumer = AIOKafkaConsumer(
            "battery-directives", bootstrap_servers=broker, auto_offset_reset="earliest"
        )
        await asyncio.gather(producer.start(), consumer.start())
        try:
            yield cls(terminal, producer, consumer)
        finally:
            await asyncio.gather(producer.stop(), consumer.stop())

    async def play(self, start: int, end: int) -> None:
        """Tell the minutes of some time."""
        for minute in range(start, end, MINUTE_S):
            record = a_record(self.terminal.frame(minute))
            await self.producer.send("meter-frames", record.value, key=record.key)
        await self.producer.flush()

    async def hear_of(self, period: int) -> None:
        """Listen until something was told for a period."""
        async with asyncio.timeout(60):
            while period not in self.terminal.told:
                for records in (await self.consumer.getmany(timeout_ms=100)).values():
                    for record in records:
                        directive = BatteryDirective.model_validate_json(record.value)
                        if directive.community_id == COMMUNITY:
                            self.terminal.told[directive.valid_from] = directive


def test_it_charges_when_energy_is_cheap_and_discharges_when_it_is_dear(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    registry, prices = tmp_path / "registry.csv", tmp_path / "prices.csv"
    registry.write_text(REGISTRY)
    write_prices(prices)
    where = addresses(system.settings)
    assert smatrix("registry", "import", str(registry), environment=where).status == 0
    terminal = Terminal()

    async def live() -> None:
        async with Line.open(system.settings.broker, terminal) as line:
            await line.play(FIRST_DAY, SECOND_DAY)
            await line.hear_of(SECOND_DAY + QUARTER_S)
            ended = await asyncio.to_thread(
                smatrix, "prices", "import", str(prices), environment=where
            )
            assert (ended.status, ended.err) == (0, "")
            for period in range(ROUNDS):
                start = SECOND_DAY + period * QUARTER_S
                await line.play(start, start + QUARTER_S)
                await line.hear_of(start + 2 * QUARTER_S)

    asyncio.run(live())

    without_prices = terminal.told[FIRST_DAY + 3 * QUARTER_S]
    assert (without_prices.mode, without_prices.reason) == (
        BatteryMode.AUTO,
        BatteryReason.PRICES_MISSING,
    )
    steered = {at: told for at, told in terminal.told.items() if at >= STEERED_FROM}
    assert any(told.mode is BatteryMode.CHARGE and told.power_w for told in steered.values())
    assert any(told.mode is BatteryMode.DISCHARGE and told.power_w for told in steered.values())
    assert {told.mode for at, told in steered.items() if is_cheap(at)} == {BatteryMode.CHARGE}
    assert all(told.valid_until == at + QUARTER_S for at, told in steered.items())
    assert terminal.charged[True] > 3_000_000
    assert terminal.charged[False] == 0
    assert terminal.discharged[False] > 0.9 * sum(terminal.discharged.values())
    eventually(
        "what was told is in ClickHouse",
        lambda: (
            curl(
                system.settings,
                f"SELECT countIf(valid_from >= {STEERED_FROM}) "  # noqa: S608 - ours
                f"FROM smatrix.battery_directives WHERE community_id = '{COMMUNITY}'",
            )
            == [[str(len(steered))]]
        ),
    )


def test_prices_imported_twice_change_nothing_and_all_faults_are_listed_before_anything_is_written(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("start,minutes,price_eur_per_mwh\n2024-03-01T00:00Z,60,-3.05\n")
    bad.write_text(
        "start,minutes,price_eur_per_mwh\n"
        "2024-03-01T01:00Z,60,81.40\n"
        "2024-03-01T02:07Z,60,81.40\n"
        "2024-03-01T03:00Z,45,dear\n"
        "2024-03-01T01:15Z,15,81.41\n"
    )
    where = addresses(system.settings)

    first = smatrix("prices", "import", str(good), environment=where)
    again = smatrix("prices", "import", str(good), environment=where)
    refused = smatrix("prices", "import", str(bad), environment=where)

    assert first.out == '{"new": 4, "changed": 0, "unchanged": 0}\n'
    assert again.out == '{"new": 0, "changed": 0, "unchanged": 4}\n'
    assert refused.status == 1
    assert [line.removeprefix(f"{bad}:") for line in refused.err.splitlines()] == [
        f"3: start=2024-03-01T02:07Z: {TIME_RULE}",
        "4: minutes=45: is not one of: 15, 30, 60",
        "4: price_eur_per_mwh=dear: not a number with at most two decimals, as in 83.17",
        "5: price_eur_per_mwh=81.41: line 2 says otherwise of 2024-03-01T01:15Z",
        "4 faults; nothing was written",
    ]
    prices = "SELECT price_eur_per_mwh FROM smatrix.prices WHERE period_start < '2024-03-02'"
    eventually(
        "the prices are in ClickHouse",
        lambda: curl(system.settings, prices) == [["-3.05"]] * 4,
    )
