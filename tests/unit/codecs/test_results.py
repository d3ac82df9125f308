import base64
import json
from collections.abc import Sequence

import pytest

from schemas.metering import CommunityMinute, HouseholdIntervals, RejectedReading, RejectionRule
from streams.codecs import results
from streams.domain.frames import Frame, Rejection
from streams.domain.steps import Step
from streams.domain.windows import WindowPolicy, Windows
from streams.records import Record
from tests.unit.domain.frames_of import LILAS, MONDAY, a_frame, placed

POLICY = WindowPolicy(allowed_lateness_s=120, retention_s=48 * 3600, max_ahead_s=180)


def a_step(frames: Sequence[Frame]) -> Step:
    windows = Windows(POLICY, read=lambda *_: None)
    return windows.fold(placed(frames), now=1e12, clock=MONDAY + 86_400)


def test_a_closed_minute_is_told_as_the_schema_says() -> None:
    step = a_step([a_frame(consumption=[5, 7], production=[9, None])])

    ((key, value),) = results.community_minutes(step.closed_minutes)

    assert key == LILAS.encode()
    told = CommunityMinute.model_validate_json(value)
    assert (told.minute, told.meters_reported, told.version) == (MONDAY, 2, 1)
    assert (told.consumption_mwh, told.import_mwh, told.export_mwh) == (12, 7, 4)
    assert told.battery_charge_mwh is None


def test_a_closed_period_is_told_as_the_schema_says() -> None:
    step = a_step([a_frame(minute=number, consumption=[number, None]) for number in range(15)])

    ((_, value),) = results.household_intervals(step.closed_periods)

    told = HouseholdIntervals.model_validate_json(value)
    assert told.meter_id == ["m1"], "a meter that nothing is known of is left out"
    assert told.consumption_mwh == [105]
    assert told.production_mwh == [None]
    assert told.measured_minutes == [15]
    assert told.version == 15


def test_minutes_of_different_shapes_are_told_together() -> None:
    step = a_step(
        [
            a_frame(minute=0),
            a_frame(minute=1, meters=("m1", "m2", "m3"), consumption=[1, 2, 3]),
            a_frame(minute=2, consumption=[1, 1], battery_charge=[2, 2]),
        ]
    )

    ((_, value),) = results.household_intervals(step.closed_periods)

    told = HouseholdIntervals.model_validate_json(value)
    assert dict(zip(told.meter_id, told.consumption_mwh, strict=True)) == {
        "m1": 102,
        "m2": 103,
        "m3": 3,
    }
    assert told.battery_charge_mwh == [2, 2, None]


def test_a_battery_s_level_is_what_was_told_last_in_the_period() -> None:
    levels: list[list[int | None]] = [[700, None], [900, None], [None, None]]
    step = a_step(
        [
            a_frame(minute=minute, consumption=[1, 1], battery_level=level)
            for minute, level in enumerate(levels)
        ]
    )

    ((_, value),) = results.household_intervals(step.closed_periods)

    assert HouseholdIntervals.model_validate_json(value).battery_level_mwh == [900, None]


def test_where_nobody_has_a_battery_no_level_is_told() -> None:
    ((_, value),) = results.household_intervals(a_step([a_frame()]).closed_periods)

    assert b"battery_level_mwh" not in value


def test_a_large_community_is_told_in_parts_that_add_up() -> None:
    meters = [f"m{number}" for number in range(2 * results.HOUSEHOLDS_IN_A_MESSAGE + 1)]
    step = a_step([a_frame(meters=meters, consumption=[1] * len(meters))])

    told = [
        HouseholdIntervals.model_validate_json(value)
        for _, value in results.household_intervals(step.closed_periods)
    ]

    assert [(part.part, part.parts) for part in told] == [(0, 3), (1, 3), (2, 3)]
    assert [meter for part in told for meter in part.meter_id] == meters


@pytest.mark.parametrize("value", [b"short", b"x" * 100_000, None])
def test_a_rejection_keeps_the_original_bytes_up_to_64_kib_and_their_number(
    value: bytes | None,
) -> None:
    rejection = Rejection(3, RejectionRule.NOT_JSON, "the value is not JSON")

    _, message = results.rejected_reading(
        rejection, Record(0, 0, b"c", value), topic="meter-frames", partition=2, received_at_ms=9
    )

    told = RejectedReading.model_validate_json(message)
    assert (told.source_partition, told.source_offset, told.received_at_ms) == (2, 3, 9)
    if value is None:
        assert told.original_value_base64 is None
        assert told.original_value_bytes == 0
    else:
        assert base64.b64decode(told.original_value_base64 or "") == value[: 64 * 1024]
        assert told.original_value_bytes == len(value)
    assert json.loads(message)["rule"] == "not_json"
