import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streams.domain.channels import (
    CHARGE,
    CONSUMPTION,
    DISCHARGE,
    EXPORT,
    FLOWS,
    IMPORT,
    MISSING,
    PRODUCTION,
)
from streams.domain.sums import flows, known_sum

ENERGY_CHANNELS = 0b1111
readings = hnp.arrays(np.int64, (4, 6), elements=st.integers(MISSING, 10**12))
measured_readings = hnp.arrays(np.int64, (4, 6), elements=st.integers(0, 10**12))


@given(measured_readings)
def test_energy_is_conserved_at_the_connection_of_each_household(cells: np.ndarray) -> None:
    out = flows(cells, ENERGY_CHANNELS)

    gained = out[IMPORT] + cells[PRODUCTION] + cells[DISCHARGE]
    spent = out[EXPORT] + cells[CONSUMPTION] + cells[CHARGE]
    assert (gained == spent).all()


@given(measured_readings)
def test_nobody_imports_and_exports_in_the_same_reading(cells: np.ndarray) -> None:
    out = flows(cells, ENERGY_CHANNELS)

    assert (np.minimum(out[IMPORT], out[EXPORT]) == 0).all()


@given(readings)
def test_import_is_missing_exactly_where_consumption_is(cells: np.ndarray) -> None:
    out = flows(cells, ENERGY_CHANNELS)

    assert ((out[IMPORT] == MISSING) == (cells[CONSUMPTION] == MISSING)).all()
    assert ((out[EXPORT] == MISSING) == (cells[CONSUMPTION] == MISSING)).all()


def test_what_a_household_does_not_measure_counts_as_nothing_and_stays_unmeasured() -> None:
    out = flows(np.array([[500]]), 0b1)

    assert out[:, 0].tolist() == [500, MISSING, 500, 0, MISSING, MISSING]
    assert len(FLOWS) == 6


@given(readings)
def test_a_sum_is_missing_only_where_nothing_is_known(cells: np.ndarray) -> None:
    sums = known_sum(cells, axis=-1)

    for row, total in zip(cells.tolist(), sums.tolist(), strict=True):
        known = [value for value in row if value != MISSING]
        assert total == (sum(known) if known else MISSING)
