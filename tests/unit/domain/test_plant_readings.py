"""Readings of plants: which are refused, by which rule, and what a further one changes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.metering import RejectionRule
from schemas.production import PlantReading
from schemas.registry import Plant
from streams.codecs.production import claimed, plant_reading
from streams.domain.plant_readings import ReadingPolicy, Readings, Refused, refusal
from tests.registered import a_plant

NOON = 1_767_268_800
POLICY = ReadingPolicy(max_ahead_s=180, retention_s=7_200, cap_factor=1.1)
WIND: Plant = a_plant("w1", capacity_w=1_000)


def a_reading(**others: Any) -> PlantReading:  # noqa: ANN401 - any field
    fields = {"plant_id": "w1", "minute": NOON, "production_w": 500, "available_w": 800}
    return PlantReading(**{**fields, **others})


def rule_of(
    reading: PlantReading,
    *,
    key: bytes | None = b"w1",
    plant: Plant | None = WIND,
    newest: int | None = None,
) -> RejectionRule | None:
    refused = refusal(reading, key=key, plant=plant, newest=newest, now=NOON + 60, policy=POLICY)
    return None if refused is None else refused.rule


def test_a_sound_reading_is_not_refused() -> None:
    assert rule_of(a_reading()) is None
    assert rule_of(a_reading(production_w=1_100)) is None
    assert rule_of(a_reading(), newest=NOON + 7_200) is None


def test_each_rule_refuses_what_breaks_it() -> None:
    assert rule_of(a_reading(), key=b"other") is RejectionRule.KEY_MISMATCH
    assert rule_of(a_reading(), key=None) is RejectionRule.KEY_MISMATCH
    assert rule_of(a_reading(), plant=None) is RejectionRule.UNKNOWN_PLANT
    assert rule_of(a_reading(minute=NOON + 300)) is RejectionRule.MINUTE_IN_FUTURE
    assert rule_of(a_reading(), newest=NOON + 7_260) is RejectionRule.MINUTE_TOO_OLD
    assert rule_of(a_reading(production_w=1_101)) is RejectionRule.OVER_CAP
    assert rule_of(a_reading(available_w=1_101)) is RejectionRule.OVER_CAP


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (None, RejectionRule.NULL_VALUE),
        (b"", RejectionRule.NOT_JSON),
        (b"{", RejectionRule.NOT_JSON),
        (b"[]", RejectionRule.SCHEMA),
        (
            b'{"plant_id": "w1", "minute": 1767268800000, "production_w": 5, "available_w": 5}',
            RejectionRule.MINUTE_IN_FUTURE,
        ),
        (
            b'{"plant_id":"w1","minute":61,"production_w":1,"available_w":1}',
            RejectionRule.SCHEMA,
        ),
        (
            b'{"plant_id":"w1","minute":60,"production_w":-1,"available_w":1}',
            RejectionRule.SCHEMA,
        ),
        (
            b'{"plant_id":"w1","minute":60,"production_w":1,"available_w":1,"more":1}',
            RejectionRule.SCHEMA,
        ),
    ],
)
def test_what_is_no_reading_is_refused_with_its_rule(
    value: bytes | None, rule: RejectionRule
) -> None:
    refused = plant_reading(value)

    assert isinstance(refused, Refused)
    assert refused.rule is rule


@given(st.binary(max_size=200) | st.none())
def test_no_bytes_break_the_door(value: bytes | None) -> None:
    assert plant_reading(value) is not None
    name, minute = claimed(value)
    assert name is None or isinstance(name, str)
    assert minute is None or isinstance(minute, int)


def test_a_later_reading_of_a_minute_replaces_it_as_a_further_version() -> None:
    readings = Readings()
    readings.take(a_reading(), place=4)

    again = readings.take(a_reading(production_w=510), place=9)

    assert again is not None
    assert (again.version, again.production_w) == (10, 510)


def test_one_that_says_the_same_or_was_sent_before_changes_nothing() -> None:
    readings = Readings()
    readings.take(a_reading(sequence=7), place=4)

    assert readings.take(a_reading(sequence=8), place=5) is None
    assert readings.take(a_reading(sequence=6, production_w=1), place=6) is None
    # Read again after a restart.
    assert readings.take(a_reading(sequence=7, production_w=2), place=3) is None


def test_minutes_are_forgotten_when_they_can_t_be_corrected_any_more() -> None:
    readings = Readings()
    readings.take(a_reading(), place=1)
    readings.take(a_reading(minute=NOON + 7_260), place=2)

    assert readings.expire(retention_s=7_200) == [("w1", NOON)]
    assert list(readings.minutes) == [("w1", NOON + 7_260)]
