import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.metering import RejectionRule
from streams.codecs.frames import Decoded, FrameDecoder
from streams.codecs.judgement import judge
from streams.codecs.results import rejected_reading
from streams.domain.channels import MISSING
from streams.domain.frames import Frame, Rejection
from streams.records import Record, Records

MINUTE = 1_700_000_040
MAX_BYTES = 1 << 20


def a_document(**changes: object) -> dict[str, Any]:
    return {
        "community_id": "c0042",
        "minute": MINUTE,
        "sequence": 812_345,
        "meter_id": ["m1", "m2"],
        "consumption_wh": [8.333, 3.1],
        "production_wh": [0, 12.75],
    } | changes


def decoded(*values: bytes | None, key: bytes | None = b"c0042") -> Decoded:
    decoder = FrameDecoder(max_frame_bytes=MAX_BYTES, generation=0)
    records = [Record(offset, 0, key, value) for offset, value in enumerate(values)]
    return decoder.decode(Records.of(records))


def as_json(**changes: object) -> bytes:
    return json.dumps(a_document(**changes)).encode()


def as_told(rejection: Rejection) -> dict[str, Any]:
    record = Record(rejection.offset, 0, b"c0042", b"")
    _, value = rejected_reading(
        rejection, record, topic="meter-frames", partition=0, received_at_ms=0
    )
    told: dict[str, Any] = json.loads(value)
    return told


def plain(frame: Frame | None) -> object:
    if frame is None:
        return None
    cells = frame.cells.tolist()
    names = (frame.community_id, frame.minute, frame.sequence, frame.place, frame.meters.ids)
    return names, frame.mask, cells


def test_a_frame_in_the_contract_s_format_becomes_whole_mwh() -> None:
    (frame,) = decoded(as_json()).frames

    assert frame.community_id == "c0042"
    assert frame.minute == MINUTE
    assert frame.sequence == 812_345
    assert frame.meters.ids == ("m1", "m2")
    assert frame.cells.tolist() == [[8333, 3100], [0, 12750]]


def test_null_and_absent_columns_mean_not_measured() -> None:
    value = as_json(
        consumption_wh=[1, None], production_wh=None, battery_charge_wh=[None, 2], sequence=None
    )

    (frame,) = decoded(value).frames

    assert frame.sequence == -1
    assert frame.cells.tolist() == [[1000, MISSING], [MISSING, 2000]]


def test_a_place_counts_the_topic_s_generation_first() -> None:
    newer = FrameDecoder(max_frame_bytes=MAX_BYTES, generation=1)

    (frame,) = newer.decode(Records.of([Record(0, 0, b"c0042", as_json())])).frames

    assert frame.place > decoded(*[as_json()] * 9).frames[-1].place


WHOLE_FRAMES: dict[str, tuple[bytes | None, RejectionRule, str]] = {
    "null value": (None, RejectionRule.NULL_VALUE, "value is null"),
    "not JSON": (b"meter 5", RejectionRule.NOT_JSON, "not JSON"),
    "not UTF-8": (b'{"community_id": "\xff"}', RejectionRule.NOT_JSON, "UTF-8"),
    "deep nesting": (b"[" * 100_000, RejectionRule.NOT_JSON, "not JSON"),
    "too large": (b" " * (MAX_BYTES + 1), RejectionRule.FRAME_TOO_LARGE, "1048577 bytes"),
    "an array": (b"[1]", RejectionRule.SCHEMA, "JSON object"),
    "a number": (b"5", RejectionRule.SCHEMA, "JSON object"),
    "extra field": (as_json(temperature=20), RejectionRule.SCHEMA, "temperature=20"),
    "field named by half a character": (
        as_json(**{"\ud800": 20}),
        RejectionRule.SCHEMA,
        "unicode",
    ),
    "no consumption": (
        json.dumps(
            {name: value for name, value in a_document().items() if name != "consumption_wh"}
        ).encode(),
        RejectionRule.SCHEMA,
        "consumption_wh",
    ),
    "minute of a wrong type": (as_json(minute="now"), RejectionRule.SCHEMA, "minute='now'"),
    "minute as a fraction": (as_json(minute=60.5), RejectionRule.SCHEMA, "minute=60.5"),
    "sequence below zero": (as_json(sequence=-1), RejectionRule.SCHEMA, "sequence=-1"),
    "column of a wrong type": (as_json(production_wh=5), RejectionRule.SCHEMA, "production_wh=5"),
    "meters of a wrong type": (as_json(meter_id="m1"), RejectionRule.SCHEMA, "meter_id='m1'"),
    "empty frame": (
        as_json(meter_id=[], consumption_wh=[], production_wh=[]),
        RejectionRule.EMPTY_FRAME,
        "meter_id",
    ),
    "unequal columns": (
        as_json(production_wh=[1]),
        RejectionRule.UNEQUAL_COLUMNS,
        "production_wh has 1 values for 2 meters",
    ),
    "not on the minute": (
        as_json(minute=MINUTE + 1),
        RejectionRule.MINUTE_NOT_ALIGNED,
        f"minute={MINUTE + 1}",
    ),
    "minute in milliseconds": (
        as_json(minute=MINUTE * 1000),
        RejectionRule.MINUTE_IN_FUTURE,
        f"minute={MINUTE * 1000}",
    ),
    "another key": (as_json(community_id="c0043"), RejectionRule.KEY_MISMATCH, "c0043"),
    "community id of 300 characters": (
        as_json(community_id="c" * 300),
        RejectionRule.COMMUNITY_ID,
        "community_id=",
    ),
    "community id with a NUL": (
        as_json(community_id="c\0"),
        RejectionRule.COMMUNITY_ID,
        "community_id=",
    ),
}


@pytest.mark.parametrize("kind", WHOLE_FRAMES)
def test_a_bad_frame_is_refused_by_name_with_field_and_value(kind: str) -> None:
    value, rule, said = WHOLE_FRAMES[kind]

    verdict = decoded(value)

    assert verdict.frames == []
    (rejection,) = verdict.rejections
    assert rejection.rule is rule
    assert said in rejection.detail
    assert as_told(rejection)["detail"] == rejection.detail


def test_a_null_key_is_refused() -> None:
    assert [r.rule for r in decoded(as_json(), key=None).rejections] == [RejectionRule.NULL_KEY]


SINGLE_READINGS: dict[str, tuple[dict[str, Any], RejectionRule]] = {
    "NaN": ({"consumption_wh": [float("nan"), 3.1]}, RejectionRule.NOT_A_NUMBER),
    "infinity": ({"production_wh": [float("inf"), 0]}, RejectionRule.NOT_A_NUMBER),
    "text": ({"consumption_wh": ["8", 3.1]}, RejectionRule.NOT_A_NUMBER),
    "a truth value": ({"consumption_wh": [True, 3.1]}, RejectionRule.NOT_A_NUMBER),
    "a list": ({"consumption_wh": [[8.0], 3.1]}, RejectionRule.NOT_A_NUMBER),
    "negative": ({"consumption_wh": [-0.001, 3.1]}, RejectionRule.NEGATIVE_ENERGY),
    "too large": ({"consumption_wh": [1e300, 3.1]}, RejectionRule.ENERGY_TOO_LARGE),
    "a huge integer": ({"consumption_wh": [10**400, 3.1]}, RejectionRule.ENERGY_TOO_LARGE),
    "id of 300 characters": ({"meter_id": ["m" * 300, "m2"]}, RejectionRule.METER_ID),
    "id with a NUL": ({"meter_id": ["m\0", "m2"]}, RejectionRule.METER_ID),
    "empty id": ({"meter_id": ["", "m2"]}, RejectionRule.METER_ID),
    "id of a wrong type": ({"meter_id": [5, "m2"]}, RejectionRule.METER_ID),
    "id that is a list": ({"meter_id": [["m1"], "m2"]}, RejectionRule.METER_ID),
    "id that is an object": ({"meter_id": [{"m1": 1}, "m2"]}, RejectionRule.METER_ID),
    "id with half a character": ({"meter_id": ["m\ud800", "m2"]}, RejectionRule.METER_ID),
}


@pytest.mark.parametrize("kind", SINGLE_READINGS)
def test_a_bad_reading_is_refused_and_the_good_ones_of_its_frame_count(kind: str) -> None:
    changes, rule = SINGLE_READINGS[kind]

    verdict = decoded(as_json(**changes))

    (rejection,) = verdict.rejections
    assert rejection.rule is rule
    assert len(rejection.meters) == 1
    assert as_told(rejection)["meter_id"] == list(rejection.meters)
    (frame,) = verdict.frames
    good = frame.meters.ids.index("m2")
    assert frame.cells[0, good] == 3100
    assert (frame.cells != MISSING).any(axis=0).sum() == 1


def test_a_meter_that_stands_twice_in_a_frame_is_refused_and_the_others_count() -> None:
    value = as_json(meter_id=["m1", "m2", "m1"], consumption_wh=[1, 2, 3], production_wh=[0, 0, 0])

    verdict = decoded(value)

    assert [r.rule for r in verdict.rejections] == [RejectionRule.DUPLICATE_METER]
    assert verdict.rejections[0].meters == ("m1", "m1")
    assert verdict.frames[0].cells[0].tolist() == [MISSING, 2000]


@pytest.mark.parametrize("place", range(5))
def test_good_frames_around_a_bad_one_come_through_in_order(place: int) -> None:
    values: list[bytes | None] = [as_json(minute=MINUTE + 60 * number) for number in range(5)]
    values[place] = b"noise"

    verdict = decoded(*values)

    assert [frame.place for frame in verdict.frames] == [n for n in range(5) if n != place]


# What a terminal might send for a value, a list, a document: right, odd and wrong.
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**70),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=3),
)
_NUMBERS = st.one_of(
    st.none(), st.integers(0, 10**7), st.floats(0, 1e6), st.decimals(0, 9, places=4).map(float)
)
_COLUMNS = st.one_of(
    st.lists(_NUMBERS, min_size=2, max_size=2),
    st.lists(st.one_of(_NUMBERS, _SCALARS, st.lists(_NUMBERS, max_size=2)), max_size=3),
    _SCALARS,
)
# JSON can escape half a character, which no text in UTF-8 has.
_TEXTS = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=3)
_DOCUMENTS = st.fixed_dictionaries(
    {
        "community_id": st.one_of(st.just("c0042"), _SCALARS),
        "minute": st.one_of(
            st.integers(0, 10**6).map(lambda n: n * 60),
            st.integers(0, 2**64).map(lambda n: n * 60),
            _SCALARS,
        ),
        "meter_id": st.one_of(
            st.just(["m1", "m2"]),
            st.lists(st.one_of(_TEXTS, _SCALARS, st.lists(_TEXTS, max_size=2)), max_size=3),
            _SCALARS,
        ),
        "consumption_wh": _COLUMNS,
    },
    optional={
        "sequence": st.one_of(st.integers(0, 2**63), _SCALARS),
        "production_wh": _COLUMNS,
        "battery_level_wh": _COLUMNS,
        "import_register_wh": _COLUMNS,
        "temperature_c": _COLUMNS,
    },
)
_WRITERS: list[Callable[[Any], str]] = [
    json.dumps,
    lambda document: json.dumps(document, separators=(",", ":")),
    lambda document: json.dumps(document, indent=1, ensure_ascii=False),
]


@given(_DOCUMENTS, st.sampled_from(_WRITERS))
def test_the_fast_door_and_the_full_judgement_agree_on_documents(
    document: dict[str, Any], write: Callable[[Any], str]
) -> None:
    assert_same_verdict(write(document).encode("utf-8", "surrogatepass"))


@given(st.data())
def test_the_fast_door_and_the_full_judgement_agree_on_damaged_bytes(data: st.DataObject) -> None:
    value = bytearray(as_json())
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))

    assert_same_verdict(bytes(value))


@given(st.binary(max_size=60))
@example(b'{"community_id":"meter_id","minute":60,"meter_id":["a"],"consumption_wh":[1]}')
@example(b'{"community_id":"c0042","minute":60,"meter_id":["a"],"consumption_wh":[1],"minute":120}')
@example(b'\xef\xbb\xbf{"community_id":"c0042","minute":60,"meter_id":["a"],"consumption_wh":[1]}')
@example(b'{"community_id":"c0042","minute":60,"meter_id":["a]"],"consumption_wh":[1]}')
@example(b'{"community_id":"c0042","minute":60,"meter_id":["a"],"consumption_wh":[[1]]}')
@example(b'{"community_id":"c0042","minute":60,"meter\\u005fid":["a"],"consumption_wh":[1]}')
@example(b'{"community_id":"c0042","minute":60,"meter_id":["a"],"consumption_wh":[1e999]}')
@example(b'{"community_id":"c0042","minute":60,"meter_id":["a"],"consumption_wh":[-0.0]}')
@example(b'{"community_id":"c0042","minute":60,"meter_id":["\\ud800"],"consumption_wh":[1]}')
def test_the_fast_door_and_the_full_judgement_agree_on_bytes(value: bytes) -> None:
    assert_same_verdict(value)


def assert_same_verdict(value: bytes) -> None:
    fast = decoded(value)
    slow = judge(b"c0042", value, offset=0, generation=0, max_bytes=MAX_BYTES)
    assert [plain(frame) for frame in fast.frames] == (
        [] if slow.frame is None else [plain(slow.frame)]
    )
    assert fast.rejections == list(slow.rejections)
    for rejection in fast.rejections:
        assert as_told(rejection)["rule"] == rejection.rule.value


def test_most_frames_of_a_healthy_fleet_take_the_fast_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FrameDecoder, "_judge", lambda *_: pytest.fail("judged in full"))

    frames = decoded(
        as_json(),
        as_json(battery_charge_wh=[None, 1.5]),
        json.dumps(a_document(), separators=(",", ":")).encode(),
    ).frames

    assert len(frames) == 3
