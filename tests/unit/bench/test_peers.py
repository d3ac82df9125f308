"""What the Python experts share does the job as the contract says."""

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.peers.frames import CHANNELS, Frame, decode
from bench.peers.quarters import Quarter, Quarters, pack, unpack

PERIOD = 1_700_000_100 // 900 * 900
QUARTER_OF_MINUTES = range(PERIOD, PERIOD + 900, 60)


def a_frame(minute: object = PERIOD, **columns: object) -> bytes:
    content: dict[str, object] = {
        "community_id": "c1",
        "minute": minute,
        "sequence": 1,
        "meter_id": ["m1", "m2"],
        "consumption_wh": [1.0, 2.0],
    }
    return orjson.dumps(content | columns)


def told(values: list[bytes], quarters: Quarters | None = None) -> list[Quarter]:
    taker = quarters or Quarters()
    return [quarter for frame in decode(values) for quarter in taker.take(frame)[1]]


@given(st.decimals(min_value=0, max_value=10**6, places=5, allow_nan=False))
def test_rounds_what_was_sent_half_to_even(energy_wh: Decimal) -> None:
    (frame,) = decode([a_frame(consumption_wh=[float(energy_wh), None])])

    assert frame.cells[0].tolist() == [
        int((energy_wh * 1000).to_integral_value(ROUND_HALF_EVEN)),
        -1,
    ]


@pytest.mark.parametrize(
    "columns",
    [
        {"consumption_wh": [1.0]},
        {"consumption_wh": [1.0, "2"]},
        {"meter_id": ["m1", "m1"]},
        {"meter_id": [], "consumption_wh": []},
        {"minute": PERIOD + 1},
        {"unknown": 1},
    ],
)
def test_refuses_a_frame_that_breaks_the_schema(columns: dict[str, object]) -> None:
    assert list(decode([a_frame(**columns), b"no JSON"])) == []


def test_a_negative_energy_refuses_its_meter_and_no_other() -> None:
    (frame,) = decode([a_frame(production_wh=[-0.5, 0.25])])

    assert frame.cells[:2].tolist() == [[-1, 2000], [-1, 250]]


def test_tells_a_quarter_when_its_last_minute_is_there_in_any_order_and_repetition() -> None:
    values = [a_frame(minute) for minute in QUARTER_OF_MINUTES]

    (quarter,) = told([*values[8:], *values[:8], values[3]])

    households = orjson.loads(quarter.households)
    assert households["consumption_mwh"] == [15_000, 30_000]
    assert households["import_mwh"] == [15_000, 30_000]
    assert households["production_mwh"] == [None, None]
    assert households["measured_minutes"] == [15, 15]
    assert orjson.loads(quarter.together)["consumption_mwh"] == 45_000


def test_tells_an_incomplete_quarter_once_the_lateness_has_passed() -> None:
    quarters = Quarters()
    assert told([a_frame(minute) for minute in QUARTER_OF_MINUTES[:-1]], quarters) == []
    assert told([a_frame(PERIOD + 900 + 60)], quarters) == []

    (quarter,) = told([a_frame(PERIOD + 900 + 120)], quarters)

    assert orjson.loads(quarter.households)["measured_minutes"] == [14, 14]


def test_a_restarted_peer_goes_on_from_the_stored_minutes() -> None:
    values = [a_frame(minute) for minute in QUARTER_OF_MINUTES]
    stored = {frame.minute: pack(frame) for frame in decode(values[:10])}

    (quarter,) = told(values[10:], Quarters(lambda _, minute: stored.get(minute)))

    assert quarter == told(values)[0]


@given(st.integers(1, 5), st.data())
def test_a_record_holds_what_the_frame_held(meters: int, data: st.DataObject) -> None:
    rows = [
        data.draw(
            st.lists(
                st.integers(-1, 2**31 - 1 if channel < 5 else 2**40),
                min_size=meters,
                max_size=meters,
            )
        )
        for channel in range(CHANNELS)
    ]
    cells = np.array(rows, dtype=np.int64)

    sequence, read = unpack(pack(Frame("c1", PERIOD, 7, ("m",) * meters, cells)))

    assert sequence == 7
    assert read.tolist() == rows
