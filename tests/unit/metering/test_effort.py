"""What a frame costs grows with its meters, whatever it holds: none takes a worker's time away.

Comparisons of ids are counted, not seconds: a list that is searched for each meter shows in them.
"""

from typing import Any

import pytest
from typing_extensions import override

from streams.codecs import judgement
from streams.codecs.judgement import judge
from streams.domain.admission import admit
from streams.domain.frames import MeterList
from streams.domain.rosters import Rosters
from tests.builders import a_frame
from tests.registered import a_household
from tests.unit.domain.frames_of import LILAS
from tests.unit.domain.frames_of import a_frame as an_accepted_frame

METERS = 1_000
MOST_A_METER = 10


class Counted(str):
    """A meter's id that counts how often one is compared."""

    __slots__ = ()
    comparisons = 0

    @override
    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def counted() -> list[Counted]:
    Counted.comparisons = 0
    return [Counted(f"m{number}") for number in range(METERS)]


BAD: dict[str, tuple[dict[str, Any], int]] = {
    "one is negative": ({"consumption_wh": [-1.0] + [1.0] * (METERS - 1)}, METERS - 1),
    "all are negative": ({"consumption_wh": [-1.0] * METERS}, 0),
    "nothing is measured": ({"consumption_wh": [None] * METERS}, METERS),
}


@pytest.mark.parametrize("kind", BAD)
def test_judging_a_frame_compares_each_meter_a_few_times(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns, good = BAD[kind]
    document = a_frame("c1", **columns) | {"meter_id": counted()}
    monkeypatch.setattr(judgement, "_read", lambda *_, **__: document)

    judged = judge(b"c1", b"", offset=0, generation=0, max_bytes=1)

    assert sum(len(rejection.meters) for rejection in judged.rejections) == METERS - good
    assert Counted.comparisons <= MOST_A_METER * METERS


def test_a_meter_that_stands_often_in_a_frame_is_compared_as_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meters = [Counted("m1") for _ in counted()]
    document = a_frame("c1", consumption_wh=[1.0] * METERS) | {"meter_id": meters}
    monkeypatch.setattr(judgement, "_read", lambda *_, **__: document)

    judged = judge(b"c1", b"", offset=0, generation=0, max_bytes=1)

    assert [len(rejection.meters) for rejection in judged.rejections] == [METERS]
    assert Counted.comparisons <= MOST_A_METER * METERS


@pytest.mark.parametrize("home", [LILAS, "roses"])
def test_admitting_a_frame_compares_each_meter_a_few_times_wherever_it_is_registered(
    home: str,
) -> None:
    rosters = Rosters(learns=False)
    for number in range(METERS):
        rosters.take(a_household(f"h{number}", home, meter_id=f"m{number}", valid_from=0))
    meters = counted()
    frame = an_accepted_frame(meters=meters)._replace(meters=MeterList(tuple(meters)))

    admission = admit([frame], rosters)

    refused = sum(len(rejection.meters) for rejection in admission.rejections)
    assert refused == (0 if home == LILAS else METERS)
    assert Counted.comparisons <= MOST_A_METER * METERS
