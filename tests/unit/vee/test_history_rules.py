from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.channels import MISSING
from streams.domain.history_rules import FLAT_STATE, HIGH_LOW_STATE, flat_lines, high_low
from streams.domain.spike_rules import PEAKS, State, lone_minutes, spikes
from streams.domain.vee import Rule, Thresholds
from tests.unit.vee.meters import column, told

THRESHOLDS = Thresholds(flat_suspected_minutes=3, flat_minutes=5, high_low_periods=2)
KNOWN, UNCONFIRMED = np.array([True]), np.array([False])
QUARTER_MWH = 250_000
WEEK = 100


def flat(*energies: int) -> tuple[list[bool], list[bool]]:
    flags, _ = flat_lines(column(*energies), np.zeros(1, FLAT_STATE), thresholds=THRESHOLDS)
    return told(flags, Rule.FLAT_SUSPECTED), told(flags, Rule.FLAT_LINE)


def test_a_value_that_stands_is_suspected_and_then_a_failure() -> None:
    suspected, failed = flat(7, 7, 7, 7, 7, 7)

    assert suspected == [False, False, True, True, False, False]
    assert failed == [False, False, False, False, True, True]


def test_nothing_may_stand_for_ever() -> None:
    assert not any(flat(*[0] * 20)[0])


def test_another_value_ends_the_line() -> None:
    assert not any(flat(7, 7, 8, 7, 7, 8)[0])


def test_a_missing_minute_neither_ends_a_line_nor_makes_it_longer() -> None:
    assert flat(7, MISSING, 7, 7)[0] == [False, False, False, True]


@given(st.lists(st.integers(-1, 1), max_size=40), st.integers(0, 40))
def test_a_line_goes_on_over_batches(energies: list[int], cut: int) -> None:
    cut = min(cut, len(energies))
    empty = np.zeros(1, FLAT_STATE)

    whole, end = flat_lines(column(*energies), empty, thresholds=THRESHOLDS)
    first, state = flat_lines(column(*energies[:cut]), empty, thresholds=THRESHOLDS)
    second, state = flat_lines(column(*energies[cut:]), state, thresholds=THRESHOLDS)

    assert np.concatenate([first, second]).tolist() == whole.tolist()
    assert state.tobytes() == end.tobytes()


def peaks(*highest: int) -> State:
    """Peaks of the week before."""
    state = np.zeros(1, PEAKS)
    state["week"] = WEEK
    state["last"] = sorted(highest)
    return state


def is_spike(energy: int, state: State, *, confirmed: bool = False) -> bool:
    found, _ = spikes(
        np.array([energy]), KNOWN, np.array([confirmed]), WEEK, state, thresholds=THRESHOLDS
    )
    return bool(found[0])


def test_a_period_far_above_the_third_highest_is_a_spike() -> None:
    before = peaks(400_000, 500_000, 600_000)

    assert not is_spike(1_120_000, before)
    assert is_spike(1_120_001, before)


def test_what_the_registers_confirm_is_no_spike() -> None:
    assert not is_spike(9_000_000, peaks(1, 2, 3), confirmed=True)


def test_less_than_a_kilowatt_is_no_spike() -> None:
    assert not is_spike(QUARTER_MWH, peaks(1, 2, 3))


def test_nothing_is_a_spike_before_a_week_is_known() -> None:
    assert not is_spike(9_000_000, np.zeros(1, PEAKS))


def test_peaks_are_those_of_this_week_and_the_last() -> None:
    _, state = spikes(
        np.array([9_000_000]), KNOWN, UNCONFIRMED, WEEK + 2, peaks(1, 2, 3), thresholds=THRESHOLDS
    )

    assert state["last"].tolist() == [[0, 0, 0]]
    assert state["these"].tolist() == [[0, 0, 9_000_000]]


def lone(energies: Sequence[int]) -> list[bool]:
    minutes = column(*energies)
    found, _ = lone_minutes(
        minutes,
        np.zeros(minutes.shape, np.bool_),
        WEEK,
        peaks(20_000, 21_000, 22_000),
        thresholds=THRESHOLDS,
    )
    return [bool(is_lone) for is_lone in found[:, 0]]


def test_a_minute_that_stands_out_alone_is_told() -> None:
    assert lone([5_000] * 7 + [90_000] + [5_000] * 7) == [False] * 7 + [True] + [False] * 7


def test_a_load_that_stays_is_no_lone_minute() -> None:
    assert not any(lone([5_000] * 5 + [90_000] * 10))


def test_what_may_be_the_begin_of_a_load_is_not_told() -> None:
    assert not any(lone([5_000] * 14 + [90_000]))


def used(
    told_mwh: Sequence[int], days: Sequence[int] = (900, 1_000, 1_100), *, peak: int = 1_200
) -> list[bool]:
    """Say for each period whether a use is off those days."""
    state, found = np.zeros(1, HIGH_LOW_STATE), []
    for energy in told_mwh:
        is_off, state = high_low(
            np.array([energy]),
            KNOWN,
            column(*days),
            np.array([peak]),
            state,
            thresholds=THRESHOLDS,
        )
        found.append(bool(is_off[0]))
    return found


def test_a_use_far_above_every_day_is_told_after_its_periods() -> None:
    assert used([5_501, 5_501]) == [False, True]
    assert used([5_500, 5_500]) == [False, False]


def test_a_use_far_below_every_day_is_told() -> None:
    assert used([179, 179]) == [False, True]


def test_a_use_below_its_own_peaks_is_not_too_high() -> None:
    assert used([6_000, 6_000], peak=7_000) == [False, False]


def test_too_few_days_say_nothing() -> None:
    assert used([99_999] * 4, (1_000, MISSING, 1_000)) == [False] * 4
