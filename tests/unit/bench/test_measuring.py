"""What a rate is taken between, and what is said of it."""

from pathlib import Path

import pytest

from bench.contestants import PEERS
from bench.journal import Journal, Line
from bench.measuring import Measurement, Sighting, TooSlowError, between
from bench.report import rows, table

FRAMES = 1_000


def a_sighting(at_s: float, frames: int) -> Sighting:
    return Sighting(at_s, frames, at_s, at_s)


def a_measurement(*, readings: float = 1_000_000, is_whole: bool = True) -> Measurement:
    return Measurement("Smatrix Grid", is_whole, 20_000, readings, 2.0, 1.0, 0.5, 2**20)


def test_a_rate_begins_with_a_tenth_of_the_frames() -> None:
    seen = [a_sighting(1, 50), a_sighting(2, 100), a_sighting(3, 1_000)]

    assert between(seen, FRAMES) == (seen[1], seen[2])


def test_a_slow_peer_is_warm_after_five_seconds() -> None:
    seen = [a_sighting(1, 1), a_sighting(5, 2), a_sighting(6, 3), a_sighting(20, 9)]

    assert between(seen, FRAMES) == (seen[2], seen[3])


def test_one_commit_gives_no_rate() -> None:
    with pytest.raises(TooSlowError):
        between([a_sighting(1, 1_000)], FRAMES)


def test_a_row_has_the_median_and_the_spread_of_all_rounds() -> None:
    lines = [
        Line("ours", number, a_measurement(readings=readings))
        for number, readings in enumerate((2e6, 1e6, 4e6))
    ]

    (row,) = rows(lines, PEERS)

    assert (row.rate.median, row.rate.lowest, row.rate.highest) == (1e6, 0.5e6, 2e6)
    assert "| 1,000 (500-2,000) | 2,000 (1,000-4,000) | 1.00 | 1.00 |" in table([row])


def test_the_table_says_who_was_too_slow_for_all_frames() -> None:
    found = rows([Line("ours", 1, a_measurement(is_whole=False))], PEERS)

    assert "Too slow for all frames" in table(found)


def test_a_later_call_goes_on_where_the_journal_ends(tmp_path: Path) -> None:
    path = tmp_path / "peers.jsonl"
    line = Line("ours", 1, a_measurement())
    Journal(path, resume=False).add(line)

    assert Journal(path, resume=True).lines() == [line]
    assert Journal(path, resume=False).lines() == []
