# ruff: noqa: S608  # the communities are the tests' own
"""Bad input through the running system: refused by name, kept as it came, the rest unharmed."""

import base64
import json
from typing import Any

import pytest

from deploy.embedded.system import EmbeddedSystem
from schemas.metering import RejectionRule
from streams import clock
from streams.domain.admission import OF_LIMITS
from streams.settings import Settings
from tests.acceptance.running import (
    Rows,
    a_marker,
    await_markers,
    curl,
    eventually,
    send,
    worker_of,
)
from tests.builders import DAY_S, HOUR_S, MINUTE_S, NOON, Record, a_frame, a_record

pytestmark = pytest.mark.slow

KEPT_BYTES = 64 << 10
NOW = int(clock.epoch_now()) // MINUTE_S * MINUTE_S
LAST = "last"

_CASES: dict[str, list[Record]] = {}


def case(community: str, *records: Record) -> str:
    """Have records of a community sent before the first test; return the community."""
    _CASES[community] = [*records, *a_marker(community)]
    return community


def whole(community: str, value: bytes | None) -> str:
    """Have a bad record sent, under the community's key."""
    return case(community, Record(community.encode(), value))


def bad(community: str, **fields: Any) -> str:  # noqa: ANN401 - JSON
    """Have a frame with bad fields sent; `...` takes a field out."""
    frame = a_frame(community) | fields
    kept = {name: value for name, value in frame.items() if value is not ...}
    return case(community, a_record(kept, key=community))


WHOLE_FRAMES = [
    (whole("not-json", b"\x00\x01garbage"), RejectionRule.NOT_JSON, ["value", "JSON"]),
    (whole("half-json", b'{"community_id": "half'), RejectionRule.NOT_JSON, ["value", "JSON"]),
    (whole("not-utf8", b'{"community_id": "\xff"}'), RejectionRule.NOT_JSON, ["value", "UTF-8"]),
    (whole("deep-json", b"[" * 100_000), RejectionRule.NOT_JSON, ["value", "JSON"]),
    (whole("a-list", b"[1, 2]"), RejectionRule.SCHEMA, ["[1, 2]", "object"]),
    (whole("null-value", None), RejectionRule.NULL_VALUE, ["value", "null"]),
    (bad("text-minute", minute=str(NOON)), RejectionRule.SCHEMA, ["minute", str(NOON)]),
    (bad("float-minute", minute=NOON + 0.5), RejectionRule.SCHEMA, ["minute", f"{NOON}.5"]),
    (bad("text-meters", meter_id="m1"), RejectionRule.SCHEMA, ["meter_id", "'m1'"]),
    (bad("text-column", consumption_wh="1"), RejectionRule.SCHEMA, ["consumption_wh", "'1'"]),
    (bad("text-sequence", sequence="1"), RejectionRule.SCHEMA, ["sequence", "'1'"]),
    (bad("no-minute", minute=...), RejectionRule.SCHEMA, ["minute", "required"]),
    (bad("no-meters", meter_id=...), RejectionRule.SCHEMA, ["meter_id"]),
    (bad("no-consumption", consumption_wh=...), RejectionRule.SCHEMA, ["consumption_wh"]),
    (bad("extra", voltage_v=[230]), RejectionRule.SCHEMA, ["voltage_v", "230"]),
    (
        bad("unequal", production_wh=[1, 2]),
        RejectionRule.UNEQUAL_COLUMNS,
        ["production_wh", "2 values", "1 meter"],
    ),
    (bad("empty", meter_id=[], consumption_wh=[]), RejectionRule.EMPTY_FRAME, ["meter_id", "[]"]),
    (
        bad("not-aligned", minute=NOON + 1),
        RejectionRule.MINUTE_NOT_ALIGNED,
        ["minute", str(NOON + 1), "60"],
    ),
    (
        bad("in-the-future", minute=NOW + HOUR_S),
        RejectionRule.MINUTE_IN_FUTURE,
        ["minute", str(NOW + HOUR_S), "180 s"],
    ),
    (
        bad("other-key", community_id="another"),
        RejectionRule.KEY_MISMATCH,
        ["key", "community_id", "other-key", "another"],
    ),
    (
        bad("nul-community", community_id="c\0"),
        RejectionRule.COMMUNITY_ID,
        ["community_id", "c\\x00"],
    ),
    (
        whole("ten-megabytes", b'{"community_id": "' + b"x" * (10 << 20)),
        RejectionRule.FRAME_TOO_LARGE,
        [str((10 << 20) + 18), str(1 << 20)],
    ),
    (
        case(
            "too-old",
            a_record(a_frame("too-old", NOON)),
            a_record(a_frame("too-old", NOON - 2 * DAY_S - MINUTE_S)),
        ),
        RejectionRule.MINUTE_TOO_OLD,
        ["minute", str(NOON - 2 * DAY_S - MINUTE_S), "172800 s", str(NOON)],
    ),
]

OF_THE_REGISTRY = {
    RejectionRule.UNKNOWN_METER,
    RejectionRule.WRONG_COMMUNITY,
    RejectionRule.UNKNOWN_PLANT,
    *OF_LIMITS.values(),
}
"""Rules whose cases are in test_roster.py, and in test_production.py."""

LONG_ID = "m" * 300


def one_bad_reading(
    community: str,
    meter: str = "bad",
    consumption_wh: float = 2.0,
    **others: Any,  # noqa: ANN401 - JSON
) -> str:
    """Have a frame sent with two good readings around a bad one."""
    meters, energies = ["good", meter, "fine"], [1.5, consumption_wh, 2.5]
    return case(community, a_record(a_frame(community, NOON, meters, energies, **others)))


SINGLE_READINGS = [
    (
        one_bad_reading("nan", consumption_wh=float("nan")),
        RejectionRule.NOT_A_NUMBER,
        ["consumption_wh[1]", "nan", "bad", "finite"],
    ),
    (
        one_bad_reading("infinite", consumption_wh=float("-inf")),
        RejectionRule.NOT_A_NUMBER,
        ["consumption_wh[1]", "-inf", "bad", "finite"],
    ),
    (
        one_bad_reading("negative", consumption_wh=-0.001),
        RejectionRule.NEGATIVE_ENERGY,
        ["consumption_wh[1]", "-0.001", "bad", "negative"],
    ),
    (
        one_bad_reading("negative-export", export_register_wh=[1, -5, 1]),
        RejectionRule.NEGATIVE_ENERGY,
        ["export_register_wh[1]", "-5", "bad", "negative"],
    ),
    (
        one_bad_reading("text-reading", production_wh=[None, "5", None]),
        RejectionRule.NOT_A_NUMBER,
        ["production_wh[1]", "'5'", "bad", "number"],
    ),
    (
        one_bad_reading("enormous", consumption_wh=1e300),
        RejectionRule.ENERGY_TOO_LARGE,
        ["consumption_wh[1]", "1e+300", "bad"],
    ),
    (
        one_bad_reading("long-id", meter=LONG_ID),
        RejectionRule.METER_ID,
        ["meter_id[1]", "mmmm", "128"],
    ),
    (
        one_bad_reading("nul-id", meter="m\0"),
        RejectionRule.METER_ID,
        ["meter_id[1]", "m\\x00", "printable"],
    ),
    (
        case(
            "twice",
            a_record(a_frame("twice", NOON, ["good", "bad", "bad", "fine"], [1.5, 2, 3, 2.5])),
        ),
        RejectionRule.DUPLICATE_METER,
        ["meter_id", "bad", "more than once"],
    ),
]


@pytest.fixture(scope="module")
def settings(system: EmbeddedSystem) -> Settings:
    """Where all cases have been sent in one go, and are in ClickHouse."""
    before = [worker.child.process.pid for worker in system.workers]
    without_key = Record(None, a_record(a_frame("without-key")).value)
    send(system.settings, [without_key, *(r for records in _CASES.values() for r in records)])
    await_markers(system.settings, list(_CASES))
    n_expected = len(WHOLE_FRAMES) + len(SINGLE_READINGS) + 1
    eventually(
        f"{n_expected} rejections in ClickHouse",
        lambda: len(_all_rejections(system.settings)) >= n_expected,
    )
    system.require_alive()
    assert [worker.child.process.pid for worker in system.workers] == before
    return system.settings


def _all_rejections(settings: Settings) -> Rows:
    return curl(settings, "SELECT rule FROM smatrix.rejected_readings")


def rejections(settings: Settings, key: str) -> list[dict[str, Any]]:
    """Return the rejected readings of records with this key."""
    rows = curl(
        settings,
        "SELECT rule, detail, community_id, minute_s, meter_id, original_value_bytes, "
        "original_value_is_cut, base64Encode(original_value) AS original, source_topic "
        f"FROM smatrix.rejected_readings WHERE ifNull(original_key, '') = '{key}' "
        "FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 0",
    )
    return [json.loads("\t".join(row)) for row in rows]


def the_bad_record(community: str) -> bytes:
    """Return the value of the last record of a case, before its marker."""
    return _CASES[community][-3].value or b""


@pytest.mark.parametrize(("community", "rule", "words"), WHOLE_FRAMES)
def test_a_bad_frame_is_refused_whole_by_name_and_kept_as_it_came(
    settings: Settings, community: str, rule: RejectionRule, words: list[str]
) -> None:
    [rejection] = rejections(settings, community)

    original = the_bad_record(community)
    assert rejection["rule"] == rule
    assert all(word in rejection["detail"] for word in words), rejection["detail"]
    assert rejection["meter_id"] == []
    assert rejection["source_topic"] == "meter-frames"
    assert base64.b64decode(rejection["original"] or b"") == original[:KEPT_BYTES]
    assert rejection["original_value_bytes"] == len(original)
    assert bool(rejection["original_value_is_cut"]) is (len(original) > KEPT_BYTES)


@pytest.mark.parametrize(("community", "rule", "words"), SINGLE_READINGS)
def test_a_bad_reading_is_refused_alone_and_the_rest_of_its_frame_counts(
    settings: Settings, community: str, rule: RejectionRule, words: list[str]
) -> None:
    [rejection] = rejections(settings, community)
    good = curl(
        settings,
        "SELECT meter_id, consumption_wh FROM smatrix.household_quarter_hours "
        f"WHERE community_id = '{community}' AND period_start = {NOON} "
        "AND consumption_wh IS NOT NULL ORDER BY meter_id",
    )

    assert good == [["fine", "2.5"], ["good", "1.5"]]
    assert rejection["rule"] == rule
    assert all(word in rejection["detail"] for word in words), rejection["detail"]
    assert rejection["meter_id"] != []
    assert (rejection["community_id"], rejection["minute_s"]) == (community, NOON)
    assert base64.b64decode(rejection["original"]) == the_bad_record(community)


def test_a_record_without_a_key_is_refused(settings: Settings) -> None:
    [rejection] = rejections(settings, "")

    assert rejection["rule"] == RejectionRule.NULL_KEY
    assert "key" in rejection["detail"]
    assert json.loads(base64.b64decode(rejection["original"]))["community_id"] == "without-key"


def test_every_rule_has_a_case_here_but_those_of_the_registry(settings: Settings) -> None:
    found = {rule for [rule] in _all_rejections(settings)}

    assert found >= set(RejectionRule) - OF_THE_REGISTRY


def test_a_bad_frame_changes_no_figure(settings: Settings) -> None:
    refused = ", ".join(f"'{name}'" for name, *_ in WHOLE_FRAMES if name != "too-old")

    rows = curl(
        settings,
        "SELECT community_id FROM smatrix.household_quarter_hours "
        f"WHERE community_id IN ({refused}) AND meter_id != 'marker'",
    )

    assert rows == []


def test_operators_see_what_was_refused_by_rule(system: EmbeddedSystem, settings: Settings) -> None:
    assert settings is system.settings

    counts = worker_of(system, "metering").metrics()

    for rule in set(RejectionRule) - OF_THE_REGISTRY:
        assert counts[f'smatrix_rejections_total{{rule="{rule}"}}'] >= 1
