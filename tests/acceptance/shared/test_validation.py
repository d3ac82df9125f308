"""Readings that are missing or contradict their registers, on the running system."""

import json

import pytest

from deploy.embedded.system import EmbeddedSystem
from tests.acceptance.running import addresses, curl, eventually, send, smatrix
from tests.builders import MINUTE_S, NOON, QUARTER_S, Record, a_frame, a_record

pytestmark = pytest.mark.slow

METERS = ["v1", "v2", "v3", "v4"]
SILENT = range(20, 40)
WRONG = 50
OFF = range(60, 67)
MINUTES = 100
"""v1 is silent in the second and third quarter-hour, and wrong once in the fourth; v3 says
watts for watt-hours in seven minutes of the fifth."""

WH = {"v1": 5.0, "v2": 7.5, "v3": 2.25, "v4": 11.0}
REGISTRY = [
    {
        "kind": "community",
        "community_id": "validated",
        "connection_limit_w": 40_000,
        "zone": "Europe/Berlin",
        "valid_from": "2025-01-01T00:00Z",
    },
    *(
        {
            "kind": "household",
            "household_id": f"h-{meter}",
            "community_id": "validated",
            "meter_id": meter,
            "contract_power_w": 9_000,
            "valid_from": "2025-01-01T00:00Z",
        }
        for meter in METERS
    ),
]


def a_minute(
    number: int, *, meters: list[str] | None = None, said: dict[str, float] | None = None
) -> Record:
    """Return a frame of a minute from noon on; registers tell what was truly used."""
    named = METERS if meters is None else meters
    told = [(WH | (said or {}))[meter] for meter in named]
    return a_record(
        a_frame(
            "validated",
            NOON + number * MINUTE_S,
            named,
            told,
            import_register_wh=[1_000_000 + (number + 1) * WH[meter] for meter in named],
            export_register_wh=[0.0] * len(named),
        )
    )


def figures(system: EmbeddedSystem, meter: str = "v1") -> list[list[str]]:
    return curl(
        system.settings,
        "SELECT consumption_wh, quality, measured_minutes FROM smatrix.validated_quarter_hours "  # noqa: S608
        f"WHERE community_id = 'validated' AND meter_id = '{meter}' "
        f"AND toUnixTimestamp(period_start) < {NOON + 4 * QUARTER_S} ORDER BY period_start",
    )


def test_what_is_missing_or_wrong_is_replaced_by_what_registers_tell(
    system: EmbeddedSystem, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("validation") / "registry.jsonl"
    file.write_text("".join(json.dumps(entry) + "\n" for entry in REGISTRY))
    registered = smatrix("registry", "import", str(file), environment=addresses(system.settings))
    assert (registered.status, registered.err) == (0, "")

    send(
        system.settings,
        [
            a_minute(
                number,
                meters=METERS[1:] if number in SILENT else None,
                said={"v1": 90.0}
                if number == WRONG
                else {"v3": 60 * WH["v3"]}
                if number in OFF
                else None,
            )
            for number in range(MINUTES)
        ],
    )

    eventually(
        "the energy of the silence, and of the reading that was nonsense",
        lambda: (
            figures(system)
            == [
                ["75", "measured", "15"],
                ["75", "substituted", "5"],
                ["75", "substituted", "5"],
                ["75", "substituted", "14"],
            ]
        ),
    )
    assert figures(system, "v2") == [["112.5", "measured", "15"]] * 4
    assert curl(
        system.settings,
        "SELECT meter_id, toUnixTimestamp(minute), verdict, rules FROM smatrix.reading_verdicts "
        "WHERE community_id = 'validated' AND verdict = 'fail' AND meter_id = 'v1'",
    ) == [["v1", str(NOON + WRONG * MINUTE_S), "fail", "['register_mismatch']"]]


def test_a_figure_is_explained_by_the_rule_and_by_how_it_was_estimated(
    system: EmbeddedSystem,
) -> None:
    ended = smatrix("explain", "v1", "2025-06-16T12:45Z", environment=addresses(system.settings))

    assert (ended.status, ended.err) == (0, "")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    place = lines.index("In its place, as validation has it")
    assert lines[place + 1].startswith("consumption 75.000 Wh, production unknown")
    assert "charge unknown, discharge unknown" in lines[place + 1]
    assert (
        "; substituted by interpolation, minutes: 14 measured, 1 substituted;" in lines[place + 1]
    )
    spoke_up = lines[lines.index("Rules that spoke up") + 1]
    assert spoke_up == "2025-06-16T12:50Z fail register_mismatch"


def test_a_meter_whose_unit_was_swapped_has_a_ticket(
    system: EmbeddedSystem,
) -> None:
    def tickets() -> list[list[str]]:
        return curl(
            system.settings,
            "SELECT kind, rule, meter_id[1], state, toUnixTimestamp(since) FROM smatrix.tickets "
            "WHERE community_id = 'validated' AND rule != ''",
        )

    began = str(NOON + OFF[0] * MINUTE_S)
    eventually(
        "the ticket, opened and cleared",
        lambda: tickets() == [["inconsistent", "swapped_unit", "v3", "resolved", began]],
    )


def test_a_late_true_reading_replaces_its_estimate(system: EmbeddedSystem) -> None:
    send(system.settings, [a_minute(number, meters=["v1"]) for number in SILENT])

    eventually(
        "what was measured after all",
        lambda: (
            figures(system)[:3]
            == [["75", "measured", "15"], ["75", "measured", "15"], ["75", "measured", "15"]]
        ),
    )
