"""What regulation remembers comes back as it was."""

from dataclasses import replace

import orjson

from schemas.regulation import AckOutcome, Level, SwitchState
from schemas.units import LATEST_MINUTE
from streams.domain.regulation import Community, Switch
from streams.domain.regulation_deficits import Deficit
from streams.domain.regulation_foresight import Demand
from tables.regulation import (
    decode_community,
    decode_switch,
    encode_community,
    encode_switch,
    load_key,
    switch_key,
)
from tests.unit.domain.regulating import Played, a_choice, an_answer

COMMUNITY = Community(
    community_id="Ulm/3",
    newest=1_767_268_800,
    told_at=1_767_268_861.25,
    over=1,
    demand=Demand(((1_767_267_900, 70_000),), 1_767_268_800, 141_000, 2, (70_000, 71_000)),
    let_go=True,
    deficits=(Deficit("d", 3, 1_767_268_800, 1_767_269_700, 5_000, None, Level.EMERGENCY),),
    choices={"m1": a_choice("m1", SwitchState.ON)},
)


def test_a_community_comes_back() -> None:
    assert decode_community("Ulm/3", encode_community(COMMUNITY)) == COMMUNITY


def test_a_choice_that_was_taken_when_times_had_no_end_holds_up_to_theirs() -> None:
    stored = orjson.loads(encode_community(COMMUNITY))
    in_milliseconds = {"valid_from": 0, "valid_until": 1_767_268_800_000}
    stored["choices"][0] |= in_milliseconds

    (choice,) = decode_community("Ulm/3", orjson.dumps(stored)).choices.values()

    assert (choice.state, choice.valid_from) == (SwitchState.ON, 0)
    assert choice.valid_until == LATEST_MINUTE


def test_one_of_which_nothing_was_told_comes_back() -> None:
    fresh = Community(community_id="c1")

    assert decode_community("c1", encode_community(fresh)) == fresh


def test_switches_come_back_obeyed_refused_and_unanswered() -> None:
    played = Played(answers=False)
    asked = played.minute(1, 103_000).directives
    outcomes = (AckOutcome.OBEYED, AckOutcome.REFUSED)
    answers = [
        an_answer(one.directive_id, one.meter_id, outcome)
        for one, outcome in zip(asked, outcomes, strict=False)
    ]
    played.minute(2, 92_000, *answers)

    switches = list(played.regulation.switches["c1"].values())

    assert len({switch.is_answered for switch in switches}) == 2
    for switch in [*switches, replace(switches[0], shed_s=7, before_s=5, level=Level.EMERGENCY)]:
        back: Switch = decode_switch(encode_switch(switch))
        assert back == switch


def test_the_records_of_a_community_are_apart_from_those_of_one_whose_name_it_begins() -> None:
    assert not switch_key("c11", "m1").startswith(switch_key("c1", ""))
    assert not load_key("c11", 0, 0).startswith(load_key("c1", 0, 0)[:3])
