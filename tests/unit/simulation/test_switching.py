"""Switchings as they were: each stretch of OFF once, and flaps only where they are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deploy.simulation.switching import flaps, off_runs

rasters = arrays(np.bool_, st.tuples(st.integers(1, 90), st.integers(1, 4)))


def a_raster(*off: range, minutes: int = 200) -> np.ndarray:
    raster = np.zeros((minutes, 1), np.bool_)
    for each in off:
        raster[each.start : each.stop] = True
    return raster


@given(rasters)
def test_the_stretches_are_all_that_was_off_and_nothing_else(off: np.ndarray) -> None:
    runs = off_runs(off)

    again = np.zeros_like(off)
    for household, begins, ends in runs.tolist():
        assert not again[begins:ends, household].any()
        again[begins:ends, household] = True
    assert (again == off).all()


def test_off_again_within_an_hour_is_a_flap() -> None:
    assert flaps(off_runs(a_raster(range(10, 25), range(60, 75)))) == 1


def test_off_again_after_an_hour_is_none() -> None:
    assert flaps(off_runs(a_raster(range(10, 25), range(70, 90)))) == 0


def test_two_households_that_are_off_one_after_the_other_make_no_flap() -> None:
    raster = np.hstack([a_raster(range(10, 25)), a_raster(range(30, 45))])

    assert flaps(off_runs(raster)) == 0
