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
from streams.domain.minutes import Minute
from streams.domain.sums import minute_sums, period_sums

ENERGY_CHANNELS = 0b1111
readings = hnp.arrays(np.int64, (4, 6), elements=st.integers(MISSING, 10**12))
measured_readings = hnp.arrays(np.int64, (4, 6), elements=st.integers(0, 10**12))
readings_of_minutes = hnp.arrays(np.int64, (5, 4, 3), elements=st.integers(MISSING, 9))


def flows(cells: np.ndarray, mask: int = ENERGY_CHANNELS) -> np.ndarray:
    sums, _ = period_sums([a_minute(cells, mask)], periods=1)
    (of_the_minute,) = sums
    return np.asarray(of_the_minute)


def a_minute(cells: np.ndarray, mask: int = ENERGY_CHANNELS) -> Minute:
    return Minute(mask, cells, ((1, 1),), version=2)


def sum_of_known(values: list[int]) -> int:
    known = [value for value in values if value != MISSING]
    return sum(known) if known else MISSING


@given(measured_readings)
def test_energy_is_conserved_at_the_connection_of_each_household(cells: np.ndarray) -> None:
    out = flows(cells)

    gained = out[IMPORT] + cells[PRODUCTION] + cells[DISCHARGE]
    spent = out[EXPORT] + cells[CONSUMPTION] + cells[CHARGE]
    assert (gained == spent).all()


@given(measured_readings)
def test_nobody_imports_and_exports_in_the_same_reading(cells: np.ndarray) -> None:
    out = flows(cells)

    assert (np.minimum(out[IMPORT], out[EXPORT]) == 0).all()


@given(readings)
def test_import_is_missing_exactly_where_consumption_is(cells: np.ndarray) -> None:
    out = flows(cells)

    assert ((out[IMPORT] == MISSING) == (cells[CONSUMPTION] == MISSING)).all()
    assert ((out[EXPORT] == MISSING) == (cells[CONSUMPTION] == MISSING)).all()


def test_what_a_household_does_not_measure_counts_as_nothing_and_stays_unmeasured() -> None:
    out = flows(np.array([[500]]), 0b1)

    assert out[:, 0].tolist() == [500, MISSING, 500, 0, MISSING, MISSING]
    assert len(FLOWS) == 6


@given(readings)
def test_a_minute_s_sums_are_those_of_its_meters(cells: np.ndarray) -> None:
    sums, measured = minute_sums([a_minute(cells)])

    assert sums[0].tolist() == [sum_of_known(row) for row in flows(cells).tolist()]
    assert measured.tolist() == [np.count_nonzero(cells[CONSUMPTION] != MISSING)]


@given(readings_of_minutes)
def test_a_period_s_sums_are_those_of_its_minutes_for_each_meter(cells: np.ndarray) -> None:
    sums, measured = period_sums([a_minute(minute) for minute in cells], periods=1)

    each = np.stack([flows(minute) for minute in cells])
    for flow in range(len(FLOWS)):
        for meter in range(cells.shape[2]):
            assert sums[0, flow, meter] == sum_of_known(each[:, flow, meter].tolist())
    assert (measured[0] == (cells[:, CONSUMPTION] != MISSING).sum(axis=0)).all()


def test_periods_told_together_are_summed_apart() -> None:
    one, two = (a_minute(np.full((4, 2), value)) for value in (1, 5))

    sums, _ = period_sums([one, one, two, two], periods=2)

    assert sums[:, CONSUMPTION].tolist() == [[2, 2], [10, 10]]
