"""What is sent again of a frame that was refused."""

import json

from deploy.reprocess import Place, Refused, frame_of

ORIGINAL = {
    "community_id": "c1",
    "minute": 1_750_075_200,
    "sequence": 7,
    "meter_id": ["m1", "x1", "m2"],
    "consumption_wh": [1.0, 8.333, 3.0],
}


def refused(original: dict[str, object], topic: str = "meter-frames") -> Refused:
    place = Place(topic, 0, 41, "unknown_meter")
    return Refused(place, "c1", 1_750_075_200, ("x1",), json.dumps(original).encode(), False)  # noqa: FBT003 - is_cut


def test_only_the_refused_readings_are_sent_again_with_the_place_where_they_came_first() -> None:
    sent = json.loads(frame_of(refused(ORIGINAL), ["x1"], topic="meter-frames"))

    assert sent == ORIGINAL | {"meter_id": ["x1"], "consumption_wh": [8.333], "first_offset": 41}


def test_what_was_sent_again_and_refused_once_more_keeps_its_first_place() -> None:
    again = refused(ORIGINAL | {"first_offset": 5})

    assert json.loads(frame_of(again, ["x1"], topic="meter-frames"))["first_offset"] == 5


def test_in_another_topic_than_it_came_from_an_offset_means_nothing() -> None:
    before = refused(ORIGINAL | {"first_offset": 5})

    assert "first_offset" not in json.loads(frame_of(before, ["x1"], topic="p8-meter-frames"))
