"""What is refused, or failed by validation, again and again: which tickets that opens."""

import pytest

from schemas.malfunction import MalfunctionKind, TicketAction, TicketEvent
from streams.domain.malfunction_tickets import Command
from tests.builders import DAY_S, MINUTE_S
from tests.unit.domain.watching import (
    METERS,
    Watching,
    a_minute,
    a_refusal,
    a_verdict,
    at,
)

OPENED, ASSIGNED, REMINDED, CLEARED, REOPENED, RESOLVED = TicketEvent
METER, TERMINAL, INCONSISTENT, STUCK, CLOCK = MalfunctionKind


def test_who_is_refused_sends_though_the_refusal_was_known_hours_before_the_minute() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    watching.give(a_refusal(200), now=at(201))

    # Frames of two minutes were lost, and those before came long after what was refused.
    watching.minutes(10, 197)
    watching.minutes(200, 200, missing=["m1"])
    watching.minutes(201, 210)

    assert watching.events == []


def test_what_is_refused_counts_though_it_is_read_before_the_first_minute() -> None:
    in_step, ahead = Watching(), Watching()
    stretch = range(30, 75)
    minutes = [a_minute(minute, ["m1"] if minute in stretch else []) for minute in range(90)]
    refusals = {minute: a_refusal(minute) for minute in stretch}

    for number, minute in enumerate(minutes):
        told = [minute, refusals[number]] if number in stretch else [minute]
        in_step.give(*told, now=at(number + 1))
    ahead.give(*refusals.values(), now=at(90))
    ahead.give(*minutes, now=at(90))
    ahead.prove(now=at(90))

    assert in_step.events == [(OPENED, INCONSISTENT, ("m1",)), (CLEARED, INCONSISTENT, ("m1",))]
    assert ahead.told == in_step.told
    assert (ahead.told[0].since, ahead.told[0].at) == (at(30), at(35))


def test_who_is_refused_now_and_then_sends_though_all_of_that_was_known_a_day_before() -> None:
    watching = Watching()
    watching.minutes(0, 19)
    refused = range(20, DAY_S // MINUTE_S, 20)

    watching.give(*(a_refusal(minute) for minute in refused), now=at(refused[-1]))
    for minute in refused:
        watching.minutes(minute, minute + 2, missing=["m1"])
        watching.minutes(minute + 3, minute + 19)

    assert watching.events == []


def test_what_validation_fails_counts_though_it_is_read_before_the_first_minute() -> None:
    watching = Watching()

    watching.give(a_verdict(range(3, 8), place=1), now=at(18))
    before = list(watching.events)
    watching.minutes(0, 17)

    assert before == []
    assert watching.events == [(OPENED, INCONSISTENT, ("m1",))]


def test_who_was_refused_is_not_silent_after_its_ticket_was_resolved_by_hand() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    watching.give(*(a_refusal(minute) for minute in range(10, 20)), now=at(20))
    ticket = watching.told[0].ticket_id
    order = Command("c1", ticket, TicketAction.RESOLVE, None, "alice", "meter replaced", 0)

    watching.give(order, now=at(20))
    watching.minutes(10, 19, missing=["m1"])
    watching.minutes(20, 30)

    assert [event for event, *_ in watching.events] == [OPENED, RESOLVED]


def test_five_minutes_refused_by_a_rule_are_an_inconsistency_and_four_are_not() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    for minute in range(10, 50, 10):
        watching.give(a_refusal(minute), now=at(minute + 1))
    after_four = list(watching.events)
    watching.give(a_refusal(50), now=at(51))

    assert after_four == []
    assert watching.events == [(OPENED, INCONSISTENT, ("m1",))]
    assert watching.told[0].rule == "negative_energy"
    assert watching.told[0].since == at(10)


def test_failures_that_are_spread_over_more_than_an_hour_are_none() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    for minute in range(10, 200, 16):
        watching.give(a_refusal(minute), now=at(minute + 1))

    assert watching.events == []


def test_a_frame_that_is_sent_five_times_fails_once() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    for place in range(5):
        watching.give(a_refusal(10, place=place), now=at(11))

    assert watching.events == []


def test_a_meter_whose_readings_are_refused_is_inconsistent_and_not_silent() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    for minute in range(10, 30):
        watching.give(a_refusal(minute), now=at(minute + 1))
        watching.minutes(minute, minute, missing=["m1"])
    watching.minutes(30, 33)

    assert watching.events == [(OPENED, INCONSISTENT, ("m1",)), (CLEARED, INCONSISTENT, ("m1",))]
    assert watching.told[1].at == at(33)


def test_what_was_cleared_and_fails_five_times_anew_is_the_same_ticket_again() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    for start in (10, 30):
        for minute in range(start, start + 5):
            watching.give(a_refusal(minute), now=at(minute + 1))
            watching.minutes(minute, minute, missing=["m1"])
        watching.minutes(start + 5, start + 19)

    assert [event for event, *_ in watching.events] == [OPENED, CLEARED, REOPENED, CLEARED]
    assert len({told.ticket_id for told in watching.told}) == 1
    assert [told.step for told in watching.told] == [1, 2, 3, 4]


def test_readings_that_validation_fails_five_times_are_an_inconsistency() -> None:
    watching = Watching()
    watching.minutes(0, 17)

    watching.give(a_verdict([3, 4, 5, 6], place=1), now=at(18))
    before = list(watching.events)
    watching.give(a_verdict([7], place=2), now=at(18))

    assert before == []
    assert watching.events == [(TicketEvent.OPENED, MalfunctionKind.INCONSISTENT, ("m1",))]
    assert watching.told[0].rule == "swapped_unit"


def test_what_a_late_correction_can_take_back_opens_nothing() -> None:
    watching = Watching()
    watching.minutes(0, 17)

    watching.give(a_verdict(range(3, 15), rule="register_mismatch", place=1), now=at(18))

    assert watching.events == []


def test_a_period_that_is_judged_again_fails_once() -> None:
    watching = Watching()
    watching.minutes(0, 17)

    for place in range(1, 9):
        watching.give(a_verdict([3, 4, 5, 6], place=place), now=at(18))

    assert watching.events == []


def test_what_validation_has_failed_is_good_again_when_the_next_period_was() -> None:
    watching = Watching()
    watching.minutes(0, 17)
    watching.give(a_verdict(range(3, 9), rule="flat_line", place=1), now=at(18))
    watching.minutes(18, 34)
    at_first = list(watching.events)

    watching.give(a_verdict(range(15, 30), rule="flat_line", place=2), now=at(33))
    watching.minutes(35, 49)
    while_it_goes_on = list(watching.events)
    watching.minutes(50, 53)

    stuck = (MalfunctionKind.STUCK_METER, ("m1",))
    assert at_first == while_it_goes_on == [(TicketEvent.OPENED, *stuck)]
    assert watching.events == [(TicketEvent.OPENED, *stuck), (TicketEvent.CLEARED, *stuck)]


def test_verdicts_that_come_again_change_nothing() -> None:
    watching = Watching()
    watching.minutes(0, 17)
    verdict = a_verdict(range(3, 9), place=1)
    watching.give(verdict, now=at(18))
    watching.minutes(18, 40)

    watching.give(verdict, now=at(41))

    assert [event for event, *_ in watching.events] == [TicketEvent.OPENED, TicketEvent.CLEARED]


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("flat_line", STUCK),
        ("minute_in_future", CLOCK),
        ("minute_too_old", CLOCK),
        ("minute_not_aligned", CLOCK),
        ("energy_too_large", INCONSISTENT),
    ],
)
def test_the_kind_follows_from_the_rule(rule: str, kind: MalfunctionKind) -> None:
    watching = Watching()
    watching.minutes(0, 9)

    for minute in range(10, 15):
        watching.give(a_refusal(minute, rule=rule), now=at(minute + 1))

    assert watching.events == [(OPENED, kind, ("m1",))]


def test_refused_frames_and_refused_meters_of_most_are_the_terminal_s_fault() -> None:
    frames, meters = Watching(), Watching()
    for watching in (frames, meters):
        watching.minutes(0, 9)

    for minute in range(10, 15):
        frames.give(a_refusal(minute, (), rule="not_json"), now=at(minute + 1))
        meters.give(a_refusal(minute, METERS[:4]), now=at(minute + 1))

    assert frames.events == meters.events == [(OPENED, INCONSISTENT, ())]


def test_a_terminal_with_a_wrong_clock_is_not_silent_as_well() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    for minute in range(10, 40):
        watching.give(a_refusal(minute, (), rule="minute_in_future"), now=at(minute + 1))
        if watching.watches.asking:
            watching.prove(now=at(minute + 1))
    watching.minutes(40, 45)

    assert watching.events == [(OPENED, CLOCK, ()), (CLEARED, CLOCK, ())]


def test_frames_of_who_is_not_known_open_nothing() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    for minute in range(10, 20):
        strange = a_refusal(minute, (), community="c9", rule="not_json")
        forged = a_refusal(minute, (), rule="key_mismatch")
        watching.give(strange, forged, now=at(minute + 1))

    assert watching.events == []


def test_who_is_only_ever_refused_is_forgotten_when_no_minute_was_told_within_an_hour() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    watching.give(a_refusal(9, (), community="c9", rule="not_json"), now=at(10))

    asked = []
    for minute in range(10, 80):
        watching.give(a_minute(minute), now=at(minute + 1))
        asked.append(set(watching.watches.asking))
    before = set(watching.watches.watches)
    step = watching.prove(now=at(80))

    assert (asked[0], asked[-1]) == (set(), {"c9"})
    assert before == {"c1", "c9"}
    assert set(watching.watches.watches) == {"c1"}
    assert step.watches["c9"] is None
    assert step.unfounded == 0
    assert watching.events == []
