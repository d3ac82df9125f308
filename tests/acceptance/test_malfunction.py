"""Terminals that go on while workers die, one that really falls silent, and a dead meter."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from deploy.cli.check import connect
from deploy.embedded.system import EmbeddedSystem
from deploy.malfunction_check import Opened, false_tickets, opened
from streams import clock
from streams.settings import Unregistered
from tests.acceptance.running import (
    addresses,
    curl,
    eventually,
    free_settings,
    kill,
    send,
    smatrix,
    worker_of,
)
from tests.builders import MINUTE_S, a_frame, a_record

pytestmark = [pytest.mark.slow, pytest.mark.live]

RULES: Final = {
    "SMATRIX_ALLOWED_LATENESS": "10",
    "SMATRIX_BALANCE_PATIENCE": "10",
    "SMATRIX_MALFUNCTION_MISSED_MINUTES": "1",
    "SMATRIX_MALFUNCTION_GRACE": "0",
}
SILENCE_S: Final = MINUTE_S
HEAD: Final = (
    "kind,household_id,community_id,meter_id,connection_limit_w,zone,valid_from,"
    "technician_id,person_id,name\n"
)
METERS: Final = {
    "lively": ("l1", "l2", "l3"),
    "doomed": ("d1", "d2", "d3"),
    "worn": ("w1", "w2", "w3", "w4", "w5"),
}
DEAD_TERMINAL: Final = Opened("terminal_silent", "doomed")
DEAD_METER: Final = Opened("meter_silent", "worn", ("w5",))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    settings = free_settings(Unregistered.REFUSE)
    running = EmbeddedSystem(settings, tmp_path_factory.mktemp("malfunction"))
    running.variables.update(RULES)
    with running:
        yield running


@dataclass
class Terminals:
    """Terminals that send every minute when it has ended, as in life."""

    system: EmbeddedSystem
    sent_until: int = field(default_factory=lambda: int(clock.epoch_now()) // MINUTE_S * MINUTE_S)

    def __post_init__(self) -> None:
        self.sent_until -= 10 * MINUTE_S
        self.send_what_has_ended(METERS)

    def send_what_has_ended(self, living: Sequence[str] | dict[str, tuple[str, ...]]) -> None:
        while self.sent_until + MINUTE_S <= clock.epoch_now():
            frames = [
                a_frame(community, self.sent_until, meters, [1.0] * len(meters))
                for community in living
                for meters in [self._meters(community)]
            ]
            send(self.system.settings, [a_record(frame) for frame in frames])
            self.sent_until += MINUTE_S

    def work(
        self, living: Sequence[str], *, for_s: float, until: Callable[[], bool] = lambda: False
    ) -> None:
        deadline = time.monotonic() + for_s
        while time.monotonic() < deadline and not until():
            self.send_what_has_ended(living)
            time.sleep(1)

    def _meters(self, community: str) -> tuple[str, ...]:
        meters = METERS[community]
        # The last one of the worn has been dead for five minutes when the test begins.
        is_dead = community == "worn" and self.sent_until > clock.epoch_now() - 5 * MINUTE_S
        return meters[:-1] if is_dead else meters


def register(system: EmbeddedSystem, folder: Path) -> None:
    since = "2025-01-01T00:00Z"
    lines = [
        *(f"community,,{name},,20000,Europe/Berlin,{since},,,\n" for name in METERS),
        *(
            f"household,h-{meter},{name},{meter},,,{since},,,\n"
            for name, meters in METERS.items()
            for meter in meters
        ),
        "person,,,,,,,,t1,Toni\n",
        f"technician,,doomed,,,,{since},t1,,\n",
    ]
    file = folder / "registry.csv"
    file.write_text(HEAD + "".join(lines))
    ended = smatrix("registry", "import", str(file), environment=addresses(system.settings))
    assert (ended.status, ended.err) == (0, "")


def minutes_known(system: EmbeddedSystem) -> int:
    ((count,),) = curl(system.settings, "SELECT count() FROM smatrix.community_minutes")
    return int(count)


def test_only_what_is_really_silent_gets_a_ticket_while_workers_are_down_for_longer(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    register(system, tmp_path)
    terminals = Terminals(system)
    client, database = connect(system.settings), system.settings.clickhouse_database
    eventually(
        "the minutes before are in ClickHouse",
        lambda: minutes_known(system) >= 24,
    )

    kill(system, worker_of(system, "metering"))
    terminals.work([*METERS], for_s=SILENCE_S + 20)
    while_down = opened(client, database)
    system.await_ready([system.start_worker("metering")])
    kill(system, worker_of(system, "alerts"))
    system.await_ready([system.start_worker("alerts")])
    living = ["lively", "worn"]
    terminals.work(living, for_s=180, until=lambda: opened(client, database)[DEAD_TERMINAL] > 0)
    terminals.work(living, for_s=SILENCE_S / 2)

    assert set(while_down) <= {DEAD_METER}
    assert opened(client, database) == {DEAD_TERMINAL: 1, DEAD_METER: 1}
    assert not false_tickets(client, database, [DEAD_TERMINAL, DEAD_METER])


def test_operators_find_assign_and_resolve_tickets(system: EmbeddedSystem) -> None:
    environment = addresses(system.settings)
    listed = smatrix("tickets", "list", "--json", environment=environment)
    tickets = {row["kind"]: row for row in map(json.loads, listed.out.splitlines())}
    outage, meter = tickets["terminal_silent"], tickets["meter_silent"]
    assert (outage["state"], outage["technician_id"]) == ("assigned", "t1")
    assert (meter["state"], meter["technician_id"]) == ("open", None)

    by = "--by=alice"
    nobody = smatrix("tickets", "assign", meter["ticket_id"], "t9", by, environment=environment)
    given = smatrix("tickets", "assign", meter["ticket_id"], "t1", by, environment=environment)
    again = smatrix("tickets", "assign", meter["ticket_id"], "t1", by, environment=environment)
    resolved = smatrix(
        "tickets",
        "resolve",
        meter["ticket_id"],
        by,
        "--reason=meter replaced",
        environment=environment,
    )
    twice = smatrix(
        "tickets", "resolve", meter["ticket_id"], by, "--reason=x", environment=environment
    )
    shown = smatrix("tickets", "show", meter["ticket_id"], environment=environment)

    assert nobody.status == 2
    assert "there is no technician t9" in nobody.err
    assert (given.status, given.out) == (0, f"{meter['ticket_id']} is t1's\n"), given.err
    assert again.out == f"{meter['ticket_id']} is t1's already\n"
    assert (resolved.status, resolved.out) == (0, f"{meter['ticket_id']} is resolved\n")
    assert twice.status == 2
    assert "is resolved since" in twice.err
    assert "meter replaced" in shown.out
    assert "alice" in shown.out
