"""The evaluator's history: quarter-hours from minutes, whatever comes twice, late or anew."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.production_history import DAYS, History, Load, Quarter

NOON = 1_767_268_800
QUARTER_S = 900


def a_history(**minutes: int) -> History:
    history = History(retention_s=7_200)
    for name, watts in minutes.items():
        history.take(NOON + 60 * int(name.removeprefix("m")), Load(1, watts, 0))
    return history


def test_a_quarter_hour_is_the_mean_of_its_known_minutes() -> None:
    history = a_history(m0=100, m1=200, m14=600)

    assert history.net_w(NOON + QUARTER_S).tolist() == [300]


def test_a_minute_that_is_told_anew_replaces_what_it_was() -> None:
    history = a_history(m0=100, m1=200)

    changes = history.take(NOON, Load(2, 400, 0))

    assert history.net_w(NOON + QUARTER_S).tolist() == [300]
    assert changes.quarters[NOON] is not None
    assert history.take(NOON, Load(1, 0, 0)).minutes == {}


def test_a_quarter_hour_without_a_minute_is_not_known() -> None:
    history = a_history(m0=100, m30=300)

    first, gap, last = history.net_w(NOON + 3 * QUARTER_S)

    assert (first, last) == (100, 300)
    assert math.isnan(gap)


def test_the_quarter_hour_that_is_asked_for_is_not_in_its_own_past() -> None:
    assert a_history(m0=100).net_w(NOON).tolist() == []


def test_minutes_go_after_hours_and_quarter_hours_after_weeks() -> None:
    history = a_history(m0=100)

    changes = history.take(NOON + (DAYS + 1) * 86_400, Load(1, 5, 0))

    assert changes.minutes[NOON] is None
    assert changes.quarters[NOON] is None
    assert history.take(NOON, Load(9, 1, 0)).minutes == {}


said = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 4), st.integers(-1_000, 1_000)), max_size=40
)


@given(said)
def test_what_is_remembered_makes_the_same_history_and_repetitions_nothing(
    minutes: list[tuple[int, int, int]],
) -> None:
    # One version of a minute has one content.
    minutes = list(
        {(place, version): (place, version, net) for place, version, net in minutes}.values()
    )
    history = History(retention_s=7_200)
    kept: dict[int, Load] = {}
    quarters: dict[int, Quarter] = {}
    for place, version, net in minutes:
        changes = history.take(NOON + 60 * place, Load(version, net, 0))
        kept |= {at: load for at, load in changes.minutes.items() if load is not None}
        kept = {at: load for at, load in kept.items() if changes.minutes.get(at, load) is not None}
        quarters |= {at: one for at, one in changes.quarters.items() if one is not None}

    again = History(retention_s=7_200, minutes=kept.items(), quarters=quarters.items())
    end = NOON + 60 * 240

    np.testing.assert_array_equal(again.net_w(end), history.net_w(end))
    for place, version, net in minutes:
        assert again.take(NOON + 60 * place, Load(version, net, 0)).minutes == {}
