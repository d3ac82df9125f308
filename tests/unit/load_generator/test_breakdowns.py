"""What breaks down is seen in the frames, and named beforehand."""

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from load_generator.breakdowns import CALM_MINUTES, LONGEST_MINUTES, SHORTEST_MINUTES, Suspect
from load_generator.faults import FaultRates
from load_generator.plan import Plan
from load_generator.truth import truth_table
from schemas.malfunction import MalfunctionKind

NOON = datetime(2026, 7, 14, 10, 0, tzinfo=UTC)
MINUTES = 240


def a_plan(path: Path, *, minutes: int = MINUTES, **rates: float) -> Plan:
    return Plan(
        communities=4,
        households=20,
        seed=3,
        start=NOON,
        minutes=minutes,
        profiles=[path],
        faults=FaultRates(**rates),
    )


def frames_of(plan: Plan) -> dict[tuple[str, int], dict[str, Any]]:
    """Return each frame by its community and minute."""
    found = {}
    for minute in plan.batches():
        for frame in minute.frames:
            content = json.loads(frame.value)
            found[content["community_id"], content["minute"]] = content
    return found


def minutes_of(suspect: Suspect) -> range:
    return range(suspect.first_minute, suspect.end, 60)


def test_a_silent_terminal_sends_nothing_while_it_is_and_everything_else(
    a_day_of_profiles: Path,
) -> None:
    plan = a_plan(a_day_of_profiles, silent=0.5)

    silences = [suspect for suspect in plan.suspects() if suspect.is_certain]

    frames = frames_of(plan)
    missing = {(one.community_id, minute) for one in silences for minute in minutes_of(one)}
    assert {one.kind for one in silences} == {MalfunctionKind.TERMINAL_SILENT}
    assert len({one.community_id for one in silences}) == 2
    assert not missing & frames.keys()
    assert len(frames) == 4 * MINUTES - len(missing)


def test_a_broken_meter_sends_nonsense_while_it_is_and_nobody_else_does(
    a_day_of_profiles: Path,
) -> None:
    plan = a_plan(a_day_of_profiles, nonsense=0.5)

    broken = [suspect for suspect in plan.suspects() if suspect.is_certain]

    wrong = defaultdict(set)
    for (_, minute), frame in frames_of(plan).items():
        for column in ("consumption_wh", "production_wh"):
            for meter, energy in zip(frame["meter_id"], frame.get(column, []), strict=False):
                if energy is not None and energy < 0:
                    wrong[meter].add(minute)
    assert {one.kind for one in broken} == {MalfunctionKind.INCONSISTENT}
    assert len(broken) == 2
    assert wrong == {one.meter_id: set(minutes_of(one)) for one in broken}


def test_breakdowns_leave_the_begin_and_the_end_of_a_run_alone(a_day_of_profiles: Path) -> None:
    plan = a_plan(a_day_of_profiles, silent=0.5, nonsense=0.5)
    first = int(NOON.timestamp())

    certain = [suspect for suspect in plan.suspects() if suspect.is_certain]

    assert len({suspect.community_id for suspect in certain}) == len(certain) == 4
    for suspect in certain:
        assert SHORTEST_MINUTES <= len(minutes_of(suspect)) <= LONGEST_MINUTES
        assert suspect.first_minute >= first + CALM_MINUTES * 60
        assert suspect.end <= first + (MINUTES - CALM_MINUTES) * 60


@pytest.mark.parametrize("minutes", [1, 2 * CALM_MINUTES + LONGEST_MINUTES])
def test_a_run_too_short_for_them_has_none(a_day_of_profiles: Path, minutes: int) -> None:
    assert a_plan(a_day_of_profiles, minutes=minutes, silent=1.0).suspects() == []


def test_what_chance_has_lost_or_delayed_in_a_row_is_suspect_and_not_certain(
    a_day_of_profiles: Path,
) -> None:
    plan = a_plan(a_day_of_profiles, minutes=60, lost=0.3, late=0.3)

    suspects = plan.suspects()

    assert suspects
    assert not any(suspect.is_certain for suspect in suspects)
    assert all(suspect.end - suspect.first_minute >= 180 for suspect in suspects)


def test_the_truth_of_a_run_with_breakdowns_is_what_its_frames_say(a_day_of_profiles: Path) -> None:
    plan = a_plan(a_day_of_profiles, silent=0.5, nonsense=0.5)

    truth = truth_table(each.settled for each in plan.batches() if each.settled is not None)

    out_of_order = sum(
        len(minutes_of(suspect)) * (5 if suspect.meter_id is None else 1)
        for suspect in plan.suspects()
        if suspect.is_certain
    )
    assert sum(truth["measured_minutes"].to_pylist()) == 20 * MINUTES - out_of_order
