"""Laws of tickets: repetition and the end of a worker change nothing, one ticket for each cause."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.malfunction import (
    Malfunction,
    MalfunctionKind,
    TicketAction,
    TicketEvent,
    TicketState,
)
from streams.domain.malfunction import Watch
from streams.domain.malfunction_communities import Input, Proof, Registered, Watches
from streams.domain.malfunction_inputs import Refusal, ToldMinute
from streams.domain.malfunction_tickets import Command
from tables.malfunction import decode, encode
from tests.builders import MINUTE_S
from tests.unit.domain.watching import METERS, POLICY, a_minute, a_refusal, at

COMMUNITIES = ("c1", "c2")
LAST = 40


@dataclass(frozen=True)
class Batch:
    """What comes at once, at a minute of the wall clock; `repeats`: so much of before as well."""

    inputs: tuple[Input, ...]
    minute: int
    repeats: int
    is_proven: bool
    is_lost: bool
    """The worker ends after it told, and before it remembers: the next one does the batch again."""


def nobody(community_id: str) -> Registered:
    assert community_id in COMMUNITIES
    return Registered()


@st.composite
def minutes(draw: st.DrawFn) -> ToldMinute:
    missing = draw(st.sets(st.sampled_from(METERS), max_size=len(METERS)))
    return a_minute(
        draw(st.integers(0, LAST)),
        missing if draw(st.booleans()) else (),
        community=draw(st.sampled_from(COMMUNITIES)),
        version=draw(st.integers(1, 3)),
    )


@st.composite
def refusals(draw: st.DrawFn) -> Refusal:
    return a_refusal(
        draw(st.integers(0, LAST)),
        draw(st.lists(st.sampled_from(METERS), max_size=3, unique=True)),
        rule=draw(st.sampled_from(["negative_energy", "minute_in_future", "not_json"])),
        community=draw(st.sampled_from(COMMUNITIES)),
    )


@st.composite
def streams(draw: st.DrawFn) -> list[Batch]:
    """Return batches, each with the places that its inputs have in their topics for ever."""
    drawn = draw(st.lists(st.lists(st.one_of(minutes(), refusals()), max_size=12), max_size=12))
    place, result = 0, []
    for number, inputs in enumerate(drawn):
        placed: list[Input] = []
        for given_input in inputs:
            place += 1
            if isinstance(given_input, Refusal):
                placed.append(replace(given_input, place=place))
            else:
                placed.append(given_input)
        result.append(
            Batch(
                tuple(placed),
                LAST + number,
                draw(st.integers(0, 2)),
                draw(st.booleans()),
                draw(st.booleans()),
            )
        )
    return result


@st.composite
def stories(draw: st.DrawFn) -> list[Batch]:
    """Return what happens minute by minute in stretches of good, bad, refused and dark ones."""
    stretches = st.tuples(
        st.sampled_from(["good", "good", "missing", "most", "dark", "refused"]), st.integers(1, 7)
    )
    batches: list[Batch] = []
    minute = 0
    for what, length in draw(st.lists(stretches, min_size=1, max_size=8)):
        for now in range(minute, minute + length):
            missing = {"missing": METERS[:1], "most": METERS[:4], "refused": METERS[1:2]}
            inputs: list[Input] = [] if what == "dark" else [a_minute(now, missing.get(what, ()))]
            if what == "refused":
                inputs.insert(0, a_refusal(now, METERS[1:2]))
            lost, proven = draw(st.booleans()), draw(st.integers(0, 3)) > 0
            batches.append(Batch(tuple(inputs), now, draw(st.integers(0, 2)), proven, lost))
        minute += length
    return batches


def run(
    batches: Sequence[Batch], *, is_disturbed: bool
) -> tuple[dict[str, Watch], list[Malfunction]]:
    """Return the records after some batches, and all that was told."""
    records: dict[str, bytes] = {}
    watches = Watches(POLICY)
    told: list[Malfunction] = []
    before: list[Input] = []
    # One more, in which what was decided last is told.
    for batch in [*batches, replace(batches[-1], inputs=(), repeats=0)] if batches else []:
        now = at(batch.minute + 1)
        proof = Proof(dict(watches.asking)) if batch.is_proven else None
        inputs = batch.inputs
        if is_disturbed and batch.repeats:
            inputs = (*before[-5 * batch.repeats :], *inputs, *inputs[: batch.repeats])
        if is_disturbed and batch.is_lost:
            told += watches.fold(inputs, now=now, registered=nobody, proof=proof).told
            asking = watches.asking
            watches = Watches(POLICY, {name: decode(data) for name, data in records.items()})
            watches.asking = asking
        step = watches.fold(inputs, now=now, registered=nobody, proof=proof)
        told += step.told
        for name, watch in step.watches.items():
            assert watch is not None, "nobody is heard of again only after an hour"
            records[name] = encode(watch)
        before += batch.inputs
    return {name: decode(data) for name, data in records.items()}, told


@given(st.one_of(streams(), stories()))
def test_a_record_read_again_is_the_one_that_was_written(batches: list[Batch]) -> None:
    watches = Watches(POLICY)
    for batch in batches:
        step = watches.fold(batch.inputs, now=at(batch.minute), registered=nobody)
        for watch in step.watches.values():
            assert watch is None or decode(encode(watch)) == watch


@given(st.one_of(streams(), stories()))
def test_a_step_has_one_content_for_ever_whatever_is_repeated_and_whoever_ends(
    batches: list[Batch],
) -> None:
    _, told = run(batches, is_disturbed=True)

    contents: dict[tuple[str, int], set[str]] = defaultdict(set)
    for step in told:
        contents[step.ticket_id, step.step].add(step.model_dump_json())
    assert all(len(versions) == 1 for versions in contents.values())


@given(st.one_of(streams(), stories()))
def test_repetition_and_ends_of_workers_change_nothing_that_is_told(batches: list[Batch]) -> None:
    _, plain = run(batches, is_disturbed=False)
    _, disturbed = run(batches, is_disturbed=True)

    assert {step.model_dump_json() for step in disturbed} == {
        step.model_dump_json() for step in plain
    }


@given(st.one_of(streams(), stories()))
def test_a_cause_has_one_open_ticket_and_its_steps_are_a_life(batches: list[Batch]) -> None:
    _, told = run(batches, is_disturbed=False)

    open_by_cause: dict[tuple[object, ...], str] = {}
    steps: dict[str, int] = {}
    for step in told:
        cause = step.community_id, step.kind, step.rule, tuple(step.meter_id)
        assert step.step == steps.get(step.ticket_id, 0) + 1
        steps[step.ticket_id] = step.step
        if step.event in {TicketEvent.OPENED, TicketEvent.REOPENED}:
            assert cause not in open_by_cause
            assert step.event is TicketEvent.OPENED or step.step > 1
            open_by_cause[cause] = step.ticket_id
        else:
            assert open_by_cause[cause] == step.ticket_id
        if step.state is TicketState.RESOLVED:
            del open_by_cause[cause]


@given(
    st.lists(st.sampled_from(["", *METERS]), min_size=1, max_size=60),
    st.integers(1, 8),
)
def test_nothing_is_silent_that_never_misses_three_minutes(who: list[str], size: int) -> None:
    told = [a_minute(minute, [meter] if meter else []) for minute, meter in enumerate(who)]
    last = dict.fromkeys(METERS, 0)
    longest = 0
    for meter in who:
        last = {name: last[name] + 1 if name == meter else 0 for name in METERS}
        longest = max(longest, *last.values())
    watches = Watches(POLICY)
    steps: list[Malfunction] = []

    for first in range(0, len(told) + 2 * size, size):
        now = at(min(first + size, len(who)))
        proof = Proof(dict(watches.asking))
        step = watches.fold(told[first : first + size], now=now, registered=nobody, proof=proof)
        steps += step.told
    for _ in range(3):
        proof = Proof(dict(watches.asking))
        steps += watches.fold([], now=at(len(who)), registered=nobody, proof=proof).told

    assert bool(steps) == (longest >= POLICY.missed_minutes)


@given(
    st.lists(
        st.tuples(st.sampled_from(["good", "refused", "dark"]), st.integers(1, 40)), max_size=6
    ),
    st.integers(0, 150),
    st.lists(st.tuples(st.booleans(), st.integers(1, 90)), max_size=8),
)
def test_who_is_refused_is_never_silent_however_far_one_topic_is_read_before_the_other(
    what: list[tuple[str, int]], quiet: int, reads: list[tuple[bool, int]]
) -> None:
    lived = [*["good"] * quiet, *(each for each, length in what for _ in range(length)), "good"]
    minutes = [a_minute(0)] + [
        a_minute(number, METERS[:1] if each == "refused" else [])
        for number, each in enumerate(lived, start=1)
        if each != "dark"
    ]
    refusals = [
        a_refusal(number, METERS[:1])
        for number, each in enumerate(lived, start=1)
        if each == "refused"
    ]
    watches, told = Watches(POLICY), list[Malfunction]()

    def read(inputs: Sequence[Input], proof: Proof | None = None) -> None:
        told.extend(watches.fold(inputs, now=at(500), registered=nobody, proof=proof).told)

    for is_of_minutes, many in [*reads, (True, 500), (False, 500)]:
        topic: list[Input] = [*minutes] if is_of_minutes else [*refusals]
        read(topic[:many])
        del (minutes if is_of_minutes else refusals)[:many]
    # Everything has been read.
    for _ in lived:
        read([], Proof(dict(watches.asking)))
    read([])

    assert MalfunctionKind.METER_SILENT not in {step.kind for step in told}


@given(st.integers(0, 9), st.integers(0, 9))
def test_the_good_reading_and_the_timeout_may_race_in_any_order(back: int, batch: int) -> None:
    """A terminal is back after `back` minutes, and the proof comes with the `batch`-th one."""
    watches = Watches(POLICY)
    told: list[Malfunction] = []
    lived = [a_minute(minute) for minute in range(10)]
    told += watches.fold(lived, now=at(10), registered=nobody).told
    asked: Proof | None = None
    for minute in range(10, 40):
        returned = [a_minute(minute)] if minute >= 10 + back else []
        if watches.asking and asked is None:
            asked = Proof(dict(watches.asking))
        is_due = minute >= 12 + batch and asked is not None
        step = watches.fold(
            returned, now=at(minute + 1), registered=nobody, proof=asked if is_due else None
        )
        told += step.told
        if is_due:
            asked = None

    events = [step.event for step in told]
    assert events == ([TicketEvent.OPENED, TicketEvent.CLEARED] if back >= 3 else [])
    assert not watches.tickets()


@pytest.mark.parametrize("action", TicketAction)
def test_an_order_that_is_read_again_after_the_ticket_was_reopened_is_not_obeyed_again(
    action: TicketAction,
) -> None:
    watches = Watches(POLICY)
    told: list[Malfunction] = []

    def give(*inputs: Input, minute: int) -> None:
        for given_inputs in (inputs, ()):
            proof = Proof(dict(watches.asking))
            step = watches.fold(given_inputs, now=at(minute), registered=nobody, proof=proof)
            told.extend(step.told)

    for minute in range(14):
        give(a_minute(minute, ["m1"] if minute >= 10 else []), minute=minute + 1)
    ticket = told[0].ticket_id
    resolve = Command("c1", ticket, TicketAction.RESOLVE, None, "alice", "done", 0)
    technician = "t1" if action is TicketAction.ASSIGN else None
    order = Command("c1", ticket, action, technician, "alice", "done", 1)
    give(resolve, minute=14)
    for minute in range(14, 20):
        give(a_minute(minute, ["m1"]), minute=minute + 1)
    give(order, minute=20)
    steps = len(told)

    give(resolve, order, resolve, minute=20)

    assert [step.event for step in told[:3]] == [
        TicketEvent.OPENED,
        TicketEvent.RESOLVED,
        TicketEvent.REOPENED,
    ]
    assert len(told) == steps
    assert told[-1].since == at(14)
    assert told[-1].at % MINUTE_S == 0
