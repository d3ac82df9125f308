from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from streams.domain.ev_charging_planning import (
    Fleet,
    Levels,
    Plan,
    Tolerance,
    plan_fleet,
    possible_energies,
)
from tests.unit.ev_charging.fleets import (
    KWH,
    QUARTER_OF_A_KW,
    Car,
    a_fleet,
    bases,
    fleets,
    least_share,
    most_energy,
    optimum,
)

pytestmark = pytest.mark.slow  # the first call compiles

FINE = Tolerance(gap=1e-6, sweeps=200)
NEAR_MWH = 20
"""The solver's own tolerance, 1e-7 of a few kWh, with all that comes together."""


def obeys_limits(fleet: Fleet, plan: Plan) -> bool:
    sums = [
        plan.charge[first:last].sum(axis=0)
        for first, last in zip(fleet.firsts[:-1], fleet.firsts[1:], strict=True)
    ]
    return bool(
        (plan.charge >= 0).all()
        and (plan.charge <= fleet.cap).all()
        and (np.array(sums) <= fleet.headroom).all()
    )


def test_fills_the_valley() -> None:
    base = np.array([4, 3, 1, 1, 1, 2, 4, 4]) * 1.0 * KWH
    fleet = a_fleet([Car(2 * KWH), Car(3 * KWH)])

    plan = plan_fleet(fleet, base, tolerance=FINE)

    level = (base + plan.charge.sum(axis=0)) / KWH
    assert level == pytest.approx([4, 3, 2.5, 2.5, 2.5, 2.5, 4, 4], abs=0.01)


def test_ties_go_late() -> None:
    fleet = a_fleet([Car(KWH)])

    plan = plan_fleet(fleet, np.full(8, 9.0 * KWH), tolerance=Tolerance(gap=0.01, sweeps=1))

    assert plan.charge[0, 0] <= plan.charge[0, -1]


def test_who_can_charge_elsewhere_makes_way_for_who_cannot() -> None:
    base = np.array([5.0, 1, 5, 5, 5, 5, 5, 5]) * KWH
    fleet = a_fleet([Car(KWH), Car(KWH, arrives=1, leaves=2)], rooms=[4 * QUARTER_OF_A_KW])

    plan = plan_fleet(fleet, base, tolerance=FINE)

    assert plan.charge[1, 1] == KWH
    assert plan.charge[0].sum() == KWH
    assert plan.charge[0, 1] == 0


def test_many_communities_starve_nobody() -> None:
    # One slot for each community in turn, as the original did, reaches 8 of these 50.
    fleet = a_fleet(*[[Car(2 * KWH)] for _ in range(50)])

    plan = plan_fleet(fleet, np.zeros(8), tolerance=FINE)

    assert (plan.charge.sum(axis=1) == 2 * KWH).all()


def test_all_behind_a_narrow_connection_get_the_same_share() -> None:
    fleet = a_fleet([Car(4 * KWH), Car(8 * KWH), Car(2 * KWH)], rooms=[7 * KWH // 8])

    energy = possible_energies(fleet)

    assert energy / fleet.asked == pytest.approx([0.5, 0.5, 0.5], abs=1e-5)
    assert energy.sum() == 7 * KWH


def test_what_was_had_counts_for_the_share() -> None:
    fleet = a_fleet([Car(4 * KWH, had_mwh=2 * KWH), Car(4 * KWH)], rooms=[2 * KWH // 8])

    energy = possible_energies(fleet)

    assert energy / KWH == pytest.approx([0, 2], abs=1e-4)


def test_who_is_not_in_the_narrow_place_is_not_cut() -> None:
    rooms = [[0, 0, 0, QUARTER_OF_A_KW, 4 * KWH, 4 * KWH, 4 * KWH, 4 * KWH]]
    fleet = a_fleet([Car(KWH, leaves=4), Car(KWH, leaves=4), Car(KWH)], rooms=list(rooms))

    energy = possible_energies(fleet)

    assert energy / KWH == pytest.approx([0.125, 0.125, 1], abs=1e-4)


def test_a_charger_that_is_too_large_for_its_connection_takes_nothing_from_the_others() -> None:
    fleet = a_fleet(
        [Car(4 * KWH, power_w=11_000, on_off=True), Car(4 * KWH)], rooms=[10 * QUARTER_OF_A_KW // 4]
    )

    plan = plan_fleet(fleet, np.zeros(8), tolerance=FINE)

    assert (plan.charge.sum(axis=1) / KWH).tolist() == [0, 4]


def test_what_an_on_off_charger_cannot_use_goes_to_the_others() -> None:
    cars = [Car(9 * KWH, power_w=4_000, on_off=True), Car(8 * KWH, power_w=5_000)]
    fleet = a_fleet(cars, rooms=[5 * QUARTER_OF_A_KW])

    plan = plan_fleet(fleet, np.zeros(8), tolerance=FINE)

    # Shares of 10 kWh would be 5.3 and 4.7; a sixth whole period would leave the other with less.
    assert (plan.charge.sum(axis=1) / KWH).tolist() == [5, 5]


def test_what_the_grid_cannot_bear_is_taken_from_all_communities_alike() -> None:
    fleet = a_fleet([Car(8 * KWH)], [Car(4 * KWH)], [Car(2 * KWH)])
    base = np.full(8, 10.0 * KWH)

    plan = plan_fleet(fleet, base, tolerance=FINE, limit=10.875 * KWH)

    assert (base + plan.charge.sum(axis=0)).max() <= 10.875 * KWH
    assert plan.charge.sum(axis=1) / fleet.asked == pytest.approx([0.5] * 3, abs=0.005)


def test_a_fleet_of_nobody_has_a_plan() -> None:
    plan = plan_fleet(a_fleet([]), np.full(8, 1.0 * KWH), tolerance=FINE, limit=2.0 * KWH)

    assert plan.charge.shape == (0, 8)
    assert plan.gap == 0


@given(fleets(step=1), bases)
def test_limits_hold_and_energies_are_met_to_the_mwh(fleet: Fleet, base: Levels) -> None:
    energy = possible_energies(fleet)

    plan = plan_fleet(fleet, base, tolerance=FINE)

    assert obeys_limits(fleet, plan)
    assert (plan.charge.sum(axis=1) == energy).all()


@given(fleets())
def test_no_energy_is_left_that_could_be_given(fleet: Fleet) -> None:
    energy = possible_energies(fleet)

    assert energy.sum() == pytest.approx(most_energy(fleet), abs=NEAR_MWH)
    assert (energy <= np.minimum(fleet.asked, fleet.cap.sum(axis=1))).all()


@given(fleets(roomy=True))
def test_without_a_narrow_place_all_get_what_their_chargers_can(fleet: Fleet) -> None:
    energy = possible_energies(fleet)

    assert (energy == np.minimum(fleet.asked, fleet.cap.sum(axis=1))).all()


@given(fleets(), bases)
def test_the_gap_bounds_the_distance_from_the_exact_optimum(fleet: Fleet, base: Levels) -> None:
    energy = possible_energies(fleet)
    plan = plan_fleet(fleet, base, tolerance=Tolerance(gap=0.01, sweeps=50))

    best = optimum(fleet, base, energy)

    assert plan.lower_bound <= best * (1 + 1e-6) + KWH
    assert plan.objective >= best * (1 - 1e-6) - KWH
    assert plan.gap <= 0.01


@given(fleets(), bases)
def test_reaches_the_optimum(fleet: Fleet, base: Levels) -> None:
    energy = possible_energies(fleet)

    plan = plan_fleet(fleet, base, tolerance=FINE)

    assert plan.objective == pytest.approx(optimum(fleet, base, energy), rel=2e-3, abs=KWH)


@given(fleets(only_continuous=False), bases)
def test_switched_chargers_keep_the_limits_and_their_bound(fleet: Fleet, base: Levels) -> None:
    plan = plan_fleet(fleet, base, tolerance=FINE)

    assert obeys_limits(fleet, plan)
    # Whole chargers are off where they do not fit; else any power is free in the bound.
    rooms = np.repeat(fleet.headroom, np.diff(fleet.firsts), axis=0)
    fits = ~fleet.on_off[:, None] | (fleet.cap <= rooms)
    freed = replace(fleet, cap=np.where(fits, fleet.cap, 0))
    best = optimum(freed, base, plan.charge.sum(axis=1))
    assert plan.lower_bound <= best * (1 + 1e-6) + KWH


@given(fleets(only_continuous=False), bases)
def test_on_off_chargers_are_on_for_whole_periods_until_the_vehicle_is_full(
    fleet: Fleet, base: Levels
) -> None:
    plan = plan_fleet(fleet, base, tolerance=FINE)

    for session in np.flatnonzero(fleet.on_off):
        on = np.flatnonzero(plan.charge[session])
        assert (plan.charge[session, on[:-1]] == fleet.cap[session, on[:-1]]).all()


@given(fleets(only_continuous=False, roomy=True), bases)
def test_switching_leaves_nobody_short_where_there_is_room(fleet: Fleet, base: Levels) -> None:
    plan = plan_fleet(fleet, base, tolerance=FINE)

    assert (plan.charge.sum(axis=1) == possible_energies(fleet)).all()


@given(fleets(only_continuous=False, roomy=True), bases)
def test_chargers_with_a_least_power_are_below_it_once_at_most(fleet: Fleet, base: Levels) -> None:
    plan = plan_fleet(fleet, base, tolerance=FINE)

    for session in np.flatnonzero(fleet.least):
        on = plan.charge[session][plan.charge[session] > 0]
        assert (on < fleet.least[session]).sum() <= 1


@given(fleets())
def test_the_least_share_is_as_large_as_can_be(fleet: Fleet) -> None:
    energy = possible_energies(fleet)
    most = np.minimum(fleet.asked, fleet.cap.sum(axis=1))

    for community in range(len(fleet.firsts) - 1):
        inside = slice(fleet.firsts[community], fleet.firsts[community + 1])
        wanted = most[inside] > 0
        if wanted.any() and (most[inside] == fleet.asked[inside]).all():
            shares = energy[inside][wanted] / most[inside][wanted]
            slack = NEAR_MWH / most[inside][wanted].min() + 2e-6
            assert shares.min() >= least_share(fleet, community) - slack
