"""A supplier's registry, from a file to the broker, to ClickHouse, and for persons to nowhere."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.system import EmbeddedSystem
from deploy.repartition.broker import Broker
from streams.delivery.clients import connection_of
from tests.acceptance.running import (
    Ended,
    Rows,
    addresses,
    curl,
    eventually,
    finish,
    free_settings,
    send,
    smatrix,
    start_smatrix,
)
from tests.builders import MINUTE_S, NOON, QUARTER_S, a_frame, a_record

pytestmark = pytest.mark.slow

ERIKA = ("Erika Mustermann", "erika@example.org", "Heidestraße 17", "DE89370400440532013000")
HEAD = (
    "kind,person_id,name,email,address,iban,community_id,connection_limit_w,zone,"
    "household_id,meter_id,customer_id,pv_peak_w,valid_from\n"
)
MEADOW = "community,,Meadow,,,,meadow,250000,Europe/Berlin,,,,,2025-01-01T00:00Z\n"
WOOD = "community,,Wood,,,,wood,250000,Europe/Berlin,,,,,2025-01-01T00:00Z\n"
PERSONS = f"person,p1,{','.join(ERIKA)},,,,,,,,\nperson,p2,Max Bleibt,,,,,,,,,,,\n"
H1 = "household,,,,,,meadow,,,h1,m1,p1,5000,2025-01-01T00:00Z\n"
H2 = "household,,,,,,meadow,,,h2,m2,p2,,2025-01-01T00:00Z\n"
GOOD = HEAD + MEADOW + WOOD + PERSONS + H1 + H2


ROLES = ("metering", "alerts", "notifications", "history")
"""Those that have to do with who is registered."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    """A system of its own: its files are searched for what was erased."""
    folder = tmp_path_factory.mktemp("registry") / "smatrix"
    with EmbeddedSystem(free_settings(), folder, roles=ROLES) as running:
        yield running


def _registry(system: EmbeddedSystem, *words: str) -> Ended:
    return smatrix("registry", *words, environment=addresses(system.settings))


def _counts(ended: Ended) -> dict[str, int]:
    assert (ended.status, ended.err) == (0, "")
    counts: dict[str, int] = json.loads(ended.out)
    return counts


def _entries(ended: Ended) -> list[dict[str, Any]]:
    assert (ended.status, ended.err) == (0, "")
    return [json.loads(line) for line in ended.out.splitlines()]


def _newest_persons(system: EmbeddedSystem) -> dict[bytes, bytes]:
    """Return what compaction leaves of the topic of persons: each key's newest record."""

    async def read() -> dict[bytes, bytes]:
        async with Broker.connected(connection_of(system.settings)) as broker:
            partitions = (await broker.topics())["registry-persons"]
            return {
                record.key: record.value or b""
                async for records in broker.read("registry-persons", partitions)
                for record in records
            }

    return asyncio.run(read())


def _ask(system: EmbeddedSystem, what: str) -> Rows:
    return curl(system.settings, f"SELECT {what}")


def _files_with(system: EmbeddedSystem, text: str) -> list[Path]:
    """Return the system's files that hold a text: ClickHouse stores what is short as it is."""
    found = []
    for path in system.folder.rglob("*"):
        try:
            if path.is_file() and text.encode() in path.read_bytes():
                found.append(path)
        except FileNotFoundError:
            continue  # dropped meanwhile
    return found


def test_a_system_s_folder_is_its_owner_s_alone(system: EmbeddedSystem) -> None:
    assert system.folder.stat().st_mode & 0o777 == 0o700


def test_a_registry_lives_from_its_first_file_to_an_erasure(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    file = tmp_path / "registry.csv"

    # A file with faults: all are listed, with line, field, value and rule; nothing is written.
    file.write_text(
        HEAD
        + MEADOW.replace("250000", "much")
        + H1.replace(",p1,", ",p9,")
        + H2.replace("meadow", "nowhere")
        + H2.replace("h2", "h3").replace("2025-01-01T00:00Z", "today")
    )
    refused = _registry(system, "import", str(file))
    assert (refused.status, refused.out) == (1, "")
    *faults, verdict = refused.err.splitlines()
    assert [fault.removeprefix(f"{file}:").rpartition(": ")[0] for fault in faults] == [
        "2: connection_limit_w=much",
        "3: customer_id=p9",
        "4: community_id=nowhere",
        "4: customer_id=p2",
        "5: valid_from=today",
    ]
    assert verdict == "5 faults; nothing was registered"
    assert _entries(_registry(system, "export", "--personal")) == []

    # The mended file is registered, and once more changes nothing.
    file.write_text(GOOD)
    everything = {"new": 6, "changed": 0, "unchanged": 0}
    assert _counts(_registry(system, "import", str(file), "--dry-run")) == everything
    assert _counts(_registry(system, "import", str(file))) == everything
    assert _counts(_registry(system, "import", str(file)))["unchanged"] == 6

    # A household moves, another one ends.
    _counts(_registry(system, "move", "h1", "--community", "wood", "--at", "2025-06-01T00:00Z"))
    _counts(_registry(system, "close", "h2", "--at", "2025-07-01T00:00Z"))
    first, second = _entries(_registry(system, "show", "m1"))
    assert (first["community_id"], first["valid_to"]) == ("meadow", "2025-06-01T00:00Z")
    assert (second["community_id"], second["valid_from"]) == ("wood", "2025-06-01T00:00Z")
    assert second["pv_peak_w"] == 5_000

    # What is exported is what is registered.
    exported = tmp_path / "exported.csv"
    exported.touch(mode=0o644)
    assert _registry(system, "export", str(exported), "--personal").status == 0
    assert exported.stat().st_mode & 0o777 == 0o600
    assert _counts(_registry(system, "import", str(exported))) == {
        "new": 0,
        "changed": 0,
        "unchanged": 7,
    }
    assert ERIKA[0] not in _registry(system, "export").out

    # ClickHouse has it, by time.
    def communities_at(day: str) -> Rows:
        return _ask(
            system,
            f"household_id, community_id FROM smatrix.registry_households_at("
            f"at = '{day} 00:00:00') ORDER BY household_id",
        )

    eventually(
        "the move and the end are in ClickHouse",
        lambda: communities_at("2025-07-01") == [["h1", "wood"]],
    )
    assert communities_at("2025-05-31") == [["h1", "meadow"], ["h2", "meadow"]]
    assert communities_at("2024-12-31") == []

    # Readings, before an erasure.
    sent = [(0, 250.0), (QUARTER_S, 0.0), (2 * QUARTER_S + 5 * MINUTE_S, 0.0)]
    send(
        system.settings,
        [a_record(a_frame("wood", NOON + after, ["m1"], [wh])) for after, wh in sent],
    )
    sums = "sum(consumption_wh) FROM smatrix.household_quarter_hours WHERE meter_id = 'm1'"
    eventually("the reading is in ClickHouse", lambda: _ask(system, sums) == [["250"]])
    persons = "person_id, name FROM smatrix.registry_persons ORDER BY person_id"
    assert _ask(system, persons) == [["p1", ERIKA[0]], ["p2", "Max Bleibt"]]
    assert all(_files_with(system, text) for text in ERIKA)

    # An erasure leaves nothing of them on the topic, in ClickHouse's rows, nor in any file.
    erased = _registry(system, "erase", "p1")
    assert (erased.status, erased.err) == (0, "")
    assert all(
        text.encode() not in value for value in _newest_persons(system).values() for text in ERIKA
    )
    eventually(
        "they are gone from ClickHouse", lambda: _ask(system, persons) == [["p2", "Max Bleibt"]]
    )
    eventually(
        "no row has anything of them",
        lambda: (
            _ask(
                system,
                "count() FROM smatrix.registered_persons WHERE person_id = 'p1' AND NOT erased",
            )
            == [["0"]]
        ),
    )
    eventually(
        "no file has anything of them",
        lambda: not any(_files_with(system, text) for text in ERIKA),
        within_s=180,
        poll_s=1,
    )
    assert _files_with(system, "Max Bleibt")

    # The sums stay, and an old file does not bring the person back.
    assert _ask(system, sums) == [["250"]]
    again = _registry(system, "import", str(exported))
    assert again.status == 1
    assert "person_id=p1: was erased" in again.err


def test_what_can_t_be_done_is_one_line(system: EmbeddedSystem) -> None:
    said = {
        ("show", "nobody"): "there is no entry nobody",
        ("erase", "nobody"): "there is no person nobody",
        ("move", "nobody", "--at", "2025-01-01T00:00Z"): "there is no household nobody",
        ("close", "nobody", "--at", "noon"): "--at noon is not a whole minute",
    }

    running = {
        words: start_smatrix("registry", *words, environment=addresses(system.settings))
        for words in said
    }
    for words, line in said.items():
        ended = finish(running[words], within_s=150)
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.startswith(f"smatrix: {line}")
        assert len(ended.err.splitlines()) == 1


def test_a_load_registers_its_fleet_before_its_frames(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.csv"
    options = ("--communities=2", "--households=20", "--minutes=1", "--speed=max", "--faults=none")

    sent = smatrix("load", *options, f"--registry={file}", environment=addresses(system.settings))

    assert sent.status == 0, sent.err
    assert _counts(_registry(system, "import", str(file)))["unchanged"] == 25
    eventually(
        "the fleet is in ClickHouse",
        lambda: (
            _ask(system, "count() FROM smatrix.registry_households WHERE community_id LIKE 'c000%'")
            == [["20"]]
        ),
    )
