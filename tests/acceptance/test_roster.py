"""Whose readings count, on the running system: who is registered, and who is registered late."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.system import EmbeddedSystem
from streams.settings import Unregistered
from tests.acceptance.running import (
    addresses,
    curl,
    eventually,
    free_settings,
    send,
    smatrix,
)
from tests.builders import MINUTE_S, NOON, QUARTER_S, a_frame, a_record

pytestmark = pytest.mark.slow

HEAD = (
    "kind,household_id,community_id,meter_id,connection_limit_w,zone,valid_from,contract_power_w\n"
)
MEADOW = "community,,meadow,,20000,Europe/Berlin,2025-01-01T00:00Z,\n"
WOOD = "community,,wood,,20000,Europe/Berlin,2025-01-01T00:00Z,\n"
GROVE = MEADOW.replace("meadow", "grove")
H1 = "household,h1,meadow,m1,,,2025-01-01T00:00Z,\n"
H2 = "household,h2,meadow,m2,,,2025-01-01T00:00Z,\n"
H3 = "household,h3,wood,m3,,,2025-01-01T00:00Z,\n"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    settings = free_settings(Unregistered.REFUSE)
    folder, roles = tmp_path_factory.mktemp("roster"), ("metering", "history")
    with EmbeddedSystem(settings, folder, roles=roles) as running:
        yield running


def register(system: EmbeddedSystem, folder: Path, *lines: str) -> None:
    file = folder / "registry.csv"
    file.write_text(HEAD + "".join(lines))
    ended = smatrix("registry", "import", str(file), environment=addresses(system.settings))
    assert (ended.status, ended.err) == (0, "")


def reprocess(system: EmbeddedSystem, *words: str) -> dict[str, int]:
    ended = smatrix("reprocess", *words, environment=addresses(system.settings))
    assert (ended.status, ended.err) == (0, "")
    counts: dict[str, int] = json.loads(ended.out)
    return counts


def quarter_at_noon(system: EmbeddedSystem, community: str) -> list[list[str]]:
    return curl(
        system.settings,
        "SELECT meter_id, consumption_wh, measured_minutes "  # noqa: S608 - our own
        f"FROM smatrix.household_quarter_hours WHERE community_id = '{community}' "
        f"AND toUnixTimestamp(period_start) = {NOON} ORDER BY meter_id",
    )


def test_who_is_registered_late_is_counted_to_the_mwh_and_a_later_correction_stands(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    register(system, tmp_path, MEADOW, H1)
    minutes = range(NOON, NOON + QUARTER_S, MINUTE_S)
    frames = [a_frame("meadow", minute, ["m1", "m2"], [10.0, 8.333]) for minute in minutes]
    send(system.settings, [*map(a_record, frames)])
    after = NOON + QUARTER_S + 3 * MINUTE_S
    send(system.settings, [a_record(a_frame("meadow", after, ["m1"], [1.0]))])
    eventually(
        "the quarter-hour without m2",
        lambda: quarter_at_noon(system, "meadow") == [["m1", "150", "15"]],
    )
    refused = curl(
        system.settings,
        "SELECT rule, arrayStringConcat(meter_id), count() FROM smatrix.rejected_readings "
        "WHERE community_id = 'meadow' GROUP BY ALL",
    )
    assert refused == [["unknown_meter", "m2", "15"]]
    assert reprocess(system) == {"sent": 0, "waiting": 15, "too_old": 0, "cut": 0}

    # Registered, it sends a correction of its first minute itself: newer than what waits.
    register(system, tmp_path, H2)
    send(system.settings, [a_record(a_frame("meadow", NOON, ["m2"], [20.0]))])
    dry = reprocess(system, "--dry-run")
    sent = reprocess(system)
    again = reprocess(system)

    assert dry == sent == {"sent": 15, "waiting": 0, "too_old": 0, "cut": 0}
    assert again == {"sent": 0, "waiting": 0, "too_old": 0, "cut": 0}
    whole = [["m1", "150", "15"], ["m2", "136.662", "15"]]  # 20 + 14 * 8.333
    eventually("both meters", lambda: quarter_at_noon(system, "meadow") == whole)


def test_a_meter_in_the_wrong_community_waits_until_it_is_moved(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    register(system, tmp_path, WOOD, GROVE, H3)
    frames = [
        a_frame("grove", NOON + number * MINUTE_S, ["m3"], [5.0]) for number in (0, 1, 15, 19)
    ]

    send(system.settings, [*map(a_record, frames)])
    eventually(
        "refusals that name the place",
        lambda: (
            curl(
                system.settings,
                "SELECT rule, detail LIKE '%is registered in wood%', count() "
                "FROM smatrix.rejected_readings WHERE community_id = 'grove' GROUP BY ALL",
            )
            == [["wrong_community", "1", "4"]]
        ),
    )
    moved = smatrix(
        "registry",
        "move",
        "h3",
        "--at=2025-06-16T12:00Z",
        "--community=grove",
        environment=addresses(system.settings),
    )
    assert (moved.status, moved.err) == (0, "")

    assert reprocess(system)["sent"] == 4
    eventually(
        "its quarter-hour in the new community",
        lambda: quarter_at_noon(system, "grove") == [["m3", "10", "2"]],
    )
    assert quarter_at_noon(system, "wood") == []


def test_what_is_more_than_the_contract_allows_waits_for_a_larger_contract(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    hill = MEADOW.replace("meadow", "hill")
    h9 = "household,h9,hill,m9,,,2025-01-01T00:00Z,6000\n"
    register(system, tmp_path, hill, h9)
    frames = [
        a_frame("hill", NOON + number * MINUTE_S, ["m9"], [energy_wh])
        for number, energy_wh in ((0, 110.0), (1, 110.001), (15, 1.0), (19, 1.0))
    ]

    send(system.settings, [*map(a_record, frames)])
    eventually(
        "the refusal of the second minute",
        lambda: (
            curl(
                system.settings,
                "SELECT rule, detail FROM smatrix.rejected_readings WHERE community_id = 'hill'",
            )
            == [
                [
                    "over_cap",
                    "consumption_wh=110.001 of m9 is over 110 Wh, the most by what is registered",
                ]
            ]
        ),
    )
    assert reprocess(system)["sent"] == 0
    register(system, tmp_path, hill, h9.replace("6000", "9000"))

    assert reprocess(system)["sent"] == 1
    eventually("both minutes", lambda: quarter_at_noon(system, "hill") == [["m9", "220.001", "2"]])


def test_who_is_registered_first_and_sends_at_once_is_never_refused(
    system: EmbeddedSystem, tmp_path: Path
) -> None:
    names = [f"quick-{number}" for number in range(5)]
    for name in names:
        community = MEADOW.replace("meadow", name)
        household = H1.replace("meadow", name).replace("h1", f"h-{name}").replace("m1", name)
        register(system, tmp_path, community, household)
        send(
            system.settings,
            [
                a_record(a_frame(name, NOON + number * MINUTE_S, [name], [1.0]))
                for number in (0, 15, 19)
            ],
        )

    for name in names:
        eventually(
            f"the quarter-hour of {name}",
            lambda name=name: quarter_at_noon(system, name) == [[name, "1", "1"]],  # type: ignore[misc]
        )
    refused = curl(
        system.settings,
        "SELECT count() FROM smatrix.rejected_readings WHERE community_id LIKE 'quick-%'",
    )
    assert refused == [["0"]]
