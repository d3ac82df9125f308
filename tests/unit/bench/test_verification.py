"""A peer is right only when every household's quarter-hour is the truth."""

from datetime import UTC, datetime

import orjson
import pyarrow as pa

from bench.verification import Verdict, compare, expectation, last_told
from load_generator.truth import CHANNELS, TRUTH_SCHEMA

PERIOD = 1_700_000_100 // 900 * 900
SUMS = [8, 3, 6, 1, None, None]


def a_message(*, sums: list[int | None] = SUMS, minutes: int = 15, **more: int) -> bytes:
    content: dict[str, object] = {
        "community_id": "c1",
        "period_start": PERIOD,
        "meter_id": ["m1"],
        "measured_minutes": [minutes],
    }
    columns = {name: [value] for name, value in zip(CHANNELS, sums, strict=True)}
    return orjson.dumps(content | columns | more)


def the_truth() -> pa.Table:
    row: dict[str, object] = {
        "community_id": "c1",
        "meter_id": "m1",
        "period_start": datetime.fromtimestamp(PERIOD, UTC),
        "measured_minutes": 15,
    }
    columns = dict(zip(CHANNELS, SUMS, strict=True))
    return pa.Table.from_pylist([row | columns], schema=TRUTH_SCHEMA)


def test_what_equals_the_truth_differs_in_nothing() -> None:
    verdict = compare(expectation(the_truth()), last_told([a_message()]))

    assert verdict == Verdict(1, 0, ())


def test_a_quarter_that_was_not_told_differs() -> None:
    assert compare(expectation(the_truth()), {}).differing == 1


def test_a_missing_value_is_not_nothing() -> None:
    told = last_told([a_message(sums=[8, 3, 6, 1, 0, None])])

    assert compare(expectation(the_truth()), told).differing == 1


def test_the_last_word_counts_and_the_highest_version_before_it() -> None:
    early = a_message(sums=[1, 1, 1, 1, None, None])

    assert last_told([early, a_message()])["m1", PERIOD] == (*SUMS, 15)
    versioned = [a_message(version=2), a_message(sums=[1] * 6, version=1)]
    assert last_told(versioned)["m1", PERIOD] == (*SUMS, 15)


def test_a_quarter_without_a_measured_minute_says_nothing() -> None:
    assert last_told([a_message(minutes=0)]) == {}
