"""Tickets held against what broke down: found, cleared, missed, and about nothing."""

from deploy.malfunction_check import Opened, Opening, judge_openings
from load_generator.breakdowns import Suspect
from schemas.malfunction import MalfunctionKind
from tests.builders import MINUTE_S, NOON

HALF_AN_HOUR = 30 * MINUTE_S
SILENT = Suspect(
    MalfunctionKind.TERMINAL_SILENT, "c1", None, NOON, NOON + HALF_AN_HOUR, is_certain=True
)
BROKEN = Suspect(
    MalfunctionKind.INCONSISTENT, "c2", "m2", NOON, NOON + HALF_AN_HOUR, is_certain=True
)
BY_CHANCE = Suspect(
    MalfunctionKind.TERMINAL_SILENT, "c3", None, NOON, NOON + 4 * MINUTE_S, is_certain=False
)


def a_ticket(
    kind: str = "terminal_silent",
    community: str = "c1",
    *meters: str,
    since: int = NOON,
    at: int = NOON + 3 * MINUTE_S,
    cleared: bool = True,
) -> Opening:
    cleared_at = NOON + 33 * MINUTE_S if cleared else None
    return Opening("t1", Opened(kind, community, meters), since, at, cleared_at)


def test_a_breakdown_with_a_ticket_that_was_cleared_is_complete() -> None:
    check = judge_openings([a_ticket(), a_ticket("inconsistent", "c2", "m2")], [SILENT, BROKEN])

    assert (check.missed, check.false, check.opened) == ([], (), 2)
    assert [suspect for suspect, _ in check.breakdowns] == [SILENT, BROKEN]


def test_a_breakdown_without_a_ticket_or_with_one_that_stays_is_missed() -> None:
    check = judge_openings([a_ticket(cleared=False)], [SILENT, BROKEN])

    assert [line.rpartition(": ")[2] for line in check.missed] == [
        "t1 was not cleared",
        "no ticket",
    ]


def test_what_only_looks_like_a_breakdown_may_have_a_ticket_and_need_not() -> None:
    with_one = judge_openings([a_ticket(community="c3")], [BY_CHANCE])
    without = judge_openings([], [BY_CHANCE])

    assert (with_one.missed, with_one.false) == (without.missed, without.false) == ([], ())


def test_a_ticket_at_another_place_time_or_of_another_kind_is_about_nothing() -> None:
    later = NOON + HALF_AN_HOUR
    for ticket in (
        a_ticket(community="c9"),
        a_ticket(since=later, at=later + 3 * MINUTE_S),
        a_ticket("inconsistent", "c1"),
        a_ticket("inconsistent", "c2", "m3"),
    ):
        check = judge_openings([ticket], [SILENT, BROKEN])

        assert len(check.false) == 1
        assert any("no ticket" in line for line in check.missed)
