from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.metering import HouseholdIntervals
from sinks.clickhouse.community_minute_rows import community_minute_rows
from sinks.clickhouse.household_rows import household_rows
from sinks.clickhouse.rejection_rows import rejection_rows
from sinks.clickhouse.rows import CHANNELS, Decoded
from tests.unit.sinks.messages import NOON, a_minute, a_period, a_rejection, as_json

Decode = Callable[[Sequence[bytes | None]], Decoded]


def rows_of(decoded: Decoded, table: str) -> list[dict[str, Any]]:
    (batch,) = (batch for batch in decoded.batches if batch.table == table)
    return list(batch.rows.to_pylist())


def test_a_household_has_its_row_and_what_was_never_measured_stays_unknown() -> None:
    message = a_period(meters=["m1", "m2"], consumption_mwh=[5, None], measured_minutes=[15, 0])

    first, second = rows_of(household_rows([as_json(message)]), "household_intervals")

    assert first["community_id"] == "c1"
    assert first["meter_id"] == "m1"
    assert first["period_start"] == NOON
    assert (first["consumption_mwh"], first["measured_minutes"]) == (5, 15)
    assert (second["consumption_mwh"], second["measured_minutes"]) == (None, 0)


def test_a_community_is_the_sum_of_what_is_known_and_unknown_when_nothing_is() -> None:
    messages = [
        a_period(community="c1", meters=["a", "b"], consumption_mwh=[5, None]),
        a_period(community="c2", meters=["c"], consumption_mwh=[None]),
        a_period(community="c3", meters=["d", "e"], consumption_mwh=[7, 8]),
    ]

    sums = rows_of(household_rows([as_json(m) for m in messages]), "community_intervals")

    assert [row["consumption_mwh"] for row in sums] == [5, None, 15]
    assert [row["production_mwh"] for row in sums] == [None, None, None]
    assert [row["households"] for row in sums] == [2, 1, 2]
    assert [row["measured_minutes"] for row in sums] == [30, 15, 30]


def test_a_minute_and_a_rejection_have_a_row_each() -> None:
    (minute,) = rows_of(
        community_minute_rows([as_json(a_minute(consumption_mwh=3))]), "community_minute_sums"
    )
    (rejection,) = rows_of(rejection_rows([as_json(a_rejection())]), "rejections")

    assert (minute["minute"], minute["consumption_mwh"]) == (NOON, 3)
    assert minute["export_mwh"] is None
    assert rejection["original_value"] == b'{"a": -1}'
    assert rejection["original_key"] == b"c1"
    assert rejection["received_at"] == datetime(2026, 1, 1, 12, 0, 0, 123_000, tzinfo=UTC)


def test_a_refused_minute_that_no_column_holds_is_left_out() -> None:
    (row,) = rows_of(rejection_rows([as_json(a_rejection(minute=2**80))]), "rejections")

    assert row["minute_s"] is None


def _changed(message: HouseholdIntervals, **fields: object) -> bytes:
    # Past the model's own validation, as a broken sender would.
    return message.model_copy(update=fields).model_dump_json(warnings=False).encode()


def test_a_field_that_a_newer_version_sends_is_passed_over() -> None:
    newer = as_json(a_period(meters=["a"])).replace(b"{", b'{"surprise": 1, ', 1)

    decoded = household_rows([newer])

    assert decoded.malformed == ()
    assert len(decoded.batches[0]) == 1


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (None, "JSON"),
        (b"", "JSON"),
        (b"not json", "JSON"),
        (b"[1]", "object"),
        (b'{"community_id": "c1"}', "period_start"),
        (_changed(a_period(), schema_version=2), "schema_version"),
        (_changed(a_period(), period_start=NOON + 1), "period_start"),
        (_changed(a_period(), period_start=2**32 - 2**32 % 900 + 900), "period_start"),
        (_changed(a_period(), version=0), "version"),
        (_changed(a_period(), version=2**64), str(2**64 - 1)),
        (_changed(a_period(), part=1), "part"),
        (_changed(a_period(), community_id="c\n"), "community_id"),
        (_changed(a_period(), meter_id=["m" * 129]), "meter_id"),
        (_changed(a_period(), meter_id=["m1", "m2"]), "as long as meter_id"),
        (_changed(a_period(), consumption_mwh=[-1]), "consumption_mwh"),
        (_changed(a_period(), consumption_mwh=[1.5]), "consumption_mwh"),
        (_changed(a_period(), consumption_mwh=[2**70]), str(2**70)),
        (_changed(a_period(), measured_minutes=[16]), "measured_minutes"),
    ],
)
def test_a_message_that_is_no_period_is_a_verdict_and_its_neighbours_count(
    message: bytes | None, reason: str
) -> None:
    decoded = household_rows(
        [as_json(a_period(meters=["a"])), message, as_json(a_period(meters=["b"]))]
    )

    (verdict,) = decoded.malformed
    assert verdict.index == 1
    assert reason in verdict.reason
    assert [row["meter_id"] for row in rows_of(decoded, "household_intervals")] == ["a", "b"]


@pytest.mark.parametrize("decode", [household_rows, community_minute_rows, rejection_rows])
@given(message=st.binary() | st.text().map(str.encode))
def test_no_message_stops_history(decode: Decode, message: bytes) -> None:
    decoded = decode([message])

    assert len(decoded.malformed) == 1


@pytest.mark.parametrize("decode", [household_rows, community_minute_rows, rejection_rows])
def test_no_messages_make_no_rows(decode: Decode) -> None:
    assert all(len(batch) == 0 for batch in decode([]).batches)
    assert all(len(batch) == 0 for batch in decode([b"?"]).batches)


def test_an_undecodable_original_or_an_impossible_time_stamp_is_a_verdict() -> None:
    decoded = rejection_rows(
        [as_json(a_rejection(value_base64="?")), as_json(a_rejection(received_at_ms=10**15))]
    )

    assert [verdict.index for verdict in decoded.malformed] == [0, 1]


def test_any_layout_of_a_sound_message_is_read() -> None:
    indented = a_period(consumption_mwh=[5]).model_dump_json(indent=2).encode()

    decoded = household_rows([indented])

    assert not decoded.malformed
    assert rows_of(decoded, "household_intervals")[0]["consumption_mwh"] == 5


energies = st.none() | st.integers(0, 10**14)
ids = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128)


@st.composite
def periods(draw: st.DrawFn) -> HouseholdIntervals:
    meters = draw(st.lists(ids, max_size=4))
    size = len(meters)
    parts = draw(st.integers(1, 3))
    return HouseholdIntervals.model_validate(
        {
            "community_id": draw(ids),
            "period_start": 900 * draw(st.integers(0, 4_000_000)),
            "version": draw(st.integers(1, 2**64 - 1)),
            "part": draw(st.integers(0, parts - 1)),
            "parts": parts,
            "meter_id": meters,
            **{
                channel: draw(st.lists(energies, min_size=size, max_size=size))
                for channel in CHANNELS
            },
            "measured_minutes": draw(st.lists(st.integers(0, 15), min_size=size, max_size=size)),
        }
    )


@given(messages=st.lists(periods(), max_size=5))
def test_columns_hold_what_the_model_reads(messages: list[HouseholdIntervals]) -> None:
    encoded = [as_json(message) for message in messages]
    read = [HouseholdIntervals.model_validate_json(message) for message in encoded]

    decoded = household_rows(encoded)

    assert decoded.malformed == ()
    assert rows_of(decoded, "household_intervals") == [
        {
            "community_id": message.community_id,
            "meter_id": meter,
            "period_start": message.period_start,
            "version": message.version,
            **{channel: getattr(message, channel)[place] for channel in CHANNELS},
            "measured_minutes": message.measured_minutes[place],
        }
        for message in read
        for place, meter in enumerate(message.meter_id)
    ]
    for row, message in zip(rows_of(decoded, "community_intervals"), read, strict=True):
        for channel in CHANNELS:
            known = [energy for energy in getattr(message, channel) if energy is not None]
            assert row[channel] == (sum(known) if known else None)
