import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.autarky import (
    Figures,
    Flows,
    Ledger,
    Sums,
    self_consumption,
    self_sufficiency,
    settle,
    sums_of,
)

WHOLE = 15
energies = st.none() | st.integers(0, 10_000_000) | st.integers(0, 10**14)
ledgers = st.builds(Ledger, st.integers(0, 10**15), st.integers(0, 10**15))
flows = st.builds(Flows, energies, energies, energies, energies, st.integers(0, WHOLE))


def of(flows: Flows, ledger: Ledger = Ledger()) -> tuple[Figures | None, Ledger]:  # noqa: B008
    return settle(flows, ledger, efficiency_percent=90)


def test_the_sun_serves_the_load_first_then_the_battery_and_what_is_left_goes_out() -> None:
    figures, ledger = of(Flows(1_000, 5_000, 3_000, 0, WHOLE))

    assert figures == Figures(1_000, 5_000, 1_000, 4_000, surplus=1_000, need=0)
    assert ledger == Ledger(solar=2_700, grid=0)


def test_a_battery_charged_from_the_grid_makes_nobody_autarkic() -> None:
    _, ledger = of(Flows(0, 0, 10_000, 0, WHOLE))

    figures, _ = of(Flows(5_000, 0, 0, 5_000, WHOLE), ledger)

    assert ledger == Ledger(solar=0, grid=9_000)
    assert self_sufficiency(figures) == 0.0


def test_a_battery_charged_from_the_sun_alone_does_to_the_last_mwh() -> None:
    _, ledger = of(Flows(0, 10_001, 10_001, 0, WHOLE))

    figures, ledger = of(Flows(9_000, None, 0, 9_000, WHOLE), ledger)

    assert self_sufficiency(figures) == 1.0
    assert ledger == Ledger()


def test_discharging_draws_pro_rata_from_both_origins() -> None:
    figures, ledger = of(Flows(4_000, 0, 0, 4_000, WHOLE), Ledger(solar=6_000, grid=2_000))

    assert self_sufficiency(figures) == 0.75
    assert ledger == Ledger(solar=3_000, grid=1_000)


def test_what_the_ledger_does_not_know_of_counts_as_the_grid_s() -> None:
    figures, ledger = of(Flows(4_000, 0, 0, 4_000, WHOLE), Ledger(solar=1_000))

    assert self_sufficiency(figures) == 0.25
    assert ledger == Ledger()


def test_what_a_battery_feeds_into_the_grid_does_not_serve_the_load() -> None:
    figures, _ = of(Flows(1_000, 0, 0, 4_000, WHOLE), Ledger(solar=2_000, grid=2_000))

    assert figures is not None
    assert (figures.solar_used, figures.need) == (500, 0)


@pytest.mark.parametrize(
    "missing", [Flows(1_000, 500, 0, 0, 14), Flows(None, 500, 0, 0, WHOLE), Flows(1, 1, 1, 1, 0)]
)
def test_nothing_is_said_of_a_period_with_data_missing_but_the_ledger_takes_what_is_known(
    missing: Flows,
) -> None:
    figures, _ = of(missing)

    assert figures is None
    assert self_sufficiency(figures) is None
    assert self_consumption(figures) is None


def test_the_ratios_are_undefined_without_consumption_or_production() -> None:
    nothing_used, _ = of(Flows(0, 4_000, 0, 0, WHOLE))
    nothing_made, _ = of(Flows(4_000, 0, 0, 0, WHOLE))

    assert self_sufficiency(nothing_used) is None
    assert self_consumption(nothing_used) == 0.0
    assert self_consumption(nothing_made) is None
    assert self_sufficiency(nothing_made) == 0.0


def test_neighbours_share_what_is_left_in_the_same_period() -> None:
    sunny, _ = of(Flows(1_000, 3_000, 0, 0, WHOLE))
    dark, _ = of(Flows(4_000, None, 0, 0, WHOLE))

    community = sums_of([sunny, dark])

    assert community == Sums(5_000, 3_000, 1_000, 1_000, surplus=2_000, need=4_000)
    assert self_sufficiency(community) == 0.6
    assert self_consumption(community) == 1.0


def test_a_community_is_unknown_with_one_of_its_households_and_without_any() -> None:
    whole, _ = of(Flows(1_000, 3_000, 0, 0, WHOLE))

    assert sums_of([whole, None]) is None
    assert sums_of([]) is None


@given(flows, ledgers)
def test_energy_is_conserved_in_the_battery(flows: Flows, before: Ledger) -> None:
    _, after = of(flows, before)

    stored = (flows.charge or 0) * 90 // 100
    known = sum(before) + stored
    assert min(after) >= 0
    assert sum(after) == known - min(flows.discharge or 0, known)


@given(flows, ledgers)
def test_each_mwh_used_or_made_is_accounted_for_once(flows: Flows, before: Ledger) -> None:
    figures, _ = of(flows, before)

    if figures is not None:
        assert min(figures.solar_used, figures.self_consumed, figures.surplus, figures.need) >= 0
        assert figures.self_consumed + figures.surplus == (figures.production or 0)
        assert figures.solar_used + figures.need <= figures.consumption


@given(st.lists(flows, max_size=20))
def test_without_sun_nothing_is_ever_solar(days: list[Flows]) -> None:
    ledger = Ledger()
    for period in days:
        figures, ledger = of(period._replace(production=None), ledger)
        assert ledger.solar == 0
        assert figures is None or figures.solar_used == 0
