import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from load_generator.dispatch import MinuteOfFrames
from load_generator.faults import (
    FAULT_RATES,
    MAX_LATE_MINUTES,
    QUIET_LAST_MINUTES,
    FaultCounts,
    FaultRateError,
    FaultRates,
)
from load_generator.frames import SENT_A_MINUTE, Frame
from load_generator.plan import Plan, PlanError
from load_generator.truth import CHANNELS, TruthError, read_truth, truth_table, write_truth
from schemas.metering import MeterFrame

NOON = datetime(2026, 7, 14, 10, 0, tzinfo=UTC)
IN_THE_MIDDLE_OF_A_QUARTER = NOON + timedelta(minutes=7)
EVERYTHING = FaultRates(
    duplicated=0.2, reordered=0.2, late=0.2, lost=0.2, corrected=0.3, invalid=0.05
)

with_files = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
rates = st.floats(0, 1 / 3)
any_faults = st.builds(
    FaultRates,
    duplicated=rates,
    reordered=rates,
    late=rates,
    lost=rates,
    corrected=rates,
    invalid=rates,
    silent=rates,
    nonsense=rates,
)


def a_plan(path: Path, **options: Any) -> Plan:  # noqa: ANN401
    return Plan(
        **{
            "communities": 3,
            "households": 14,
            "seed": 5,
            "start": NOON,
            "minutes": 40,
            "profiles": [path],
            "faults": EVERYTHING,
            **options,
        }
    )


def sent_by(plan: Plan) -> list[Frame]:
    return [frame for minute in plan.batches() for frame in minute.frames]


def counted(minutes: list[MinuteOfFrames]) -> FaultCounts:
    return sum((minute.counts for minute in minutes), FaultCounts())


def mwh(text: Decimal | None) -> int | None:
    return None if text is None else int((text * 1000).quantize(Decimal(1), ROUND_HALF_EVEN))


def readings_of(value: bytes) -> tuple[int, int, dict[str, dict[str, int | None]]]:
    """Read a frame as any receiver may: the exact decimals of its text, one meter at a time."""
    frame = json.loads(value, parse_float=Decimal, parse_int=Decimal)
    energies = {
        channel: frame.get(f"{channel}_wh", [None] * len(frame["meter_id"]))
        for channel in ("consumption", "production", "battery_charge", "battery_discharge")
    }
    readings = {
        meter: {channel: mwh(column[place]) for channel, column in energies.items()}
        for place, meter in enumerate(frame["meter_id"])
    }
    return int(frame["minute"]), int(frame["sequence"]), readings


def registers_of(value: bytes) -> dict[str, int]:
    """Return what went in less what went out by the registers at the minute's end, by meter."""
    frame = json.loads(value, parse_float=Decimal, parse_int=Decimal)
    columns = (frame["meter_id"], frame["import_register_wh"], frame["export_register_wh"])
    return {
        meter: int((imported - exported) * 1000)
        for meter, imported, exported in zip(*columns, strict=True)
    }


def net_of(reading: dict[str, int | None]) -> int:
    """Return what a household drew from the grid, less what it fed in."""
    plus = {channel: energy or 0 for channel, energy in reading.items()}
    return (
        plus["consumption"]
        - plus["production"]
        + plus["battery_charge"]
        - plus["battery_discharge"]
    )


def fold(frames: list[Frame]) -> dict[tuple[str, int], dict[str, int | None]]:
    """Return what the frames add up to by meter and quarter-hour, slowly and plainly."""
    newest: dict[tuple[str, int], tuple[int, dict[str, int | None]]] = {}
    for frame in frames:
        minute, sequence, readings = readings_of(frame.value)
        for meter, reading in readings.items():
            valid = all(energy is None or energy >= 0 for energy in reading.values())
            if valid and sequence >= newest.get((meter, minute), (-1, {}))[0]:
                newest[meter, minute] = sequence, reading
    rows: dict[tuple[str, int], dict[str, int | None]] = defaultdict(
        lambda: {**dict.fromkeys(CHANNELS), "measured_minutes": 0}
    )
    for (meter, minute), (_, reading) in newest.items():
        row = rows[meter, minute // 900 * 900]
        net = net_of(reading)
        flows = {**reading, "import": max(net, 0), "export": max(-net, 0)}
        for channel, energy in flows.items():
            if energy is not None:
                row[f"{channel}_mwh"] = (row[f"{channel}_mwh"] or 0) + energy
        row["measured_minutes"] = (row["measured_minutes"] or 0) + 1
    return dict(rows)


def truth_of(minutes: list[MinuteOfFrames]) -> dict[tuple[str, int], dict[str, int | None]]:
    table = truth_table(m.settled for m in minutes if m.settled is not None)
    return {
        (row.pop("meter_id"), int(row.pop("period_start").timestamp())): {
            # What was used, whatever was told of it, is in no frame.
            name: value
            for name, value in row.items()
            if name not in {"community_id", "used_mwh"}
        }
        for row in table.to_pylist()
    }


@with_files
@given(faults=any_faults, seed=st.integers(0, 2**32), minutes=st.integers(1, 50))
def test_the_truth_is_what_an_independent_reader_finds_in_the_frames(
    a_day_of_profiles: Path, faults: FaultRates, seed: int, minutes: int
) -> None:
    plan = a_plan(
        a_day_of_profiles,
        faults=faults,
        seed=seed,
        minutes=minutes,
        start=IN_THE_MIDDLE_OF_A_QUARTER,
    )

    played = list(plan.batches())

    assert fold([frame for minute in played for frame in minute.frames]) == truth_of(played)


def test_a_correction_puts_right_what_its_registers_always_said(a_day_of_profiles: Path) -> None:
    plan = a_plan(a_day_of_profiles, minutes=120, faults=FaultRates(corrected=0.3))
    first: dict[tuple[str, int], tuple[int, int]] = {}
    last: dict[tuple[str, int], tuple[int, int]] = {}
    for frame in sent_by(plan):
        minute, _, readings = readings_of(frame.value)
        for meter, registered in registers_of(frame.value).items():
            told = (net_of(readings[meter]), registered)
            first.setdefault((meter, minute), told)
            last[meter, minute] = told

    def off(told: dict[tuple[str, int], tuple[int, int]]) -> set[tuple[str, int]]:
        return {
            (meter, minute)
            for (meter, minute), (net, registered) in told.items()
            if (meter, minute - 60) in told and registered - told[meter, minute - 60][1] != net
        }

    assert off(last) == set()
    assert off(first) == {at for at in off(first) if first[at] != last[at]} != set()


@pytest.mark.parametrize("faults", ["none", "some", "many"])
def test_the_same_plan_sends_the_same_bytes(a_day_of_profiles: Path, faults: str) -> None:
    plan = a_plan(a_day_of_profiles, faults=FAULT_RATES[faults], minutes=120)

    assert sent_by(plan) == sent_by(plan)


def test_another_seed_sends_other_bytes(a_day_of_profiles: Path) -> None:
    assert sent_by(a_plan(a_day_of_profiles, seed=1)) != sent_by(a_plan(a_day_of_profiles, seed=2))


def test_every_valid_frame_keeps_the_contract(a_day_of_profiles: Path) -> None:
    for frame in sent_by(a_plan(a_day_of_profiles)):
        content = MeterFrame.model_validate_json(frame.value)

        assert content.community_id.encode() == frame.key
        assert len(content.meter_id) == len(content.consumption_wh) == frame.readings


def test_a_frame_reads_as_the_architecture_shows_it(a_day_of_profiles: Path) -> None:
    plan = a_plan(a_day_of_profiles, communities=1, households=8, faults=FaultRates(), minutes=1)

    frame = json.loads(sent_by(plan)[0].value)

    owners = plan.fleet()
    assert frame["community_id"] == "c0001"
    assert frame["minute"] == int(NOON.timestamp())
    assert frame["meter_id"][0] == "m0001-001"
    for column, has in (("production_wh", owners.pv), ("battery_level_wh", owners.battery)):
        measured = [place for place, value in enumerate(frame[column]) if value is not None]
        assert measured == has.tolist()


def test_a_column_that_no_meter_measures_is_absent(a_day_of_profiles: Path) -> None:
    plan = a_plan(a_day_of_profiles, communities=14, faults=FaultRates(), minutes=1)
    with_pv = {plan.fleet().community_ids[c] for c in plan.fleet().community[plan.fleet().pv]}

    for frame in sent_by(plan):
        assert ("production_wh" in json.loads(frame.value)) == (frame.key.decode() in with_pv)


def test_some_terminals_send_a_fourth_decimal_and_even_ties(a_day_of_profiles: Path) -> None:
    plan = a_plan(a_day_of_profiles, communities=40, households=80, minutes=60, faults=FaultRates())

    texts = [
        text
        for frame in sent_by(plan)
        for text in json.loads(frame.value, parse_float=str)["consumption_wh"]
    ]

    decimals = [len(text.partition(".")[2]) for text in texts]
    assert max(decimals) == 4
    assert 0.02 < decimals.count(4) / len(texts) < 0.3
    assert any(len(text.partition(".")[2]) == 4 and text.endswith("5") for text in texts)


def test_without_faults_every_frame_comes_once_in_order(a_day_of_profiles: Path) -> None:
    plan = a_plan(a_day_of_profiles, faults=FaultRates())

    played = list(plan.batches())

    assert [minute.minute for minute in played] == list(
        range(int(NOON.timestamp()), int(NOON.timestamp()) + 40 * 60, 60)
    )
    for minute in played:
        assert [readings_of(frame.value)[0] for frame in minute.frames] == [minute.minute] * 3
    assert counted(played) == FaultCounts(sent=120, readings_sent=40 * 14)


def test_each_fate_is_counted_as_it_can_be_seen_on_the_way(a_day_of_profiles: Path) -> None:
    played = list(a_plan(a_day_of_profiles, minutes=200).batches())
    counts = counted(played)
    frames = [frame for minute in played for frame in minute.frames]
    times = Counter(frame.value for frame in frames)
    made = {(frame.key, readings_of(frame.value)[:2]) for frame in frames}
    original = {(key, minute) for key, (minute, number) in made if number % SENT_A_MINUTE == 0}

    assert counts.sent == len(frames)
    assert counts.readings_sent == sum(frame.readings for frame in frames)
    assert counts.duplicates == len(frames) - len(times)
    assert counts.corrected == len(made) - len(original)
    assert counts.lost == 200 * 3 - len(original)
    assert counts.rejected_readings == sum(
        any(energy is not None and energy < 0 for energy in reading.values())
        for frame in frames
        for reading in readings_of(frame.value)[2].values()
    )
    assert min(counts.lost, counts.late, counts.reordered, counts.rejected_readings) > 0


def test_a_late_frame_comes_within_ninety_minutes_of_its_minute(a_day_of_profiles: Path) -> None:
    plan = a_plan(a_day_of_profiles, minutes=300, faults=FaultRates(late=0.5))

    delays = [
        (minute.minute - readings_of(frame.value)[0]) // 60
        for minute in plan.batches()
        for frame in minute.frames
    ]

    assert set(delays) <= {0, *range(3, MAX_LATE_MINUTES + 1)}
    assert max(delays) > MAX_LATE_MINUTES / 2


def test_the_last_minutes_arrive_whole_and_last(a_day_of_profiles: Path) -> None:
    played = list(a_plan(a_day_of_profiles, minutes=100).batches())

    for minute in played[-QUIET_LAST_MINUTES:]:
        own = [
            readings
            for frame in minute.frames
            for start, number, readings in [readings_of(frame.value)]
            if start == minute.minute and number % SENT_A_MINUTE == 0
        ]
        meters = {meter for readings in own for meter in readings}
        assert len(meters) == 14
        assert all(reading["consumption"] >= 0 for r in own for reading in r.values())  # type: ignore[operator]
    assert readings_of(played[-1].frames[-1].value)[0] == played[-1].minute


def test_sequences_grow_with_everything_a_terminal_makes(a_day_of_profiles: Path) -> None:
    numbers: dict[tuple[bytes, int], set[int]] = defaultdict(set)
    for frame in set(sent_by(a_plan(a_day_of_profiles, minutes=120))):
        minute, sequence, _ = readings_of(frame.value)
        numbers[frame.key, sequence].add(minute)

    assert all(len(minutes) == 1 for minutes in numbers.values())
    assert MAX_LATE_MINUTES < SENT_A_MINUTE


def test_the_parts_of_a_large_community_share_no_sequence(a_day_of_profiles: Path) -> None:
    plan = a_plan(a_day_of_profiles, communities=1, households=2500, minutes=3, faults=FaultRates())

    numbers = [readings_of(frame.value)[1] for frame in sent_by(plan)]

    assert len(set(numbers)) == 9
    assert numbers == sorted(numbers)


def test_a_quarter_hour_without_a_reading_has_no_row(a_day_of_profiles: Path) -> None:
    plan = a_plan(a_day_of_profiles, minutes=30, faults=FaultRates(lost=1))

    played = list(plan.batches())

    rows = truth_of(played)
    assert {start for _, start in rows} == {int(NOON.timestamp()) + 900}
    assert {row["measured_minutes"] for row in rows.values()} == {QUIET_LAST_MINUTES}


def test_the_truth_can_be_written_and_read_again(a_day_of_profiles: Path, tmp_path: Path) -> None:
    played = a_plan(a_day_of_profiles).batches()
    truth = truth_table(m.settled for m in played if m.settled is not None)

    write_truth(truth, tmp_path / "truth.parquet")

    assert read_truth(tmp_path / "truth.parquet").equals(truth)


def test_a_file_that_is_no_truth_is_refused(a_day_of_profiles: Path, tmp_path: Path) -> None:
    for path in (a_day_of_profiles, tmp_path / "missing.parquet"):
        with pytest.raises(TruthError, match=path.name):
            read_truth(path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"start": datetime(2026, 7, 14)}, "start="),  # noqa: DTZ001
        ({"start": NOON + timedelta(seconds=1)}, "whole minute"),
        ({"minutes": 0}, "minutes=0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    a_day_of_profiles: Path, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(PlanError, match=said):
        a_plan(a_day_of_profiles, **wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lost": 1.1}, r"lost=1.1 must lie in \[0, 1\]"),
        ({"late": -0.1}, r"late=-0.1 must lie in \[0, 1\]"),
        ({"invalid": float("nan")}, r"invalid=nan"),
        ({"lost": 0.5, "late": 0.4, "reordered": 0.2}, "must be at most 1"),
    ],
)
def test_rates_that_cannot_be_are_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(FaultRateError, match=said):
        FaultRates(**wrong)
