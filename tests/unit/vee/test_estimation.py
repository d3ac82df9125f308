from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.apportion import apportion
from streams.domain.channels import MISSING
from streams.domain.estimation import Filled, Window, fill
from streams.domain.gap_shapes import Gap, Method, gaps, interpolation, profile
from streams.domain.vee import Quality, Thresholds
from tests.unit.vee.meters import column

THRESHOLDS = Thresholds()
METERS = 4
MINUTES = 30

Energies = npt.NDArray[np.int64]


@st.composite
def months(draw: st.DrawFn) -> tuple[Energies, Energies, Energies, Energies]:
    """What four meters used and made, and their registers; the first two have panels."""
    numbers = st.integers(0, 100_000)
    shape = (MINUTES, METERS)
    flat = draw(st.lists(numbers, min_size=2 * MINUTES * METERS, max_size=2 * MINUTES * METERS))
    consumption, production = np.array(flat).reshape(2, *shape)
    production[:, 2:] = 0
    net = consumption - production
    imports = 10**9 + np.cumsum(np.maximum(net, 0), axis=0)
    exports = 10**9 + np.cumsum(np.maximum(-net, 0), axis=0)
    return consumption, production, imports, exports


missing_minutes = st.lists(
    st.tuples(st.integers(0, MINUTES - 1), st.integers(0, METERS - 1), st.booleans()), max_size=60
)


def a_window(
    month: tuple[Energies, Energies, Energies, Energies],
    missing: list[tuple[int, int, bool]],
    *,
    like: float = np.nan,
) -> Window:
    """The month without some readings; those marked have lost their registers as well."""
    consumption, production, imports, exports = (values.copy() for values in month)
    for minute, meter, with_registers in missing:
        consumption[minute, meter] = production[minute, meter] = MISSING
        if with_registers:
            imports[minute, meter] = exports[minute, meter] = MISSING
    nothing = np.full(consumption.shape, MISSING)
    has_panels = np.arange(METERS) < 2
    production[:, ~has_panels] = MISSING
    return Window(
        consumption=consumption,
        production=production,
        charge=nothing.copy(),
        discharge=nothing.copy(),
        level=nothing,
        imports=imports,
        exports=exports,
        is_reset=np.zeros(consumption.shape, np.bool_),
        has_panels=has_panels,
        like_consumption=np.full(consumption.shape, like),
        like_production=np.full(consumption.shape, like),
    )


def net_of(filled: Filled) -> Energies:
    return (
        filled.consumption
        - np.maximum(filled.production, 0)
        + np.maximum(filled.charge, 0)
        - np.maximum(filled.discharge, 0)
    )


@given(months(), missing_minutes)
def test_between_two_registers_estimates_add_up_to_what_they_went_on_by(
    month: tuple[Energies, Energies, Energies, Energies], missing: list[tuple[int, int, bool]]
) -> None:
    window = a_window(month, missing)

    filled = fill(window, thresholds=THRESHOLDS)

    _, _, imports, exports = month
    for meter in range(METERS):
        known = np.flatnonzero(window.imports[:, meter] != MISSING)
        for left, right in pairwise(known.tolist()):
            rows = slice(left + 1, right + 1)
            net = int(net_of(filled)[rows, meter].sum())
            forth = int(imports[right, meter] - imports[left, meter])
            assert net == forth - int(exports[right, meter] - exports[left, meter])


@given(months(), missing_minutes)
def test_what_was_measured_is_never_changed(
    month: tuple[Energies, Energies, Energies, Energies], missing: list[tuple[int, int, bool]]
) -> None:
    window = a_window(month, missing)

    filled = fill(window, thresholds=THRESHOLDS)

    measured = window.consumption != MISSING
    assert (filled.consumption[measured] == window.consumption[measured]).all()
    assert (filled.quality[measured] == Quality.MEASURED).all()
    assert (filled.quality[~measured] < Quality.MEASURED).all()


@given(months(), missing_minutes)
def test_estimates_are_whole_and_not_negative_and_the_same_each_time(
    month: tuple[Energies, Energies, Energies, Energies], missing: list[tuple[int, int, bool]]
) -> None:
    window = a_window(month, missing)

    filled, again = (fill(window, thresholds=THRESHOLDS) for _ in range(2))

    assert (filled.consumption == again.consumption).all()
    estimated = filled.quality > Quality.MISSING
    assert (filled.consumption[estimated] >= 0).all()
    assert (filled.consumption[~estimated] == MISSING).all()


@given(months(), missing_minutes, st.randoms(use_true_random=False))
def test_the_order_in_which_true_readings_come_makes_no_difference(
    month: tuple[Energies, Energies, Energies, Energies],
    missing: list[tuple[int, int, bool]],
    chance: object,
) -> None:
    shuffled = list(missing)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    first, second = (
        fill(a_window(month, those), thresholds=THRESHOLDS) for those in (missing, shuffled)
    )

    assert (first.consumption == second.consumption).all()


def test_a_later_true_reading_replaces_its_estimate() -> None:
    month = a_steady_month()
    hole = [(minute, 2, True) for minute in range(10, 20)]

    before = fill(a_window(month, hole), thresholds=THRESHOLDS)
    after = fill(a_window(month, hole[1:]), thresholds=THRESHOLDS)

    assert before.quality[10, 2] == Quality.SUBSTITUTED
    assert after.quality[10, 2] == Quality.MEASURED
    assert after.consumption[10, 2] == month[0][10, 2]


def a_steady_month() -> tuple[Energies, Energies, Energies, Energies]:
    consumption = np.full((MINUTES, METERS), 6_000)
    production = np.zeros((MINUTES, METERS), np.int64)
    registers = 10**9 + np.cumsum(consumption, axis=0)
    return consumption, production, registers, np.full_like(registers, 10**9)


def without_registers(window: Window) -> Window:
    window.imports[:] = MISSING
    return window


def test_a_short_gap_is_interpolated_and_only_estimated_without_registers() -> None:
    window = a_window(a_steady_month(), [(12, 2, True)], like=1.0)

    filled = fill(without_registers(window), thresholds=THRESHOLDS)

    assert filled.consumption[12, 2] == 6_000
    assert filled.method[12, 2] == Method.INTERPOLATION
    assert filled.quality[12, 2] == Quality.ESTIMATED


def test_a_longer_gap_has_the_mean_of_like_days() -> None:
    window = a_window(a_steady_month(), [(m, 2, True) for m in range(5, 25)], like=7_000.0)
    short = Thresholds(interpolation_minutes=10)

    filled = fill(without_registers(window), thresholds=short)

    assert filled.consumption[5:25, 2].tolist() == [7_000] * 20
    assert filled.method[5, 2] == Method.LIKE_DAYS


def test_without_like_days_the_communitys_profile_is_scaled_to_the_meter() -> None:
    month = a_steady_month()
    month[0][:, 2] = 3_000
    window = a_window(month, [(m, 2, True) for m in range(5, 25)])

    filled = fill(without_registers(window), thresholds=Thresholds(interpolation_minutes=10))

    assert filled.method[5, 2] == Method.PROFILE
    assert filled.consumption[5:25, 2].tolist() == [3_000] * 20


def test_where_nothing_is_known_nothing_is_said() -> None:
    window = a_window(a_steady_month(), [(m, k, True) for m in range(MINUTES) for k in range(4)])

    filled = fill(window, thresholds=THRESHOLDS)

    assert (filled.consumption == MISSING).all()
    assert (filled.quality == Quality.MISSING).all()


def test_where_only_the_sum_is_known_it_is_spread_evenly() -> None:
    window = a_window(
        a_steady_month(), [(m, k, True) for m in range(1, MINUTES - 1) for k in range(4)]
    )

    filled = fill(window, thresholds=Thresholds(interpolation_minutes=1))

    assert filled.method[5, 2] == Method.EVEN
    assert filled.consumption[5, 2] == 6_000


def test_over_a_reset_the_registers_say_nothing() -> None:
    window = a_window(a_steady_month(), [(12, 2, True)])
    window.is_reset[13, 2] = True

    filled = fill(window, thresholds=THRESHOLDS)

    assert filled.quality[12, 2] == Quality.ESTIMATED
    assert filled.quality[13, 2] == Quality.RECOVERED


def test_a_batterys_level_says_what_it_gave() -> None:
    window = a_window(a_steady_month(), [(12, 0, True)])
    window.level[:, 0] = 500_000
    window.level[12:, 0] = 497_000
    window.charge[:, 0] = window.discharge[:, 0] = 0

    filled = fill(window, thresholds=THRESHOLDS)

    assert filled.discharge[12, 0] == 3_000
    assert filled.consumption[12, 0] - filled.production[12, 0] == 6_000 + 3_000


@given(
    total=st.integers(0, 2**52),
    weights=st.lists(st.floats(0, 1e12), min_size=1, max_size=50),
)
def test_shares_are_whole_and_sum_to_the_total(total: int, weights: list[float]) -> None:
    shares = apportion(total, np.array(weights))

    assert int(shares.sum()) == total
    assert (shares >= 0).all()


@given(total=st.integers(0, 10**9), weights=st.lists(st.integers(0, 10**6), min_size=1))
def test_a_share_is_less_than_one_from_its_proportion(total: int, weights: list[int]) -> None:
    shares = apportion(total, np.array(weights, np.float64))

    if sum(weights):
        for share, weight in zip(shares.tolist(), weights, strict=True):
            assert abs(share - total * weight / sum(weights)) < 1 + 1e-6


def test_nothing_can_be_split_among_nobody() -> None:
    with pytest.raises(ValueError, match="total=5 can't be split in 0"):
        apportion(5, np.array([]))


def test_gaps_are_found_by_meter() -> None:
    missing = np.array([[True, False], [True, True], [False, True]])

    assert gaps(missing) == [Gap(0, 0, 2), Gap(1, 1, 3)]


def test_an_interpolation_needs_a_good_neighbour_on_either_side() -> None:
    energies = column(10, MISSING, MISSING, 40)[:, 0]

    assert interpolation(energies, Gap(0, 1, 3), thresholds=THRESHOLDS) == pytest.approx([20, 30])
    assert interpolation(energies[:3], Gap(0, 1, 3), thresholds=THRESHOLDS) is None


def test_too_few_neighbours_make_no_profile() -> None:
    energies = np.array([[5, 5, MISSING], [5, 5, 5]])

    assert np.isnan(profile(energies, thresholds=THRESHOLDS)).tolist() == [[True] * 3, [False] * 3]
