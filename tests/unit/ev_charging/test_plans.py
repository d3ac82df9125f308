from schemas.ev_charging import ChargePlan
from schemas.units import PERIOD_S
from streams.domain.ev_charging_plans import FRESH_S, Plans, beside
from tests.unit.ev_charging.playing import EVENING


def a_plan(partition: int, quarter: int, *, version: int = 1) -> ChargePlan:
    """Return a plan of a partition from some quarter-hour of the evening on."""
    return ChargePlan(
        partition=partition,
        period_start=EVENING + quarter * PERIOD_S,
        version=version,
        base_w=[1_000],
        planned_w=[500],
        sessions=1,
        communities=1,
        asked_mwh=125_000,
        planned_mwh=125_000,
        gap=0.0,
        sweeps=1,
    )


def those_beside(plans: Plans, quarter: int) -> list[tuple[int, int, int]]:
    """Return partition, quarter-hour and version of what partition 0 plans beside."""
    found = beside(plans.all(), partition=0, due=EVENING + quarter * PERIOD_S)
    return [(p.partition, (p.period_start - EVENING) // PERIOD_S, p.version) for p in found]


def test_whoever_is_faster_a_plan_is_made_beside_those_of_the_quarter_hour_before() -> None:
    plans = Plans()
    for plan in (a_plan(0, 3), a_plan(1, 3), a_plan(2, 3)):
        plans.take(plan)
    before = those_beside(plans, 4)

    plans.take(a_plan(1, 4))

    assert before == those_beside(plans, 4) == [(1, 3, 1), (2, 3, 1)]
    assert those_beside(plans, 5) == [(1, 4, 1), (2, 3, 1)]


def test_a_worker_that_has_just_begun_takes_what_it_finds() -> None:
    plans = Plans()

    plans.take(a_plan(1, 4))

    assert those_beside(plans, 4) == [(1, 4, 1)]


def test_of_several_versions_the_highest_stands() -> None:
    plans = Plans()
    for version in (2, 3, 1):
        plans.take(a_plan(1, 3, version=version))

    assert those_beside(plans, 4) == [(1, 3, 3)]


def test_plans_of_another_night_are_forgotten() -> None:
    plans = Plans()
    plans.take(a_plan(1, 0))
    plans.take(a_plan(2, 0))

    plans.take(a_plan(1, FRESH_S // PERIOD_S + 1))

    assert [plan.period_start for plan in plans.all() if plan.partition == 1] == [
        EVENING + FRESH_S + PERIOD_S
    ]
    assert those_beside(plans, FRESH_S // PERIOD_S) == [(1, FRESH_S // PERIOD_S + 1, 1)]
