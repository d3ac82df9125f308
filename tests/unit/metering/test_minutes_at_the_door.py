"""Whatever minute a frame names, it is taken, or refused by a rule: no frame stops a worker."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.metering import RejectionRule
from schemas.units import LATEST_MINUTE, MINUTE_S
from streams.codecs.frames import FrameDecoder
from streams.codecs.judgement import judge
from streams.codecs.results import rejected_reading
from streams.domain.admission import admit
from streams.domain.rosters import Rosters
from streams.records import Record, Records
from tests.builders import a_frame, a_record
from tests.registered import a_household

MAX_BYTES = 1 << 20

REGISTRIES = {
    "nobody": Rosters(learns=False),
    "whoever is named": Rosters(learns=True),
    "another meter": Rosters(learns=False),
    "the meter": Rosters(learns=False),
    "the meter, elsewhere": Rosters(learns=False),
}
REGISTRIES["another meter"].take(a_household("h2", valid_from=0))
REGISTRIES["the meter"].take(a_household("h1", valid_from=0))
REGISTRIES["the meter, elsewhere"].take(a_household("h1", "c2", valid_from=0))


def refused_of(minute: int, rosters: Rosters) -> list[RejectionRule]:
    """Return by which rules both ways through the door refuse a frame, as it would be told."""
    sent = a_record(a_frame(minute=minute))
    record = Record(0, 0, sent.key, sent.value)
    decoded = FrameDecoder(max_frame_bytes=MAX_BYTES, generation=0).decode(Records.of([record]))
    judged = judge(record.key, record.value, offset=0, generation=0, max_bytes=MAX_BYTES)
    refused = []
    for frames, rejections, block in (
        (decoded.frames, decoded.rejections, decoded.block),
        ([] if judged.frame is None else [judged.frame], judged.rejections, None),
    ):
        admission = admit(frames, rosters, block=block)
        told = [*rejections, *admission.rejections]
        for one in told:
            _, value = rejected_reading(
                one, record, topic="meter-frames", partition=0, received_at_ms=0
            )
            assert json.loads(value)["rule"] == one.rule.value
        refused.append([one.rule for one in told])
    fast, slow = refused
    assert fast == slow
    return fast


@pytest.mark.parametrize("registered", REGISTRIES)
@given(minute=st.integers(0, LATEST_MINUTE) | st.integers(min_value=0))
@example(minute=1_700_000_040_000)
@example(minute=4_611_686_018_427_387_900)
@example(minute=99_999_999_999_999_999_960)
@example(minute=LATEST_MINUTE)
@example(minute=LATEST_MINUTE + MINUTE_S)
def test_no_minute_gets_further_than_the_last_that_there_is(registered: str, minute: int) -> None:
    refused = refused_of(minute, REGISTRIES[registered])

    if minute % MINUTE_S:
        assert refused == [RejectionRule.MINUTE_NOT_ALIGNED]
    elif minute > LATEST_MINUTE:
        assert refused == [RejectionRule.MINUTE_IN_FUTURE]
    else:
        assert RejectionRule.MINUTE_IN_FUTURE not in refused
