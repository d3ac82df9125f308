"""Shedding and giving back, rule by rule."""

from dataclasses import replace
from datetime import time
from itertools import pairwise

import pytest

from schemas.regulation import AckOutcome, Level, SwitchReason, SwitchState
from streams.domain.regulation import Flexible, PolicyError, Registered, jain
from streams.domain.regulation_communities import Step
from streams.domain.regulation_hours import OffPeak, is_on
from streams.domain.regulation_inputs import ClosedPeriod
from streams.domain.regulation_orders import violations
from streams.policies import regulation_policy
from streams.settings import ConfigurationError, Settings
from tests.builders import MINUTE_S
from tests.unit.domain.regulating import (
    BELOW,
    EMERGENCY,
    GRID,
    HEATER_W,
    HIGH,
    LIMIT_W,
    METERS,
    OVER,
    POLICY,
    Played,
    a_choice,
    a_deficit,
    a_minute,
    an_answer,
    at,
    quarters,
    with_calm,
)

TWO = Registered(LIMIT_W, "UTC", {meter: GRID.flexible[meter] for meter in METERS[:2]}, {})


def test_a_single_minute_above_the_threshold_sheds_nothing() -> None:
    played = Played()

    step = played.minute(1, HIGH)

    assert not step.directives
    assert played.off(2) == set()


def test_two_minutes_above_it_shed_down_to_the_target_in_one_step() -> None:
    played = Played()
    played.minute(1, HIGH)

    step = played.minute(2, HIGH)

    # 97 kW down to 90 kW takes 4 of 2 kW.
    assert len(step.directives) == 4
    assert {one.state for one in step.directives} == {SwitchState.OFF}
    assert {one.reason for one in step.directives} == {SwitchReason.CONNECTION_LIMIT}
    assert all(one.valid_from == at(3) for one in step.directives)


def test_what_has_to_go_is_what_the_last_minutes_had_too_much_on_average() -> None:
    played = Played()
    played.minute(1, 96_000)

    step = played.minute(2, 99_000)

    # 97.5 kW down to 90 kW takes 4 of 2 kW; the last minute alone would have taken 5.
    assert len(step.directives) == 4


def test_a_minute_in_between_that_is_low_enough_begins_the_count_anew() -> None:
    played = Played()

    steps = [played.minute(number, load) for number, load in enumerate((HIGH, BELOW, HIGH), 1)]

    assert not any(step.directives for step in steps)


def test_above_the_limit_itself_one_minute_is_enough() -> None:
    step = Played().minute(1, OVER)

    assert len(step.directives) == 7  # 103 kW to 90 kW by 2 kW each


def test_the_least_recently_shed_go_first_and_of_those_who_give_most() -> None:
    used = {meter: 1_000 + 10 * place for place, meter in enumerate(METERS)}
    played = Played(used_w=used)

    first = {one.meter_id for one in played.minute(1, OVER).directives}

    assert first == set(METERS[-len(first) :])


def test_who_was_shed_waits_until_everybody_else_was() -> None:
    played = Played()
    first = {one.meter_id for one in played.minute(1, OVER).directives}
    for number in range(2, 62):
        played.minute(number, 60_000)
    assert played.off(62) == set()
    played.tell(*_later_quarters(), now=at(62))

    second = {one.meter_id for one in played.minute(62, OVER).directives}

    assert second
    assert not first & second


def test_what_was_ordered_a_minute_ago_is_not_ordered_again() -> None:
    played = Played()
    played.minute(1, OVER)

    step = played.minute(2, OVER)  # It is not in the reading yet.

    assert not step.directives


def test_it_comes_back_once_it_fits_and_not_before_the_least_time_off() -> None:
    played = Played()
    played.minute(1, OVER)

    for number in range(2, 16):
        assert not played.minute(number, 60_000).directives
    back = played.minute(16, 60_000).directives

    assert len(back) == 7
    assert {one.state for one in back} == {SwitchState.AUTO}
    assert {one.reason for one in back} == {SwitchReason.RELIEVED}


def test_only_as_many_come_back_as_fit() -> None:
    played = Played()
    played.minute(1, OVER)
    for number in range(2, 15):
        played.minute(number, HIGH - 5_000)
    played.minute(15, 80_000)

    # One of the others has to come back within the quarter-hour: 80 kW, 2 kW of it, 2 kW more.
    back = played.minute(16, 80_000).directives

    assert [one.state for one in back if one.version == 1] == [SwitchState.AUTO]


def test_each_comes_back_at_its_own_time_within_the_delay() -> None:
    played = Played()
    played.minute(1, OVER)
    for number in range(2, 16):
        played.minute(number, 60_000)

    back = played.minute(16, 60_000).directives

    times = {one.valid_from for one in back}
    assert len(times) > 1
    assert all(at(17) <= moment <= at(17) + POLICY.restore_delay_s for moment in times)


def test_in_calm_it_stays_off_for_longer_although_it_would_fit() -> None:
    played = Played(with_calm(3_600))
    played.minute(1, OVER)

    said = [one for number in range(2, 61) for one in played.minute(number, 60_000).directives]

    assert {one.state for one in said} <= {SwitchState.OFF}
    assert {one.state for one in played.minute(62, 60_000).directives} == {SwitchState.AUTO}


def test_nobody_is_off_for_longer_than_the_longest_however_high_the_load() -> None:
    played = Played()
    for number in range(1, 300):
        played.minute(number, HIGH)

        for switch in played.regulation.switches.get("c1", {}).values():
            assert switch.back_at - switch.off_at <= POLICY.max_off_s


def test_those_that_went_together_come_back_one_by_one() -> None:
    played = Played()
    went = {one.meter_id for one in played.minute(1, OVER).directives}
    for number in range(2, 240):
        played.minute(number, 93_000)

    switches = played.regulation.switches["c1"]
    back = sorted(switches[meter].back_at for meter in went)
    assert back[-1] - back[0] > 10 * MINUTE_S


def test_what_returned_is_left_alone_for_the_least_time_on() -> None:
    few = Registered(LIMIT_W, "UTC", {"m00": GRID.flexible["m00"]}, {})
    played = Played(grid=few)
    played.minute(1, OVER)
    for number in range(2, 17):
        played.minute(number, 60_000)
    back_at = played.regulation.switches["c1"]["m00"].back_at
    played.tell(*_later_quarters(), now=at(17))

    number = next(n for n in range(18, 60) if played.minute(n, HIGH).directives)

    assert at(number + 1) >= back_at + POLICY.min_on_s


def test_an_emergency_asks_nobody_how_long_it_has_been_on() -> None:
    few = Registered(LIMIT_W, "UTC", {"m00": GRID.flexible["m00"]}, {})
    played = Played(grid=few)
    played.minute(1, OVER)
    for number in range(2, 17):
        played.minute(number, 60_000)
    back_at = played.regulation.switches["c1"]["m00"].back_at
    played.tell(*_later_quarters(), now=at(17))
    number = -(-(back_at - at(0)) // MINUTE_S)

    step = played.minute(number, EMERGENCY)

    assert [(one.state, one.level) for one in step.directives] == [
        (SwitchState.OFF, Level.EMERGENCY)
    ]


def test_but_nobody_is_off_for_longer_than_the_longest_in_two_goes() -> None:
    few = Registered(LIMIT_W, "UTC", {"m00": GRID.flexible["m00"]}, {})
    played = Played(grid=few)
    spans: dict[int, int] = {}
    for number in range(1, 400):
        played.minute(number, EMERGENCY)
        for switch in played.regulation.switches.get("c1", {}).values():
            spans[switch.off_at] = switch.back_at

    together_s = 0
    for (off_at, back_at), (again_at, until) in pairwise(sorted(spans.items())):
        is_rested = again_at - back_at >= POLICY.min_on_s
        together_s = 0 if is_rested else together_s + back_at - off_at
        assert together_s + until - again_at <= POLICY.max_off_s
    assert len(spans) > 3


def test_who_was_off_longest_in_all_comes_back_first() -> None:
    played = Played(grid=TWO)
    played.minute(1, 91_000, a_deficit(2_000, until=12))
    first = played.off(2)
    for number in range(2, 60):
        played.minute(number, 60_000)
    played.tell(*_later_quarters(), now=at(60))
    both = played.minute(60, 105_000).directives
    assert len(both) == 2
    for number in range(61, 75):
        played.minute(number, 83_500)

    back = played.minute(75, 82_500).directives

    assert [one.meter_id for one in back if one.state is SwitchState.AUTO] == sorted(first)


def test_nobody_is_left_with_less_than_the_guaranteed_minimum() -> None:
    small = dict.fromkeys(METERS, Flexible(HEATER_W, 6_000))
    played = Played(grid=Registered(LIMIT_W, "UTC", small, {}))

    step = played.minute(1, EMERGENCY)

    assert not step.directives
    assert step.told[0].meters_flexible == 0


def test_a_silent_meter_counts_at_its_last_good_upper_bound() -> None:
    played = Played(used_w={**dict.fromkeys(METERS, HEATER_W), "m03": 9_000})

    step = played.minute(1, BELOW, missing=["m03"])

    assert step.told[0].silent_w == 9_000
    assert step.told[0].load_w == BELOW + 9_000


def test_a_meter_of_which_nothing_is_known_counts_at_the_guaranteed_minimum() -> None:
    step = Played(used_w={}).minute(1, BELOW, missing=["m03"])

    assert step.told[0].silent_w == POLICY.guaranteed_w


def test_what_a_customer_wants_on_is_not_shed() -> None:
    played = Played()
    wanted = [a_choice(meter, SwitchState.ON) for meter in METERS[:15]]
    played.tell(*wanted, now=at(1))

    step = played.minute(1, OVER)

    assert {one.meter_id for one in step.directives} == set(METERS[15:])


def test_but_in_an_emergency_it_is() -> None:
    played = Played()
    wanted = [a_choice(meter, SwitchState.ON) for meter in METERS]
    played.tell(*wanted, now=at(1))

    step = played.minute(1, EMERGENCY)

    assert {one.level for one in step.directives} == {Level.EMERGENCY}


def test_who_chooses_on_while_off_comes_back_at_once() -> None:
    played = Played()
    meter = played.minute(1, OVER).directives[0].meter_id

    step = played.minute(2, 92_000, a_choice(meter, SwitchState.ON))

    assert [(one.meter_id, one.state, one.reason) for one in step.directives] == [
        (meter, SwitchState.AUTO, SwitchReason.CUSTOMER_CHOICE)
    ]
    assert meter not in played.off(3)


def test_what_a_customer_has_off_gives_nothing_more() -> None:
    played = Played()
    played.tell(*[a_choice(meter, SwitchState.OFF) for meter in METERS], now=at(1))

    assert not played.minute(1, EMERGENCY).directives


def test_a_directive_that_nobody_acknowledged_is_sent_again_and_says_the_same() -> None:
    played = Played(answers=False)
    first = played.minute(1, OVER).directives
    assert not played.minute(2, 92_000).directives

    again = played.minute(3, 92_000).directives

    assert {one.directive_id for one in again} == {one.directive_id for one in first}
    assert {one.version for one in again} == {2}


def test_what_is_refused_counts_as_drawn_and_is_not_asked_again_for_its_time() -> None:
    played = Played(answers=False)
    asked = played.minute(1, OVER).directives
    refused = [an_answer(one.directive_id, one.meter_id, AckOutcome.REFUSED) for one in asked]

    step = played.minute(2, OVER, *refused)

    others = {one.meter_id for one in step.directives}
    assert others
    assert not others & {one.meter_id for one in asked}


def test_a_directive_is_renewed_before_it_expires() -> None:
    played = Played(with_calm(3_600))
    first = played.minute(1, OVER).directives[0]

    renewed = [
        one
        for number in range(2, 40)
        for one in played.minute(number, 92_000).directives
        if one.directive_id == first.directive_id
    ]

    assert renewed[0].version == 2
    assert renewed[0].valid_until > first.valid_until
    assert renewed[0].model_copy(update={"version": 1, "valid_until": first.valid_until}) == first


def test_who_refuses_what_was_said_again_and_obeys_the_first_time_after_all_is_off() -> None:
    played = Played(answers=False)
    first = played.minute(1, OVER).directives[0]
    again = next(one for one in played.minute(3, 92_000).directives if one.meter_id == "m00")
    name, meter = first.directive_id, first.meter_id
    assert (again.directive_id, again.version) == (name, 2)

    played.minute(4, 92_000, an_answer(name, meter, AckOutcome.REFUSED, minute=4))
    assert meter not in played.off(5)
    played.minute(5, 92_000, an_answer(name, meter, minute=5))

    assert meter in played.off(6)
    assert played.regulation.switches["c1"][meter].relief_w == HEATER_W


def test_a_renewal_that_is_refused_is_asked_again_while_what_was_obeyed_before_holds() -> None:
    played = Played(with_calm(3_600), answers=False)
    first = played.minute(1, OVER).directives[0]
    name, meter = first.directive_id, first.meter_id
    played.minute(2, 92_000, an_answer(name, meter, minute=2))
    renewed_in = next(n for n in range(3, 40) if _versions(played.minute(n, 92_000), name))

    refused = an_answer(name, meter, AckOutcome.REFUSED, minute=renewed_in + 1)
    again = played.minute(renewed_in + 1, 92_000, refused)

    assert _versions(again, name) == [3]
    assert meter in played.off((first.valid_until - at(0)) // MINUTE_S)


def test_a_renewal_that_is_refused_to_the_end_ends_with_what_was_obeyed_before() -> None:
    played = Played(with_calm(3_600), answers=False)
    first = played.minute(1, OVER).directives[0]
    until = (first.valid_until - at(0)) // MINUTE_S
    outcomes = [AckOutcome.OBEYED] + [AckOutcome.REFUSED] * until

    for number, outcome in enumerate(outcomes, 2):
        said = an_answer(first.directive_id, first.meter_id, outcome, minute=number)
        played.minute(number, 92_000, said)

    switch = played.regulation.switches["c1"][first.meter_id]
    assert switch.directive.version > 1
    assert (switch.off_at, switch.back_at) == (first.valid_from, first.valid_until)


def test_who_obeyed_late_is_off_from_then_on_for_the_least_time() -> None:
    played = Played(answers=False)
    late = played.minute(1, OVER).directives[0]
    played.minute(5, 60_000, an_answer(late.directive_id, late.meter_id, minute=5))

    for number in range(6, 19):
        played.minute(number, 60_000)
    assert played.off(19) >= {late.meter_id}
    back = played.minute(19, 60_000).directives

    assert late.meter_id in {one.meter_id for one in back if one.state is SwitchState.AUTO}


def test_inputs_that_are_too_old_give_everything_back() -> None:
    played = Played()
    off = {one.meter_id for one in played.minute(1, OVER).directives}

    step = played.tell(now=at(2) + POLICY.stale_after_s + 1)

    assert step.let_go == ["c1"]
    assert {one.meter_id for one in step.directives} == off
    assert {one.reason for one in step.directives} == {SwitchReason.INPUTS_STALE}
    assert not played.off(12)


def test_who_is_given_back_long_after_comes_back_one_after_the_other_all_the_same() -> None:
    played = Played()
    off = {one.meter_id for one in played.minute(1, OVER).directives}
    played.answers = False

    step = played.tell(now=at(14))

    assert {one.meter_id for one in step.directives} == off
    assert min(one.valid_from for one in step.directives) >= at(14)
    assert len({one.valid_from for one in step.directives}) > 1


def test_what_waits_to_be_read_is_not_silent_though_the_worker_was_away_for_long() -> None:
    played = Played()
    off = {one.meter_id for one in played.minute(1, OVER).directives}
    played.restart(now=at(14))

    woken = played.tell(now=at(14))
    age_s = played.regulation.age_s(now=at(15))
    played.tell(*(a_minute(number, 93_000) for number in range(2, 14)), now=at(14))

    assert woken.let_go == []
    assert age_s == MINUTE_S
    assert played.off(14) == off


def test_who_tells_nothing_after_a_restart_either_is_let_go() -> None:
    played = Played()
    played.minute(1, OVER)
    played.restart(now=at(14))

    step = played.tell(now=at(14) + POLICY.stale_after_s + 1)

    assert step.let_go == ["c1"]


def test_it_begins_to_steer_again_by_itself() -> None:
    played = Played()
    played.minute(1, OVER)
    played.tell(now=at(2) + POLICY.stale_after_s + 1)

    step = played.minute(20, OVER)

    assert step.resumed == ["c1"]
    assert step.directives


def test_a_minute_that_is_read_too_late_steers_nothing() -> None:
    played = Played()

    step = played.tell(a_minute(1, EMERGENCY), now=at(2) + POLICY.stale_after_s + 1)

    assert step.too_old == 1
    assert not step.directives


def test_outside_off_peak_hours_auto_is_off_and_gives_nothing() -> None:
    policy = replace(POLICY, off_peak=OffPeak(time(22), time(6)))

    step = Played(policy).minute(1, EMERGENCY)

    assert not step.directives


@pytest.mark.parametrize(
    ("ordered", "level", "choice", "expected"),
    [
        (SwitchState.AUTO, Level.NORMAL, SwitchState.AUTO, True),
        (SwitchState.OFF, Level.NORMAL, SwitchState.AUTO, False),
        (SwitchState.OFF, Level.NORMAL, SwitchState.ON, True),
        (SwitchState.OFF, Level.EMERGENCY, SwitchState.ON, False),
        (SwitchState.AUTO, Level.NORMAL, SwitchState.OFF, False),
    ],
)
def test_a_switch_follows_an_emergency_then_its_customer_then_the_order(
    ordered: SwitchState, level: Level, choice: SwitchState, *, expected: bool
) -> None:
    assert is_on(ordered, level, choice=choice) is expected


def test_yesterday_s_step_is_shed_before_it_comes() -> None:
    played = Played()
    # From a quarter past eleven to noon of yesterday; it rose at half past.
    for number in range(-1_485, -1_440):
        played.minute(number, 70_000 if number < -1_470 else 88_000)
    played.tell(*quarters(version=0), now=at(-31))
    assert not played.minute(-32, 84_000).directives

    step = played.minute(-31, 84_000)

    # 84 kW and a step of 18 kW are 2 kW above the limit; the rest of it is not here yet.
    assert [one.reason for one in step.directives] == [SwitchReason.CONNECTION_LIMIT]


def test_jain_s_index_is_one_over_n_when_one_has_it_all() -> None:
    assert jain([30, 0, 0, 0]) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"restore_below_percent": 90}, "restore_below_percent=90"),
        ({"emergency_percent": 99}, "emergency_percent=99"),
        ({"max_off_s": 600}, "max_off_s=600"),
        ({"validity_s": 900}, "validity_s=900"),
        ({"stale_after_s": 30}, "stale_after_s=30"),
        ({"over_minutes": 0}, "over_minutes=0"),
        ({"restore_delay_s": 90}, "restore_delay_s=90"),
        ({"idle_percent": 101}, "idle_percent=101"),
    ],
)
def test_a_policy_that_contradicts_itself_can_t_be_built(
    changed: dict[str, int], named: str
) -> None:
    with pytest.raises(PolicyError, match=named):
        replace(POLICY, **changed)  # type: ignore[arg-type] # all of them are numbers


@pytest.mark.parametrize(
    ("flexible", "named"),
    [
        (None, "nothing of the household is registered"),
        (Flexible(HEATER_W, 6_000), "it leaves 4000 W"),
    ],
)
def test_what_would_break_the_guaranteed_minimum_is_found_at_run_time(
    flexible: Flexible | None, named: str
) -> None:
    directive = Played().minute(1, OVER).directives[0]

    assert not list(violations(directive, GRID.flexible["m00"], policy=POLICY))
    assert any(named in wrong for wrong in violations(directive, flexible, policy=POLICY))


def test_settings_that_contradict_each_other_stop_the_start_with_both_numbers() -> None:
    settings = Settings(regulation_shed_to_percent=96)

    with pytest.raises(ConfigurationError, match=r"shed_to_percent=96, shed_above_percent=95"):
        regulation_policy(settings)


def test_the_settings_defaults_are_a_policy() -> None:
    assert regulation_policy(Settings()).guaranteed_w == POLICY.guaranteed_w


def _later_quarters() -> list[ClosedPeriod]:
    return quarters(version=2)


def _versions(step: Step, directive_id: str) -> list[int]:
    return [one.version for one in step.directives if one.directive_id == directive_id]
