"""Silence, inconsistency and clocks: which tickets open, when, and how they end."""

from dataclasses import replace

import pytest

from schemas.malfunction import MalfunctionKind, TicketAction, TicketEvent, TicketState
from streams.domain.malfunction import PolicyError
from streams.domain.malfunction_communities import Proof, Registered, Watches
from streams.domain.malfunction_tickets import Command, technician_of
from tests.builders import DAY_S, HOUR_S, MINUTE_S
from tests.registered import DAWN, a_technician
from tests.unit.domain.watching import (
    METERS,
    POLICY,
    Watching,
    a_minute,
    a_refusal,
    a_verdict,
    at,
)

OPENED, ASSIGNED, REMINDED, CLEARED, REOPENED, RESOLVED = TicketEvent
METER, TERMINAL, INCONSISTENT, STUCK, CLOCK = MalfunctionKind


def test_a_meter_that_misses_two_minutes_is_not_silent() -> None:
    watching = Watching()

    watching.minutes(0, 9)
    watching.minutes(10, 11, missing=["m1"])
    watching.minutes(12, 20)

    assert watching.events == []


def test_a_meter_that_misses_three_minutes_is_silent_since_the_first() -> None:
    watching = Watching()

    watching.minutes(0, 9)
    watching.minutes(10, 30, missing=["m1"])

    assert watching.events == [(OPENED, METER, ("m1",))]
    (ticket,) = watching.told
    assert (ticket.since, ticket.at) == (at(10), at(13))
    assert (ticket.state, ticket.step, ticket.technician_id) == (TicketState.OPEN, 1, None)


def test_silence_is_not_told_before_it_is_proven() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    for minute in range(10, 20):
        watching.give(a_minute(minute, ["m1"]), now=at(minute + 1))
    before = list(watching.events)
    watching.prove(now=at(20))

    assert before == []
    assert watching.events == [(OPENED, METER, ("m1",))]
    assert watching.told[0].since == at(10)


def test_a_correction_that_comes_before_the_proof_is_all_that_was_wrong() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    for minute in range(10, 13):
        watching.give(a_minute(minute, ["m1"]), now=at(minute + 1))
    asked = Proof(dict(watching.watches.asking))
    for minute in range(10, 13):
        watching.give(a_minute(minute, version=2), now=at(14))

    step = watching.give(now=at(14), proof=asked)

    assert asked.until
    assert watching.events == []
    assert not watching.watches.asking
    assert step.unfounded <= 1


def test_three_good_minutes_clear_and_two_do_not() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    watching.minutes(10, 14, missing=["m1"])

    watching.minutes(15, 16)
    after_two = list(watching.events)
    watching.minutes(17, 17)

    assert after_two == [(OPENED, METER, ("m1",))]
    assert watching.events[1:] == [(CLEARED, METER, ("m1",))]
    assert watching.told[1].state is TicketState.RESOLVED
    assert watching.told[1].step == 2


def test_more_than_half_of_the_meters_are_the_terminal_s_fault() -> None:
    watching = Watching()

    watching.minutes(0, 9)
    watching.minutes(10, 20, missing=METERS[:3])

    assert watching.events == [(OPENED, TERMINAL, ())]


def test_less_than_half_of_the_meters_are_each_their_own_fault() -> None:
    watching = Watching()

    watching.minutes(0, 9)
    watching.minutes(10, 20, missing=METERS[:2])

    assert watching.events == [(OPENED, METER, ("m1",)), (OPENED, METER, ("m2",))]


def test_who_stays_silent_after_the_terminal_is_back_gets_a_ticket_then() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    watching.minutes(10, 20, missing=METERS)

    watching.minutes(21, 25, missing=["m2"])

    assert watching.events == [
        (OPENED, TERMINAL, ()),
        (CLEARED, TERMINAL, ()),
        (OPENED, METER, ("m2",)),
    ]


def test_a_terminal_of_which_nothing_comes_is_silent_after_lateness_and_three_minutes() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    watching.silence(14)
    before = list(watching.events)
    watching.silence(15)
    watching.silence(16)

    assert before == []
    assert watching.events == [(OPENED, TERMINAL, ())]
    assert (watching.told[0].since, watching.told[0].at) == (at(10), at(13))


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


def test_a_silence_that_nothing_proves_is_not_told_however_long_it_lasts() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    for minute in range(10, 600):
        watching.silence(minute, proven=False)

    assert watching.events == []
    assert watching.watches.asking


def test_a_neighbour_that_goes_on_makes_a_terminal_silent_by_event_time() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    for minute in range(20):
        watching.give(a_minute(minute, community="c2"), now=at(minute + 1) + 2)
        if watching.watches.asking:
            watching.prove(now=at(minute + 1) + 2)

    assert {told.community_id for told in watching.told} == {"c1"}
    assert watching.events == [(OPENED, TERMINAL, ())]


def test_a_replay_that_ends_is_no_outage() -> None:
    watching = Watching()
    a_year_s = 365 * DAY_S
    for minute in range(100):
        watching.give(a_minute(minute, lag_s=a_year_s), now=at(minute) + a_year_s)

    for minute in range(100, 300):
        watching.give(now=at(minute) + a_year_s)

    assert not watching.watches.asking
    assert watching.events == []


def test_in_a_replay_a_community_after_the_other_is_no_outage() -> None:
    watching = Watching()
    a_year_s = 365 * DAY_S
    watching.give(a_minute(0, community="c2", lag_s=a_year_s), now=at(0) + a_year_s)

    for community in ("c1", "c2"):
        for minute in range(1, 600):
            told = a_minute(minute, community=community, lag_s=a_year_s)
            watching.give(told, now=at(700) + a_year_s)
            assert not watching.watches.asking


def test_a_gap_that_a_replay_shows_is_an_outage_that_has_ended() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    watching.minutes(40, 45)

    assert watching.events == [(OPENED, TERMINAL, ()), (CLEARED, TERMINAL, ())]
    assert [told.since for told in watching.told] == [at(10), at(10)]
    assert [told.at for told in watching.told] == [at(13), at(43)]


def test_minutes_that_were_kept_back_and_come_in_order_are_late_and_no_second_outage() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    for minute in range(10, 70):
        watching.silence(minute)

    for minute in range(10, 70):
        watching.give(a_minute(minute, lag_s=at(71) - at(minute + 1)), now=at(71))
    watching.minutes(70, 75)

    assert watching.events == [
        (OPENED, TERMINAL, ()),
        (CLEARED, TERMINAL, ()),
    ]


def test_good_readings_that_race_the_timeout_leave_nothing_open() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    watching.give(now=at(16))
    asked = Proof(dict(watching.watches.asking))

    # The proof and the good readings come with the same batch.
    back = [a_minute(minute, lag_s=1) for minute in range(13, 16)]
    watching.give(*back, now=at(16), proof=asked)
    watching.minutes(16, 20)

    assert asked.until
    opened = [told for told in watching.told if told.event is OPENED]
    cleared = [told for told in watching.told if told.event is CLEARED]
    assert len(opened) == len(cleared) <= 1
    assert not watching.watches.tickets()


def test_nothing_is_silent_during_the_grace_of_a_new_community() -> None:
    watching = Watching(Watches(replace(POLICY, grace_s=900)))

    watching.minutes(0, 14, missing=["m1"])
    during = list(watching.events)
    watching.minutes(15, 15, missing=["m1"])

    assert during == []
    assert watching.events == [(OPENED, METER, ("m1",))]


def test_a_minute_that_still_waits_for_a_meter_does_not_make_it_silent() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    # Complete minutes are told at once, those in which a meter is missing two minutes later.
    watching.give(a_minute(11), a_minute(13), now=at(14))

    assert watching.events == []
    assert not watching.watches.asking


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


def test_an_open_ticket_is_reminded_of_after_an_hour_and_a_day() -> None:
    watching = Watching()
    watching.minutes(0, 9)

    watching.minutes(10, 3 * 24 * 60, missing=["m1"])

    assert [event for event, *_ in watching.events] == [OPENED, REMINDED, REMINDED]
    opened, first, second = (told.at for told in watching.told)
    assert (first - opened, second - opened) == (HOUR_S, DAY_S)


def test_a_ticket_is_given_to_the_community_s_technician_when_it_opens() -> None:
    watching = Watching(registered=Registered("t1"))

    watching.minutes(0, 9)
    watching.minutes(10, 13, missing=["m1"])

    (ticket,) = watching.told
    assert (ticket.technician_id, ticket.state) == ("t1", TicketState.ASSIGNED)


def test_one_of_its_own_is_before_one_for_everybody_and_nobody_is_who_has_left() -> None:
    own = a_technician("z", community_id="c1")
    other = a_technician("a", community_id="c2")
    everybody = [a_technician("y"), a_technician("x")]
    left = a_technician("b", community_id="c1", valid_to=DAWN + HOUR_S)

    now = DAWN + DAY_S
    assert technician_of("c1", [own, other, *everybody, left], now=now) == "z"
    assert technician_of("c1", [other, *everybody, left], now=now) == "x"
    assert technician_of("c1", [other, left], now=now) is None


def an_order(ticket_id: str, action: TicketAction, place: int = 0, **others: str) -> Command:
    technician = others.get("technician")
    return Command("c1", ticket_id, action, technician, "alice", "because", place)


def test_an_order_is_obeyed_once_however_often_it_is_read() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    watching.minutes(10, 13, missing=["m1"])
    (opened,) = watching.told
    assign = an_order(opened.ticket_id, TicketAction.ASSIGN, 0, technician="t2")
    resolve = an_order(opened.ticket_id, TicketAction.RESOLVE, 1)

    for _ in range(3):
        watching.give(assign, assign, resolve, resolve, now=at(14))

    assert [event for event, *_ in watching.events] == [OPENED, ASSIGNED, RESOLVED]
    assert [told.by for told in watching.told] == [None, "alice", "alice"]
    assert watching.told[1].technician_id == "t2"
    assert watching.told[2].state is TicketState.RESOLVED


def test_what_was_resolved_by_hand_and_is_silent_for_three_more_minutes_is_open_again() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    watching.minutes(10, 13, missing=["m1"])
    ticket_id = watching.told[0].ticket_id
    watching.give(an_order(ticket_id, TicketAction.RESOLVE), now=at(14))

    watching.minutes(14, 15, missing=["m1"])
    before = [event for event, *_ in watching.events]
    watching.minutes(16, 16, missing=["m1"])

    assert before == [OPENED, RESOLVED]
    assert [event for event, *_ in watching.events] == [OPENED, RESOLVED, REOPENED]
    assert watching.told[2].ticket_id == ticket_id
    assert watching.told[2].since == at(14)


def test_a_cause_that_is_back_after_more_than_a_day_is_a_new_ticket() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    watching.minutes(10, 13, missing=["m1"])
    watching.minutes(14, 14 + 25 * 60)

    watching.minutes(15 + 25 * 60, 20 + 25 * 60, missing=["m1"])

    assert [event for event, *_ in watching.events] == [OPENED, CLEARED, OPENED]
    assert len({told.ticket_id for told in watching.told}) == 2


def test_an_order_about_what_is_not_there_or_resolved_says_so() -> None:
    watching = Watching()
    watching.minutes(0, 9)
    watching.minutes(10, 13, missing=["m1"])
    ticket_id = watching.told[0].ticket_id

    none = watching.give(an_order("t-none", TicketAction.RESOLVE, 0), now=at(14))
    watching.give(an_order(ticket_id, TicketAction.RESOLVE, 1), now=at(14))
    again = watching.give(an_order(ticket_id, TicketAction.RESOLVE, 2), now=at(14))

    assert none.disobeyed == ["there is no ticket t-none"]
    assert again.disobeyed == [f"ticket {ticket_id} is resolved"]


def test_a_community_that_is_closed_in_the_registry_is_not_silent() -> None:
    watching = Watching(registered=Registered(ends_at=at(10)))
    watching.minutes(0, 9)

    for minute in range(10, 60):
        watching.silence(minute)

    assert watching.events == []


@pytest.mark.parametrize(
    "wrong",
    [{"missed_minutes": 0}, {"terminal_percent": 100}, {"remind_after_s": (HOUR_S, MINUTE_S)}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_thresholds_that_call_everything_or_nothing_wrong_are_refused(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(PolicyError):
        replace(POLICY, **wrong)  # type: ignore[arg-type] # which field is the test's
