"""Silence: which meters and terminals get tickets for it, when, and how these end."""

from dataclasses import replace

from schemas.malfunction import MalfunctionKind, TicketEvent, TicketState
from streams.domain.malfunction_communities import Proof, Watches
from tests.builders import DAY_S
from tests.unit.domain.watching import (
    METERS,
    POLICY,
    Watching,
    a_minute,
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
