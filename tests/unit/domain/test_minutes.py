import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.channels import MISSING
from streams.domain.minutes import Effect, Minute, absorb

ONE_CHANNEL, TWO_CHANNELS = 0b1, 0b11


def a_minute(*values: int, sequence: int = 1, place: int = 0) -> Minute:
    return Minute(ONE_CHANNEL, np.array([values]), ((sequence, place),), place + 1)


def test_a_higher_sequence_replaces_and_raises_the_version() -> None:
    minute = a_minute(5, 6)

    effect = absorb(minute, ONE_CHANNEL, np.array([[7, MISSING]]), (2, 9), place=9)

    assert effect is Effect.CORRECTED
    assert minute.cells.tolist() == [[7, 6]]
    assert minute.version == 10


def test_a_lower_sequence_only_fills_what_is_missing() -> None:
    minute = a_minute(5, MISSING)

    effect = absorb(minute, ONE_CHANNEL, np.array([[7, 8]]), (0, 9), place=9)

    assert effect is Effect.ADDED
    assert minute.cells.tolist() == [[5, 8]]


def test_the_same_values_known_by_a_later_sequence_keep_the_version() -> None:
    minute = a_minute(5, 6)

    effect = absorb(minute, ONE_CHANNEL, np.array([[5, 6]]), (4, 9), place=9)

    assert effect is Effect.RANK
    assert minute.version == 1
    assert absorb(minute, ONE_CHANNEL, np.array([[7, 7]]), (3, 10), place=10) is Effect.NOTHING


def test_a_frame_may_bring_channels_and_meters_that_were_not_there() -> None:
    minute = a_minute(5)

    absorb(minute, TWO_CHANNELS, np.array([[MISSING, 2], [3, 4]]), (1, 1), place=1)

    assert minute.mask == TWO_CHANNELS
    assert minute.cells.tolist() == [[5, 2], [3, 4]]


def test_a_resend_says_nothing_new_beside_values_of_other_sequences() -> None:
    minute = a_minute(MISSING, 1, sequence=1, place=9)
    absorb(minute, ONE_CHANNEL, np.array([[0, MISSING]]), (0, 11), place=11)

    effect = absorb(minute, ONE_CHANNEL, np.array([[MISSING, 1]]), (1, 10), place=10)

    assert effect is Effect.NOTHING
    assert minute.ranks == ((1, 9), (0, 11))


_RANKED = st.tuples(st.integers(-1, 3), st.lists(st.integers(-1, 2), min_size=3, max_size=3))


@given(st.lists(_RANKED, min_size=1, max_size=12))
def test_every_cell_ends_with_the_value_of_the_highest_rank(
    frames: list[tuple[int, list[int]]],
) -> None:
    (sequence, values), *others = frames
    minute = a_minute(*values, sequence=sequence)

    for place, (further, more) in enumerate(others, start=1):
        absorb(minute, ONE_CHANNEL, np.array([more]), (further, place), place=place)

    for meter in range(3):
        ranked = [
            ((number, place), cells[meter])
            for place, (number, cells) in enumerate(frames)
            if cells[meter] != MISSING
        ]
        assert minute.cells[0, meter] == (max(ranked)[1] if ranked else MISSING)
