import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.units import MINUTE_S
from streams.codecs.results import community_minutes
from streams.domain.digests import digests
from streams.domain.frames import Frame
from streams.domain.minutes import Effect, Minute, absorb
from tables import minutes as table
from tests.unit.domain.frames_of import MONDAY, a_frame, frames


def a_minute(frame: Frame, *, digested: bool) -> Minute:
    digest = frame.digest if digested else None
    return Minute(frame.mask, frame.cells, ((-1, 0),), 1, digest=digest)


@given(st.lists(frames(), max_size=8))
def test_a_batch_s_digests_are_those_of_its_frames(batch: list[Frame]) -> None:
    begins = np.cumsum([0, *(frame.cells.size for frame in batch)]).tolist()
    cells = np.concatenate([np.empty(0, np.int64), *(frame.cells.reshape(-1) for frame in batch)])
    shapes = [
        (frame.mask, frame.cells.shape[1], begin)
        for frame, begin in zip(batch, begins, strict=False)
    ]

    together = digests(cells, np.array(shapes, dtype=np.int64).reshape(-1, 3))

    assert together == [frame.digest for frame in batch]


@given(frames())
def test_what_is_told_and_stored_of_a_minute_is_the_same_with_its_digest(frame: Frame) -> None:
    place = (frame.community_id, frame.minute)
    with_it, without = a_minute(frame, digested=True), a_minute(frame, digested=False)

    assert list(community_minutes({place: with_it})) == list(community_minutes({place: without}))
    assert table.encode(with_it) == table.encode(without)


def test_a_minute_that_another_frame_changes_has_no_digest_any_more() -> None:
    minute = a_minute(a_frame(consumption=[100, None]), digested=True)
    later = a_frame(consumption=[None, 5])

    effect = absorb(minute, later.mask, later.cells, (-1, 1), place=1)

    assert effect is Effect.ADDED
    ((_, told),) = community_minutes({("lilas", MONDAY + MINUTE_S): minute})
    assert b'"meters_reported":2' in told
    assert b'"consumption_mwh":105' in told
