"""What validation remembers, as bytes and back."""

import numpy as np
import pytest

from streams.domain.channels import MISSING
from streams.domain.like_days import DayKind
from streams.domain.validated_periods import Kept, PartId
from tables import validation as table
from tables.minutes import SchemaError
from tests.unit.domain.test_validated_communities import LILAS, NOON, Worker, evenly, told, without


def test_a_period_comes_back_as_it_was() -> None:
    cells = np.random.default_rng(1).integers(MISSING, 10**7, (15, 3, 9))
    flags = np.zeros((15, 9), np.uint32)
    flags[3, 8], flags[14, 0] = 5, 1 << 21
    kept = Kept(77, 0b1000011, cells, flags, np.arange(9) % 2 == 0)

    back = table.decode_period(table.encode_period(kept))

    assert (back.version, back.mask) == (77, 0b1000011)
    assert np.array_equal(back.cells, cells)
    assert np.array_equal(back.flags, flags)
    assert np.array_equal(back.is_replaced, kept.is_replaced)


def test_a_silent_period_comes_back_as_it_was() -> None:
    back = table.decode_period(table.encode_period(Kept.silent(15, 4)))

    assert (back.version, back.mask, back.cells.shape) == (0, 0, (15, 0, 4))


def test_a_part_comes_back_with_its_days() -> None:
    worker = Worker()
    worker.fold(told(without(evenly(), 2, range(10, 15))))
    part = worker.validations.parts[LILAS]
    sums = np.full((96, 5), 1_500_000)
    part.loads.remember(7, DayKind.SUNDAY, sums)
    part.panels.remember(7, DayKind.SUNDAY, 2 * sums)

    back = table.decode_part(table.encode_part(part))
    table.decode_day_into(back, DayKind.SUNDAY, 0, table.encode_day(part, DayKind.SUNDAY, 0))

    assert (back.judged, back.day, back.kept_from) == (NOON, part.day, NOON)
    assert np.array_equal(back.memory, part.memory)
    assert back.gap_from.tolist() == [-1, -1, NOON + 600, -1, -1]
    assert np.array_equal(back.heard, part.heard)
    for before, after in ((part.loads, back.loads), (part.panels, back.panels)):
        assert np.array_equal(before.days, after.days)
        assert np.array_equal(before.sums, after.sums)


def test_keys_of_a_part_sort_by_time() -> None:
    part = PartId("lilas", 3)

    keys = [table.period_key(part, start) for start in (NOON + 900, NOON)]

    assert sorted(keys) == keys[::-1]
    assert all(key.startswith(table.part_key(part)) for key in keys)


def test_bytes_of_a_later_version_are_refused() -> None:
    data = bytearray(table.encode_period(Kept.silent(15, 1)))
    data[0] = 9

    with pytest.raises(SchemaError, match="schema 9 is unknown here"):
        table.decode_period(bytes(data))
