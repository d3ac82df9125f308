"""Laws of regulation: repeating changes nothing, controllers agree, no rule is ever broken."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.regulation import (
    AckOutcome,
    Level,
    SwitchChoice,
    SwitchDirective,
    SwitchReason,
    SwitchState,
)
from streams.domain.regulation import Flexible, Registered
from streams.domain.regulation_communities import Input, Regulation, Step
from tables.regulation import decode_community, decode_switch, encode_community, encode_switch
from tests.unit.domain.regulating import (
    HEATER_W,
    LIMIT_W,
    METERS,
    POLICY,
    a_choice,
    a_deficit,
    a_minute,
    an_answer,
    at,
    quarters,
)

pytestmark = pytest.mark.slow

SMALL = METERS[::4]
"""These would have less than the guaranteed minimum."""

GRID = Registered(
    LIMIT_W,
    "Europe/Berlin",
    {meter: Flexible(HEATER_W, 6_000 if meter in SMALL else 12_000) for meter in METERS},
    {},
)


@st.composite
def days(draw: st.DrawFn) -> list[list[Input]]:
    """Return what is told minute by minute, by turns far above the limit and far below."""
    told: list[list[Input]] = [list(quarters())]
    for number in range(1, draw(st.integers(20, 220))):
        inputs: list[Input] = []
        if draw(st.integers(0, 15)) == 0:
            inputs.append(
                a_deficit(
                    draw(st.integers(0, 20)) * 1_000,
                    until=number + draw(st.integers(1, 40)),
                    version=number,
                )
            )
        if draw(st.integers(0, 15)) == 0:
            state = draw(st.sampled_from(SwitchState))
            inputs.append(a_choice(draw(st.sampled_from(METERS)), state, version=number))
        if draw(st.integers(0, 9)):
            load = draw(st.sampled_from([60_000, 84_000, 92_000, 97_000, 104_000, 120_000]))
            missing = draw(st.sets(st.sampled_from(METERS), max_size=2))
            inputs.append(a_minute(number, load, missing=sorted(missing)))
        told.append(inputs)
    return told


def play(told: list[list[Input]], regulation: Regulation | None = None) -> list[Step]:
    """Return what follows of each minute; every fourth version is refused, or not answered."""
    regulation = regulation or Regulation(POLICY)
    steps = []
    answers: list[Input] = []
    for number, inputs in enumerate(told):
        step = regulation.fold(
            [*answers, *inputs], now=at(number + 1), registered=lambda _, __: GRID
        )
        steps.append(step)
        answers = [
            an_answer(one.directive_id, one.meter_id, outcome, minute=number + 1)
            for one in step.directives
            if (outcome := _outcome(one)) is not None
        ]
    return steps


def _outcome(directive: SwitchDirective) -> AckOutcome | None:
    lot = (int(directive.directive_id[-1], 16) + directive.version) % 8
    return {0: AckOutcome.REFUSED, 1: None}.get(lot, AckOutcome.OBEYED)


def sent(steps: list[Step]) -> list[SwitchDirective]:
    return [directive for step in steps for directive in step.directives]


@given(days())
@settings(max_examples=30)
def test_every_directive_has_a_reason_and_an_end_and_leaves_the_guaranteed_minimum(
    told: list[list[Input]],
) -> None:
    steps = play(told)

    for directive in sent(steps):
        assert directive.detail
        assert directive.valid_from < directive.valid_until
        if directive.state is SwitchState.OFF:
            assert directive.meter_id not in SMALL
            assert directive.valid_until - directive.valid_from <= POLICY.max_off_s
    assert not [broken for step in steps for broken in step.broken]


@given(days())
@settings(max_examples=30)
def test_nobody_is_off_too_short_or_too_long_nor_on_too_short_but_for_emergencies(
    told: list[list[Input]],
) -> None:
    regulation = Regulation(POLICY)
    spans: dict[str, dict[int, tuple[int, Level]]] = defaultdict(dict)
    let_go: set[tuple[str, int]] = set()
    chosen = {one.meter_id for inputs in told for one in inputs if isinstance(one, SwitchChoice)}

    steps = play(told, regulation)
    for step in steps:
        for (_, meter), switch in step.switches.items():
            if meter not in chosen:
                spans[meter][switch.off_at] = (switch.back_at, switch.level)
                if switch.directive.reason is SwitchReason.INPUTS_STALE:
                    let_go.add((meter, switch.off_at))

    for meter, times in spans.items():
        ordered = sorted(times.items())
        for off_at, (back_at, _) in ordered:
            was_off = back_at > off_at  # refused: it never was
            least_s = 0 if (meter, off_at) in let_go else POLICY.min_off_s
            assert not was_off or least_s <= back_at - off_at <= POLICY.max_off_s
        off_s = 0
        for (before, (back_at, _)), (off_at, (until, level)) in pairwise(ordered):
            least = 0 if level is Level.EMERGENCY else POLICY.min_on_s
            assert off_at - back_at >= least
            rested = off_at - back_at >= POLICY.min_on_s
            off_s = 0 if rested else off_s + back_at - before
            assert off_s + until - off_at <= POLICY.max_off_s


@given(days(), st.data())
@settings(max_examples=30)
def test_what_comes_again_changes_nothing(told: list[list[Input]], data: st.DataObject) -> None:
    once = play(told)
    repeated = [
        [
            *inputs,
            *(
                one
                for earlier in told[max(number - data.draw(st.integers(0, 3)), 1) : number + 1]
                for one in earlier
            ),
        ]
        for number, inputs in enumerate(told)
    ]

    assert sent(play(repeated)) == sent(once)


@given(days(), st.integers(1, 200))
@settings(max_examples=30)
def test_a_controller_that_takes_over_says_what_the_one_before_would_have_said(
    told: list[list[Input]], place: int
) -> None:
    first = Regulation(POLICY)
    play(told[:place], first)

    other = Regulation(
        POLICY,
        communities={
            name: decode_community(name, encode_community(one))
            for name, one in first.communities.items()
        },
        switches={
            name: {meter: decode_switch(encode_switch(one)) for meter, one in switches.items()}
            for name, switches in first.switches.items()
        },
        loads=first.loads,
    )

    assert other.communities == first.communities
    assert other.switches == first.switches
    again = [a_minute(place + number, 120_000) for number in range(1, 4)]
    for minute in again:
        steps = [
            one.fold([minute], now=minute.told_at, registered=lambda _, __: GRID)
            for one in (first, other)
        ]
        assert steps[0].directives == steps[1].directives


@given(days())
@settings(max_examples=20)
def test_what_is_told_in_one_batch_or_in_many_is_decided_alike(told: list[list[Input]]) -> None:
    patient = replace(POLICY, stale_after_s=10**6)
    one_by_one, at_once = Regulation(patient), Regulation(patient)
    end = at(len(told) + 1)

    singly = [
        one_by_one.fold([given_input], now=end, registered=lambda _, __: GRID)
        for inputs in told
        for given_input in inputs
    ]
    together = at_once.fold(
        [one for inputs in told for one in inputs], now=end, registered=lambda _, __: GRID
    )

    assert [one for step in singly for one in step.directives] == together.directives
    assert [one for step in singly for one in step.told] == together.told
