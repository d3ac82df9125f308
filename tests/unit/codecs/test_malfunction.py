"""What four topics tell, as values, and steps of tickets as records."""

import pytest

from schemas.malfunction import Malfunction, TicketAction, TicketCommand
from schemas.metering import RejectionRule
from schemas.validation import ReadingVerdicts
from streams.codecs.malfunction import command, failed, malfunctions, refusal, told_minute
from streams.domain.malfunction_inputs import Failed, Refusal, ToldMinute
from streams.domain.malfunction_tickets import Command
from streams.records import Record
from tests.unit.sinks.messages import NOON, a_minute, a_rejection, a_step

OFFSET = 5


def a_record(value: str | None) -> Record:
    return Record(OFFSET, (NOON + 61) * 1000, b"c1", None if value is None else value.encode())


def test_a_minute_tells_who_is_missing_and_when_it_was_told() -> None:
    minute = a_minute(version=7, meters_reported=2).model_copy(update={"missing_meters": ["m3"]})

    told = told_minute(a_record(minute.model_dump_json()))

    assert told == ToldMinute("c1", NOON, 7, 2, frozenset({"m3"}), NOON + 61)


def test_a_refusal_tells_whose_readings_and_where_they_were() -> None:
    rejection = a_rejection(offset=9, rule=RejectionRule.NEGATIVE_ENERGY)

    told = refusal(a_record(rejection.model_dump_json()), generation=0)

    assert told == Refusal("c1", "negative_energy", NOON, ("m1",), 9, OFFSET, NOON + 61)


@pytest.mark.parametrize("minute", [None, -60, 2**40])
def test_a_minute_that_can_t_be_is_none(minute: int | None) -> None:
    rejection = a_rejection(minute=minute)

    told = refusal(a_record(rejection.model_dump_json()), generation=0)

    assert told is not None
    assert told.minute is None


def test_what_was_refused_of_nobody_is_nothing() -> None:
    rejection = a_rejection().model_copy(update={"community_id": None})

    assert refusal(a_record(rejection.model_dump_json()), generation=0) is None


def verdicts(**columns: object) -> ReadingVerdicts:
    told = {
        "community_id": "c1",
        "period_start": NOON,
        "version": 3,
        "of_version": 2,
        "part": 0,
        "meter_id": ["m1", "m2", "m3"],
        "minute": [NOON, NOON + 60, NOON],
        "verdict": ["fail", "warn", "pass"],
        "rules": [["register_mismatch", "swapped_unit"], ["spike"], ["register_rollover"]],
    }
    return ReadingVerdicts.model_validate(told | columns)


def test_verdicts_tell_the_rules_at_readings_that_failed_and_not_at_others() -> None:
    told = failed(a_record(verdicts().model_dump_json()), generation=0)
    of_m1 = (("register_mismatch", "m1", NOON), ("swapped_unit", "m1", NOON))

    assert told == Failed("c1", NOON + 900, of_m1, OFFSET, NOON + 61)


def test_verdicts_that_are_no_columns_of_one_length_are_malformed() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        failed(a_record(verdicts(rules=[]).model_dump_json()), generation=0)


def test_an_order_says_who_gave_it_and_why() -> None:
    given = TicketCommand(
        ticket_id="t-1",
        community_id="c1",
        action=TicketAction.ASSIGN,
        technician_id="p1",
        by="alice",
        reason="near by",
    )

    told = command(a_record(given.model_dump_json()), generation=0)

    assert told == Command("c1", "t-1", TicketAction.ASSIGN, "p1", "alice", "near by", OFFSET)


@pytest.mark.parametrize("value", [None, "", "{}", "[1]"])
def test_what_is_no_message_is_a_value_error(value: str | None) -> None:
    with pytest.raises(ValueError, match=r"validation error|Invalid JSON"):
        told_minute(a_record(value))
    with pytest.raises(ValueError, match=r"validation error|Invalid JSON"):
        command(a_record(value), generation=0)


def test_an_order_to_assign_names_whom_and_one_to_resolve_nobody() -> None:
    order = {"ticket_id": "t-1", "community_id": "c1", "by": "alice", "reason": "x"}

    with pytest.raises(ValueError, match="assign needs it"):
        TicketCommand.model_validate({**order, "action": "assign"})
    with pytest.raises(ValueError, match="assign needs it"):
        TicketCommand.model_validate({**order, "action": "resolve", "technician_id": "p1"})


def test_a_step_is_told_under_its_community() -> None:
    ((key, value),) = malfunctions([a_step()])

    assert (key, Malfunction.model_validate_json(value)) == (b"c1", a_step())
