from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.channels import MISSING
from streams.domain.rounding import to_mwh


@given(st.lists(st.decimals(0, 10**9, places=6), min_size=1))
def test_rounds_the_decimal_number_that_was_sent_half_to_even(sent: list[Decimal]) -> None:
    exact = [int((wh * 1000).to_integral_value(rounding=ROUND_HALF_EVEN)) for wh in sent]

    assert to_mwh(np.array([float(wh) for wh in sent])).tolist() == exact


@pytest.mark.parametrize(
    ("sent_wh", "energy_mwh"),
    [("8.333", 8333), ("1.0015", 1002), ("1.0025", 1002), ("0.0005", 0), ("0.0015", 2), ("-0", 0)],
)
def test_ties_go_to_the_even_neighbour(sent_wh: str, energy_mwh: int) -> None:
    assert to_mwh(np.array([float(sent_wh)])).tolist() == [energy_mwh]


def test_what_was_not_measured_stays_missing() -> None:
    assert to_mwh(np.array([[np.nan, 1.0]])).tolist() == [[MISSING, 1000]]
