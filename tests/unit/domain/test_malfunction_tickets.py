"""The life of a ticket: who gets it, who ends it, and when it is opened again."""

from dataclasses import replace

import pytest

from schemas.malfunction import MalfunctionKind, TicketAction, TicketEvent, TicketState
from streams.domain.malfunction import PolicyError
from streams.domain.malfunction_communities import Registered
from streams.domain.malfunction_tickets import Command, technician_of
from tests.builders import DAY_S, HOUR_S, MINUTE_S
from tests.registered import DAWN, a_technician
from tests.unit.domain.watching import POLICY, Watching, at

OPENED, ASSIGNED, REMINDED, CLEARED, REOPENED, RESOLVED = TicketEvent
METER, TERMINAL, INCONSISTENT, STUCK, CLOCK = MalfunctionKind


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
