"""Closed periods on their way to validation, and what it says on its way out."""

import numpy as np
import pytest

from schemas.validation import PeriodReadings, Quality, ReadingVerdicts, ValidatedIntervals
from streams.codecs import validation as codec
from streams.domain.channels import CHANNELS, FLOWS, MISSING
from streams.domain.gap_shapes import Method
from streams.domain.steps import Step
from streams.domain.validated_periods import Figures, PartId, Verdicts
from streams.domain.vee import Quality as QualityCode
from streams.domain.vee import Rule, bit
from streams.domain.windows import WindowPolicy, Windows
from tests.unit.domain.frames_of import LILAS, MONDAY, a_frame, placed

POLICY = WindowPolicy(allowed_lateness_s=120, retention_s=48 * 3600, max_ahead_s=180)
ROOM = codec.METERS_IN_A_PART


def a_step(*frames: object) -> Step:
    windows = Windows(POLICY, read=lambda *_: None)
    return windows.fold(placed(list(frames)), now=1e12, clock=MONDAY + 86_400)  # type: ignore[arg-type] # frames


def test_readings_come_out_as_they_went_in() -> None:
    step = a_step(
        a_frame(minute=0, consumption=[5, 7], production=[9, None]),
        a_frame(minute=2, meters=("m1", "m2", "m3"), consumption=[1, None, 3]),
        a_frame(minute=3, consumption=[1, 2], import_register=[10**12, 5]),
    )

    ((key, value),) = codec.period_readings(step.closed_periods)

    assert key == LILAS.encode()
    assert PeriodReadings.model_validate_json(value).minute == [
        MONDAY,
        MONDAY + 120,
        MONDAY + 180,
    ]
    told = codec.told_readings(value, place=41)
    assert (told.part, told.start, told.version, told.place) == (PartId(LILAS, 0), MONDAY, 3, 41)
    assert told.meters == ("m1", "m2", "m3")
    consumption, production, register = (told.cells[:, row] for row in range(3))
    assert consumption[:4].tolist() == [
        [5, 7, MISSING],
        [MISSING, MISSING, MISSING],
        [1, MISSING, 3],
        [1, 2, MISSING],
    ]
    assert production[0].tolist() == [9, MISSING, MISSING]
    assert register[3].tolist() == [10**12, 5, MISSING]
    assert (told.cells[4:] == MISSING).all()
    assert told.mask == 0b11 | 1 << CHANNELS.index("import_register")


def test_a_large_community_is_told_in_parts() -> None:
    meters = [f"m{number}" for number in range(ROOM + 1)]
    step = a_step(a_frame(meters=meters, consumption=list(range(1, ROOM + 2))))

    told = [
        codec.told_readings(value, place=0)
        for _, value in codec.period_readings(step.closed_periods)
    ]

    assert [part.part.number for part in told] == [0, 1]
    assert [meter for part in told for meter in part.meters] == meters
    assert np.concatenate([part.cells[0, 0] for part in told]).tolist() == list(range(1, ROOM + 2))


@pytest.mark.parametrize(
    "change",
    [
        {"cells_base64": ""},
        {"cells_base64": "!"},
        {"minute": [MONDAY + 900]},
        {"meters": [3]},
        {"mask": []},
    ],
)
def test_what_is_no_period_is_a_value_error(change: dict[str, object]) -> None:
    step = a_step(a_frame(minute=0))
    ((_, value),) = codec.period_readings(step.closed_periods)
    message = PeriodReadings.model_validate_json(value).model_copy(update=change)

    with pytest.raises(ValueError, match=r"cells|fit|length"):
        codec.told_readings(message.model_dump_json().encode(), place=0)


def test_figures_are_told_as_the_schema_says() -> None:
    flows = np.full((len(FLOWS), 1), MISSING, dtype=np.int64)
    flows[0] = 12_000
    figures = Figures(
        PartId(LILAS, 0),
        MONDAY,
        42,
        7,
        ("m1",),
        flows,
        np.array([QualityCode.SUBSTITUTED], np.uint8),
        np.array([Method.INTERPOLATION], np.uint8),
        np.array([5]),
        np.array([10]),
        np.array([0]),
        np.array([0]),
    )

    ((_, value),) = codec.validated_intervals([figures])

    told = ValidatedIntervals.model_validate_json(value)
    assert (told.version, told.of_version, told.meter_id) == (42, 7, ["m1"])
    assert (told.consumption_mwh, told.production_mwh) == ([12_000], [None])
    assert (told.quality, told.method) == ([Quality.SUBSTITUTED], ["interpolation"])
    assert (told.measured_minutes, told.substituted_minutes) == ([5], [10])


def test_verdicts_name_their_rules() -> None:
    flags = bit(Rule.SPIKE) | bit(Rule.REGISTER_MISMATCH)
    verdicts = Verdicts(PartId(LILAS, 2), MONDAY, 42, 7, [("m1", MONDAY + 60, flags)])

    ((_, value),) = codec.reading_verdicts([verdicts])

    told = ReadingVerdicts.model_validate_json(value)
    assert (told.meter_id, told.minute, told.part) == (["m1"], [MONDAY + 60], 2)
    assert (told.verdict, told.rules) == (["fail"], [["register_mismatch", "spike"]])
