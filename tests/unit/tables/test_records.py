import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.minutes import Minute
from streams.domain.windows import WindowPolicy, Windows
from tables import communities, minutes
from tables.minutes import SchemaError
from tests.unit.domain.frames_of import LILAS, MONDAY, frames, placed

POLICY = WindowPolicy(allowed_lateness_s=120, retention_s=48 * 3600, max_ahead_s=180)


@given(st.lists(frames(minutes=2), min_size=1, max_size=12))
def test_a_minute_comes_back_from_its_bytes_as_it_was(sent: list) -> None:  # type: ignore[type-arg]
    windows = Windows(POLICY, read=lambda *_: None)

    step = windows.fold(placed(sent), now=1e12, clock=0.0)

    for minute in step.minutes.values():
        again = minutes.decode(minutes.encode(minute))
        assert (again.mask, again.ranks, again.version) == (
            minute.mask,
            minute.ranks,
            minute.version,
        )
        assert np.array_equal(again.cells, minute.cells)
        assert (again.origins is None) == (minute.origins is None)
        if minute.origins is not None:
            assert np.array_equal(again.origins, minute.origins)  # type: ignore[arg-type]


def test_a_record_holds_each_channel_in_the_bytes_that_it_needs() -> None:
    energies, register = np.full((1, 50), 18_653), np.full((1, 50), 18_834_089_815)
    minute = Minute(0b100001, np.concatenate([energies, register]), ((1, 2),), 3)

    assert len(minutes.encode(minute)) < 50 * (2 + 5) + 50


def test_the_minutes_of_a_community_stand_together_in_the_order_of_time() -> None:
    keys = [minutes.key(LILAS, MONDAY + 60 * number) for number in range(300)]

    assert keys == sorted(keys)
    assert all(key.startswith(minutes.prefix(LILAS)) for key in keys)
    assert minutes.start_of(keys[7]) == MONDAY + 7 * 60
    assert not minutes.key("lilas2", MONDAY).startswith(minutes.prefix(LILAS))


@given(st.lists(frames(), min_size=1, max_size=20))
def test_a_community_comes_back_from_its_bytes(sent: list) -> None:  # type: ignore[type-arg]
    windows = Windows(POLICY, read=lambda *_: None)
    windows.fold(placed(sent), now=1e12, clock=0.0)

    for community in windows.communities.values():
        again = communities.decode(communities.encode(community))
        assert again.meters == community.meters
        assert again.settled_before == community.settled_before
        assert again.kept_from == community.kept_from
        assert again.newest == community.newest


def test_a_record_of_an_unknown_schema_is_refused_by_its_number() -> None:
    with pytest.raises(SchemaError, match="schema 9 is unknown here, known are 1 to 2"):
        minutes.decode(b"\x09" + bytes(40))
    with pytest.raises(SchemaError, match="schema 9 is unknown here, known is 1"):
        communities.decode(b'{"schema": 9}')
