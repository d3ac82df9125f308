"""What a community would have drawn: lately, and at the same time yesterday."""

from streams.domain.regulation_foresight import Demand
from tests.builders import MINUTE_S, NOON, QUARTER_S


def told(*watts: int, start: int = NOON, recent: int = 2) -> Demand:
    demand = Demand()
    for number, each in enumerate(watts):
        demand = demand.with_minute(start + number * MINUTE_S, each, recent=recent)
    return demand


def test_the_recent_level_is_the_mean_of_the_last_minutes() -> None:
    assert told(90_000, 96_000, 99_000).recent_w == 97_500


def test_it_does_not_reach_back_into_another_quarter_hour() -> None:
    before = told(*[70_000] * 15)

    after = before.with_minute(NOON + QUARTER_S, 88_000, recent=2)

    assert after.recent_w == 88_000


def test_of_what_nobody_told_nothing_is_recent() -> None:
    assert Demand().recent_w == 0
    assert Demand().step_w(NOON) == 0


def test_a_step_of_yesterday_is_expected_at_the_end_of_the_minute_before_it() -> None:
    yesterday = told(*[70_000] * 15, *[88_000] * 16, start=NOON - 86_400)

    assert yesterday.step_w(NOON + QUARTER_S - MINUTE_S) == 18_000
    assert yesterday.step_w(NOON + QUARTER_S - 2 * MINUTE_S) == 0
