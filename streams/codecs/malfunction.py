"""What is told of communities from the bytes of four topics, and steps of tickets into theirs."""

from collections.abc import Iterable, Iterator
from typing import Final

from schemas.malfunction import Malfunction, TicketCommand
from schemas.metering import CommunityMinute, RejectedReading
from schemas.units import PERIOD_S
from schemas.validation import ReadingVerdicts
from streams.codecs.results import Message
from streams.domain.frames import place_of
from streams.domain.malfunction_inputs import Failed, Refusal, ToldMinute
from streams.domain.malfunction_tickets import Command
from streams.domain.vee import Verdict
from streams.records import Record

_MS: Final = 1000
_LATEST_S: Final = 2**32


def told_minute(record: Record) -> ToldMinute:
    """Return what a record of `community-minutes` tells.

    Raises:
        ValueError: If it tells none.
    """
    told = CommunityMinute.model_validate_json(record.value or b"")
    return ToldMinute(
        told.community_id,
        told.minute,
        told.version,
        told.meters_reported,
        frozenset(told.missing_meters),
        record.timestamp / _MS,
    )


def refusal(record: Record, *, generation: int) -> Refusal | None:
    """Return what a record of `rejected-readings` tells; None when nobody's frame was refused.

    Raises:
        ValueError: If it tells no refusal.
    """
    told = RejectedReading.model_validate_json(record.value or b"")
    if not told.community_id:
        return None
    is_time = told.minute is not None and 0 <= told.minute < _LATEST_S
    return Refusal(
        told.community_id,
        told.rule.value,
        told.minute if is_time else None,
        tuple(told.meter_id),
        place_of(told.source_offset, generation=generation),
        place_of(record.offset, generation=generation),
        record.timestamp / _MS,
    )


def failed(record: Record, *, generation: int) -> Failed:
    """Return which rules spoke up at the readings that a record of `reading-verdicts` fails.

    Raises:
        ValueError: If it says nothing of any reading.
    """
    told = ReadingVerdicts.model_validate_json(record.value or b"")
    columns = (told.minute, told.verdict, told.rules)
    if any(len(column) != len(told.meter_id) for column in columns):
        raise ValueError("meter_id, minute, verdict and rules differ in length")
    return Failed(
        told.community_id,
        told.period_start + PERIOD_S,
        tuple(
            (rule, meter, minute)
            for meter, minute, verdict, rules in zip(told.meter_id, *columns, strict=True)
            if verdict == Verdict.FAIL.value
            for rule in rules
        ),
        place_of(record.offset, generation=generation),
        record.timestamp / _MS,
    )


def command(record: Record, *, generation: int) -> Command:
    """Return the order that a record of `ticket-commands` gives.

    Raises:
        ValueError: If it gives none.
    """
    given = TicketCommand.model_validate_json(record.value or b"")
    return Command(
        given.community_id,
        given.ticket_id,
        given.action,
        given.technician_id,
        given.by,
        given.reason,
        place_of(record.offset, generation=generation),
    )


def malfunctions(told: Iterable[Malfunction]) -> Iterator[Message]:
    """Yield key and value of each step in a ticket's life."""
    for step in told:
        yield step.community_id.encode(), step.model_dump_json().encode()
