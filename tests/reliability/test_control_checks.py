"""Orders that are doubled in effect, too long, too much or too late are found."""

from collections.abc import Callable, Sequence

import pytest

from reliability.control_checks import (
    Away,
    Closed,
    Order,
    Sent,
    faults_of_minutes,
    faults_of_orders,
    faults_of_reactions,
    faults_of_switches,
    first_told,
    in_overload,
    reactions,
    spells,
)
from schemas.regulation import (
    Level,
    RegulationMinute,
    SwitchDirective,
    SwitchReason,
    SwitchState,
)
from streams.domain.regulation import Flexible
from streams.policies import regulation_policy
from streams.settings import Settings
from tests.builders import HOUR_S, MINUTE_S, NOON

POLICY = regulation_policy(Settings())
FLEXIBLE = {
    "m1": Flexible(2_000, 9_000),
    "m2": Flexible(2_000, 9_000),
    "m3": Flexible(2_000, 6_000),
}
CALM_S = HOUR_S


def at(minute: int) -> int:
    return NOON + minute * MINUTE_S


def off(
    minute: int, meter: str = "m1", *, for_s: int = CALM_S, version: int = 1, **more: object
) -> SwitchDirective:
    return SwitchDirective.model_validate(
        {
            "directive_id": f"off-{meter}-{minute}",
            "community_id": "c1",
            "meter_id": meter,
            "minute": at(minute),
            "version": version,
            "state": SwitchState.OFF,
            "level": Level.NORMAL,
            "limit_w": None,
            "reason": SwitchReason.CONNECTION_LIMIT,
            "detail": "too much",
            "valid_from": at(minute + 1),
            "valid_until": at(minute + 1) + for_s,
            **more,
        }
    )


def back(minute: int, meter: str = "m1") -> SwitchDirective:
    return off(
        minute,
        meter,
        directive_id=f"back-{meter}-{minute}",
        state=SwitchState.AUTO,
        reason=SwitchReason.RELIEVED,
    )


def sent(*directives: SwitchDirective, after_s: float = 1.0) -> list[Sent]:
    return [Sent(one.minute + MINUTE_S + after_s, one) for one in directives]


def decided(
    minute: int, *, ordered: int = 0, released: int = 0, meters_off: int = 0, load_w: int = 9_000
) -> RegulationMinute:
    return RegulationMinute(
        community_id="c1",
        minute=at(minute),
        version=1,
        is_steering=True,
        load_w=load_w,
        silent_meters=0,
        silent_w=0,
        coming_w=0,
        limit_w=10_000,
        deficit_w=0,
        shed_w=0,
        sheddable_w=0,
        meters_off=meters_off,
        meters_flexible=2,
        ordered_off=ordered,
        released=released,
        is_emergency=False,
        fairness=None,
    )


def closed(*minutes: int) -> list[Closed]:
    return [Closed("c1", at(minute), 1, at(minute + 1)) for minute in minutes]


def order(directive: SwitchDirective) -> Order:
    return Order(
        "switch-directives",
        directive.directive_id,
        directive.version,
        directive.meter_id,
        directive.valid_from,
        directive.model_dump_json().encode(),
    )


def of_switches(*directives: SwitchDirective) -> list[str]:
    return list(faults_of_switches(sent(*directives), FLEXIBLE, policy=POLICY))


def test_an_order_that_is_sent_again_as_it_was_is_one() -> None:
    again = order(off(0, version=2))

    assert not list(faults_of_orders([order(off(0)), order(off(0)), again, again]))


def test_a_switch_is_off_from_the_begin_of_its_order_until_that_is_given_back_or_over() -> None:
    told = [off(0, for_s=2 * HOUR_S), back(70), off(200)]

    assert [(spell.begin, spell.end) for spell in spells(told)] == [
        (at(1), at(71)),
        (at(201), at(261)),
    ]
    assert of_switches(*told) == []


def test_what_is_renewed_is_off_until_its_last_end() -> None:
    assert [(one.begin, one.end) for one in spells([off(0, version=3, for_s=2 * HOUR_S)])] == [
        (at(1), at(121))
    ]
    assert of_switches(off(0), off(0, version=2, for_s=2 * HOUR_S)) == []


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (of_switches(off(0), off(30)), "switches off from"),
        (of_switches(off(0), back(0)), "back-m1-0 and off-m1-0 of"),
        (of_switches(off(0, for_s=2 * HOUR_S + 1)), "longer than 7200 s"),
        (of_switches(off(0), off(60, for_s=HOUR_S + 1, level="emergency")), "longer than 7200 s"),
        (of_switches(off(0), back(5)), "shorter than 900 s"),
        (of_switches(off(0), off(65)), "on from"),
        (of_switches(off(0, "m3")), "takes the guaranteed minimum"),
        (of_switches(off(0, "m9")), "takes the guaranteed minimum"),
        (of_switches(off(0, detail=" ")), "has no reason"),
        (
            list(faults_of_orders([order(off(0)), order(off(0, detail="another"))])),
            "version 1 has another content",
        ),
        (
            list(faults_of_orders([order(off(0)), order(off(0, directive_id="twin"))])),
            "m1 has off-m1-0 from",
        ),
    ],
)
def test_what_must_not_be_is_found(faults: list[str], said: str) -> None:
    assert any(said in fault for fault in faults)


def test_a_switch_may_go_off_again_after_its_least_time_or_in_an_emergency() -> None:
    assert of_switches(off(0), off(70), off(132, level="emergency")) == []


MINUTES = [decided(0, ordered=1, meters_off=1), decided(1, meters_off=1)]


def of_minutes(
    directives: Sequence[SwitchDirective] = (off(0),),
    minutes: Sequence[RegulationMinute] = MINUTES,
    told: Sequence[Closed] = closed(0, 1),
) -> list[str]:
    return list(faults_of_minutes(told, minutes, sent(*directives)))


def test_minutes_whose_orders_are_those_in_effect_are_as_they_must_be() -> None:
    assert of_minutes() == []


def test_a_minute_that_is_told_after_a_later_one_is_not_decided_on() -> None:
    late = [*closed(0, 1), Closed("c1", at(-5), 1, at(3)), Closed("c1", at(1), 2, at(3))]

    assert of_minutes(told=late) == []


def test_who_decides_a_minute_again_on_a_record_of_his_own_is_found() -> None:
    """The old owner of a partition has switched off one, its new owner another one for the same."""
    twice = of_minutes([off(0, "m1"), off(0, "m2")])

    assert any("2 directives say OFF, 1 were decided" in fault for fault in twice)
    assert any("2 switches are off, 1 are known to be" in fault for fault in twice)


@pytest.mark.parametrize(
    ("find", "said"),
    [
        (lambda: of_minutes([]), "0 directives say OFF, 1 were decided"),
        (lambda: of_minutes(told=closed(0, 1, 2)), "never decided on"),
        (lambda: of_minutes(told=closed(1)), "no newest closed minute"),
        (lambda: of_minutes(minutes=[*MINUTES, decided(1)]), "decided twice, differently"),
        (lambda: of_minutes([off(0), back(1)]), "1 are given back, 0 were decided"),
    ],
)
def test_decisions_that_are_lost_or_doubled_are_found(
    find: Callable[[], list[str]], said: str
) -> None:
    assert any(said in fault for fault in find())


def test_a_community_waits_from_its_minute_or_from_the_last_recovery() -> None:
    due = first_told(closed(0, 10))
    directives = sent(off(0), after_s=100) + sent(off(10), after_s=2)

    waited = reactions(due, directives, recovered=[at(1) - 5, at(1) + 70, at(11) + 50])

    assert waited == {("c1", at(0)): 30, ("c1", at(10)): 2}
    assert list(faults_of_reactions(waited)) == []


def test_a_community_that_waits_for_more_than_a_minute_after_the_recovery_is_found() -> None:
    waited = reactions(first_told(closed(0)), sent(off(0), after_s=100), recovered=[at(1) + 30])

    assert len(list(faults_of_reactions(waited))) == 1


def test_a_fault_hits_an_overload_that_is_there_or_that_begins_while_it_lasts() -> None:
    minutes = [decided(0), decided(1, load_w=9_600), decided(2)]
    due = first_told(closed(0, 1, 2))

    def hit(begin_s: float, end_s: float) -> bool:
        away = Away("killed", is_control=True, at=at(0) + begin_s, over=at(0) + end_s)
        return in_overload([away], due, minutes, policy=POLICY) == [away]

    assert hit(130, 130)
    assert hit(70, 125)
    assert not hit(70, 110)
    assert not hit(200, 210)
