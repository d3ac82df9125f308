"""Whose readings are counted."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from schemas.metering import RejectionRule
from streams.domain.admission import admit
from streams.domain.channels import CHANNELS, MISSING
from streams.domain.frames import Frame
from streams.domain.rosters import Rosters
from tests.registered import a_household
from tests.unit.domain.frames_of import LILAS, MONDAY, a_frame, frames

CONTRACT_W = 6_000

Readings = dict[str, dict[str, int]]


def rosters_of(*meters: str, community_id: str = LILAS, valid_from: int = MONDAY) -> Rosters:
    rosters = Rosters(learns=False)
    for meter in meters:
        rosters.take(
            a_household(
                f"of-{meter}",
                community_id,
                meter_id=meter,
                valid_from=valid_from,
                pv_peak_w=5_000,
                battery_wh=10_000,
                contract_power_w=CONTRACT_W,
            )
        )
    return rosters


def readings_of(some: Sequence[Frame]) -> list[Readings]:
    return [
        {
            meter: {
                CHANNELS[channel]: int(wh)
                for channel, wh in zip(
                    [c for c in range(len(CHANNELS)) if frame.mask >> c & 1],
                    frame.cells[:, place],
                    strict=True,
                )
                if wh != MISSING
            }
            for place, meter in enumerate(frame.meters.ids)
        }
        for frame in some
    ]


def test_a_frame_of_registered_meters_goes_through_as_it_is() -> None:
    frame = a_frame(meters=("m1", "m2"))

    admission = admit([frame], rosters_of("m1", "m2", "m3"))

    assert admission.frames[0] is frame
    assert admission.rejections == []


def test_an_unknown_meter_is_refused_and_the_others_of_its_frame_count() -> None:
    frame = a_frame(meters=("m1", "x1", "m2"), place=7, consumption=[1, 2, 3])

    admission = admit([frame], rosters_of("m1", "m2"))

    assert readings_of(admission.frames) == [{"m1": {"consumption": 1}, "m2": {"consumption": 3}}]
    (rejection,) = admission.rejections
    assert (rejection.rule, rejection.meters) == (RejectionRule.UNKNOWN_METER, ("x1",))
    assert (rejection.offset, rejection.community_id, rejection.minute) == (7, LILAS, MONDAY)
    assert rejection.detail.startswith("meter_id=x1 is not registered at 2023-11-20T00:00Z")


def test_a_meter_that_is_registered_elsewhere_is_refused_with_the_place() -> None:
    rosters = rosters_of("m1")
    rosters.take(a_household("h2", "roses", meter_id="m2", valid_from=MONDAY))

    admission = admit([a_frame(meters=("m1", "m2"))], rosters)

    (rejection,) = admission.rejections
    assert (rejection.rule, rejection.meters) == (RejectionRule.WRONG_COMMUNITY, ("m2",))
    assert "is registered in roses" in rejection.detail


def test_a_meter_is_unknown_in_the_minute_before_it_is_registered() -> None:
    rosters = rosters_of("m1", valid_from=MONDAY + 60)

    admission = admit([a_frame(meters=("m1",)), a_frame(meters=("m1",), minute=1)], rosters)

    assert [frame.minute for frame in admission.frames] == [MONDAY + 60]
    assert [rejection.minute for rejection in admission.rejections] == [MONDAY]


def test_a_reading_that_its_household_can_t_have_is_refused_and_named_without_a_value() -> None:
    frame = a_frame(
        meters=("m1", "m2"), place=3, consumption=[5_000, 300_000_000], import_register=[1, 2]
    )

    admission = admit([frame], rosters_of("m1", "m2"))

    assert readings_of(admission.frames) == [
        {"m1": {"consumption": 5_000, "import_register": 1}, "m2": {"import_register": 2}}
    ]
    (rejection,) = admission.rejections
    assert (rejection.rule, rejection.meters) == (RejectionRule.OVER_CAP, ("m2",))
    # (6 kW of the contract + 5 of panels + 10 of the battery) x 1.1, for a minute
    assert rejection.detail == (
        "consumption_wh=300000 of m2 is over 385 Wh, the most by what is registered"
    )


def test_who_discharges_a_battery_that_is_not_registered_is_refused_by_that_name() -> None:
    rosters = Rosters(learns=False)
    rosters.take(a_household("h1", LILAS, valid_from=0))
    frame = a_frame(meters=("m1",), consumption=[5], battery_discharge=[1])

    admission = admit([frame], rosters)

    assert [rejection.rule for rejection in admission.rejections] == [RejectionRule.NO_BATTERY]
    assert "battery_discharge_wh=0.001 of m1" in admission.rejections[0].detail


def test_a_level_above_the_battery_s_capacity_is_refused() -> None:
    frame = a_frame(meters=("m1",), consumption=[5], battery_level=[10_000_001])

    admission = admit([frame], rosters_of("m1"))

    assert [rejection.rule for rejection in admission.rejections] == [RejectionRule.BATTERY_LEVEL]
    assert readings_of(admission.frames) == [{"m1": {}}]


@given(st.lists(frames(), max_size=10), st.sets(st.sampled_from(["a", "b", "c", "d"])))
def test_every_reading_is_admitted_or_refused_and_none_is_changed(
    sent: list[Frame], known: set[str]
) -> None:
    sent = [frame._replace(place=place) for place, frame in enumerate(sent)]
    admission = admit(sent, rosters_of(*known))

    admitted = {
        frame.place: readings
        for frame, readings in zip(admission.frames, readings_of(admission.frames), strict=True)
    }
    refused: dict[int, set[str]] = {}
    for rejection in admission.rejections:
        refused.setdefault(rejection.offset, set()).update(rejection.meters)
    for frame, readings in zip(sent, readings_of(sent), strict=True):
        in_it = {meter for meter in readings if frame.community_id == LILAS and meter in known}
        assert admitted.get(frame.place, {}) == {meter: readings[meter] for meter in in_it}
        assert refused.get(frame.place, set()) == set(readings) - in_it
