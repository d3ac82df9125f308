"""A reading that an operator puts right, on the running system."""

import json

import pytest

from deploy.embedded.system import EmbeddedSystem
from tests.acceptance.running import Ended, addresses, curl, eventually, send, smatrix
from tests.builders import MINUTE_S, NOON, a_frame, a_record

pytestmark = pytest.mark.slow

REGISTRY = """\
{"kind": "community", "community_id": "edited", "connection_limit_w": 9000, "zone": "Europe/Berlin", "valid_from": "2025-01-01T00:00Z"}
{"kind": "household", "household_id": "he", "community_id": "edited", "meter_id": "me", "valid_from": "2025-01-01T00:00Z"}
"""  # noqa: E501 - a line is an entry


def edit(system: EmbeddedSystem, *words: str) -> Ended:
    return smatrix("edit", *words, environment=addresses(system.settings))


def quarter(system: EmbeddedSystem) -> list[list[str]]:
    return curl(
        system.settings,
        "SELECT consumption_wh, measured_minutes FROM smatrix.household_quarter_hours "  # noqa: S608
        f"WHERE community_id = 'edited' AND toUnixTimestamp(period_start) = {NOON}",
    )


def test_an_edit_stands_above_what_the_terminal_sends_and_says_who_and_why(
    system: EmbeddedSystem, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("edit") / "registry.jsonl"
    file.write_text(REGISTRY)
    registered = smatrix("registry", "import", str(file), environment=addresses(system.settings))
    assert (registered.status, registered.err) == (0, "")
    minutes = [NOON + number * MINUTE_S for number in (0, 1, 15, 19)]
    send(
        system.settings,
        [a_record(a_frame("edited", minute, ["me"], [7.0], sequence=5)) for minute in minutes],
    )
    eventually("the quarter-hour", lambda: quarter(system) == [["14", "2"]])

    ended = edit(
        system,
        "me",
        "--at=2025-06-16T12:01Z",
        "--consumption-wh=8.333",
        "--by=A. Reader",
        "--reason=read by hand",
    )
    assert (ended.status, ended.err) == (0, "")
    sent = json.loads(ended.out)
    assert sent["community_id"] == "edited"
    eventually("the edited quarter-hour", lambda: quarter(system) == [["15.333", "2"]])
    again = a_frame("edited", NOON + MINUTE_S, ["me"], [9.0], sequence=2**62)
    filled = a_frame("edited", NOON + 2 * MINUTE_S, ["me"], [1.0], sequence=2**62)
    send(system.settings, [a_record(again), a_record(filled)])

    eventually(
        "a late minute, and the edit as it was", lambda: quarter(system) == [["16.333", "3"]]
    )
    assert curl(
        system.settings,
        "SELECT toUnixTimestamp(minute), edited_by, reason, consumption_wh, production_wh, "
        "version FROM smatrix.reading_edits WHERE meter_id = 'me'",
    ) == [
        [str(NOON + MINUTE_S), "A. Reader", "read by hand", "8.333", "\\N", str(sent["offset"] + 1)]
    ]


def test_a_figure_is_explained_by_all_that_lies_behind_it(system: EmbeddedSystem) -> None:
    ended = smatrix("explain", "me", "2025-06-16T12:00Z", environment=addresses(system.settings))

    assert (ended.status, ended.err) == (0, "")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines[0] == "me in edited, the quarter-hour from 2025-06-16T12:00Z"
    assert any(line.startswith("consumption 16.333 Wh, production unknown") for line in lines)
    readings = [line for line in lines if " offset " in line]
    at_noon, first, edited, again, filled = readings
    assert at_noon.startswith("2025-06-16T12:00Z offset ")
    assert at_noon.endswith("consumption 7 Wh stands")
    assert first.endswith("sequence 5 consumption 7 Wh")
    assert edited.endswith("edit by A. Reader consumption 8.333 Wh stands")
    assert again.endswith(f"sequence {2**62} consumption 9 Wh")
    assert filled.endswith("consumption 1 Wh stands")
    assert any("A. Reader read by hand" in line for line in lines[lines.index("Edits") :])


def test_what_can_t_be_edited_is_said_in_a_line(system: EmbeddedSystem) -> None:
    by = ("--at=2025-06-16T12:01Z", "--by=A", "--reason=B")

    nothing = edit(system, "me", *by)
    nobody = edit(system, "nobody", *by, "--consumption-wh=1")

    assert (nothing.status, nobody.status) == (2, 2)
    assert nothing.err.startswith("smatrix: nothing to edit")
    assert nobody.err.startswith("smatrix: meter nobody is registered in no community")
