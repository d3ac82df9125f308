import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streams.domain.channels import MISSING
from streams.domain.packing import pack, unpack

ROWS = st.tuples(st.integers(1, 7), st.integers(1, 20))
SIZES = st.sampled_from([0, 1, 254, 255, 256, 65_534, 65_535, 2**31, 2**40 - 2, 2**40 - 1, 2**62])


@given(ROWS.flatmap(lambda shape: hnp.arrays(np.int64, shape, elements=SIZES | st.just(MISSING))))
def test_cells_come_back_as_they_were(cells: np.ndarray) -> None:
    packed = np.empty(cells.nbytes, dtype=np.uint8)
    again = np.empty_like(cells)

    size, widths = pack(cells, packed)

    assert unpack(packed, widths, again) == size
    assert (again == cells).all()


def test_each_row_takes_the_bytes_of_its_largest_value() -> None:
    cells = np.array([[MISSING, 254], [0, 255], [65_534, 1], [2**62, 0]])
    packed = np.empty(cells.nbytes, dtype=np.uint8)

    size, _ = pack(cells, packed)

    assert size == 2 * (1 + 2 + 2 + 8)
