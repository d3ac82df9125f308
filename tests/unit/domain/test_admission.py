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

Readings = dict[str, dict[str, int]]


def rosters_of(*meters: str, community_id: str = LILAS, valid_from: int = MONDAY) -> Rosters:
    rosters = Rosters(learns=False)
    for meter in meters:
        rosters.take(
            a_household(f"of-{meter}", community_id, meter_id=meter, valid_from=valid_from)
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
