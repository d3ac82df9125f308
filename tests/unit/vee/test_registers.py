import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.channels import MISSING
from streams.domain.registers import STATE, Followed, State, Step, follow, unknown
from tests.unit.vee.meters import NOON, REGISTER_MAXIMUM, column

CAP = 100
GLITCH_READINGS = 3


def followed(*readings: int, state: State | None = None, first_minute: int = NOON) -> Followed:
    return follow(
        column(*readings),
        first_minute,
        unknown(1) if state is None else state,
        minute_caps=np.array([CAP]),
        maximum=np.array([REGISTER_MAXIMUM]),
        glitch_readings=GLITCH_READINGS,
    )


def steps(result: Followed) -> list[Step]:
    return [Step(step) for step in result.steps[:, 0]]


def totals(result: Followed) -> list[int]:
    return [int(total) for total in result.totals[:, 0]]


def test_a_register_that_goes_on_is_taken_as_it_is() -> None:
    result = followed(1_000, 1_050, 1_050, 1_150)

    assert steps(result) == [Step.ADVANCE] * 4
    assert totals(result) == [1_000, 1_050, 1_050, 1_150]


def test_a_register_that_begins_again_at_0_goes_on() -> None:
    result = followed(REGISTER_MAXIMUM - 20, 30, 80)

    assert steps(result) == [Step.ADVANCE, Step.ROLLOVER, Step.ADVANCE]
    assert totals(result) == [REGISTER_MAXIMUM - 20, REGISTER_MAXIMUM + 30, REGISTER_MAXIMUM + 80]


def test_a_rollover_in_an_outage_is_a_rollover() -> None:
    result = followed(REGISTER_MAXIMUM - 20, MISSING, MISSING, 200)

    assert steps(result)[-1] is Step.ROLLOVER


def test_a_register_that_falls_for_up_to_three_readings_has_a_glitch() -> None:
    result = followed(1_000, 0, 1, 2, 1_100)

    assert steps(result) == [Step.ADVANCE, *[Step.GLITCH] * 3, Step.ADVANCE]
    assert totals(result) == [1_000, MISSING, MISSING, MISSING, 1_100]


def test_a_register_that_leaps_and_comes_back_has_a_glitch() -> None:
    assert steps(followed(1_000, 9_000_000, 1_050)) == [Step.ADVANCE, Step.GLITCH, Step.ADVANCE]


def test_a_register_that_stays_low_was_reset_where_it_fell() -> None:
    result = followed(1_000, 0, 50, 60, 70, 80)

    assert steps(result) == [Step.ADVANCE, Step.RESET, *[Step.ADVANCE] * 4]
    assert totals(result) == [1_000, 0, 50, 60, 70, 80]


def test_a_glitch_of_random_readings_is_no_reset() -> None:
    result = followed(1_000, 500, 30, 700, 2, 1_200)

    assert steps(result)[-1] is Step.ADVANCE
    assert steps(result)[1:-1] == [Step.GLITCH] * 4


def test_a_register_that_covers_an_outage_tells_its_energy() -> None:
    result = followed(1_000, MISSING, MISSING, 1_250)

    assert totals(result)[-1] - totals(result)[0] == 250


def test_more_than_the_connection_can_give_is_held_back() -> None:
    assert steps(followed(1_000, 1_000 + CAP + 1))[-1] is Step.GLITCH


def test_a_reset_is_known_though_its_readings_come_in_two_batches() -> None:
    first = followed(1_000, 0, 50)
    second = followed(60, 70, 80, state=first.state, first_minute=NOON + 180)

    assert steps(first)[1:] == [Step.GLITCH] * 2
    assert Step.RESET in steps(second)
    assert totals(second)[-1] == 80


register = st.lists(
    st.one_of(st.just(MISSING), st.integers(0, 400), st.just(REGISTER_MAXIMUM - 5)), max_size=30
)


@given(readings=register, cut=st.integers(0, 30))
def test_state_and_the_last_total_do_not_depend_on_how_minutes_are_batched(
    readings: list[int], cut: int
) -> None:
    whole = followed(*readings)
    cut = min(cut, len(readings))
    before = followed(*readings[:cut])
    after = followed(*readings[cut:], state=before.state, first_minute=NOON + cut * 60)

    assert whole.state.tobytes() == after.state.tobytes()


@given(st.lists(st.integers(0, CAP), min_size=1, max_size=50), st.integers(0, REGISTER_MAXIMUM - 1))
def test_what_went_on_is_the_sum_of_the_advances_over_any_rollover(
    advances: list[int], begin: int
) -> None:
    counted: npt.NDArray[np.int64] = begin + np.cumsum([0, *advances])

    result = followed(*(counted % REGISTER_MAXIMUM).tolist())

    assert totals(result)[-1] - totals(result)[0] == sum(advances)


def test_the_state_is_33_bytes_and_comes_back_from_them() -> None:
    state = followed(1_000, 1_050).state

    assert STATE.itemsize == 33
    assert np.frombuffer(state.tobytes(), STATE) == state
