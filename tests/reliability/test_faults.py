"""The list of faults: it follows from its seed, and whatever is on it can be done."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliability.campaign import WORKERS
from reliability.faults import (
    CONTROL_KINDS,
    ROLES_WITH_STATE,
    STATE_KINDS,
    WORKER_KINDS,
    Fault,
    Kind,
    draw,
)
from reliability.ground import Ground
from reliability.injection import Injector
from reliability.results import Happened, Result, table, table_of_people


def _draw(seed: int, *, faults: int = 25, nodes: int = 1) -> list[Fault]:
    return draw(seed, faults=faults, seconds=120, workers=WORKERS, nodes=nodes)


def _result(*faults: Happened, difference_mwh: int = 0, truth: str = "ok") -> Result:
    return Result(
        command="python -m reliability --seed 7",
        seed=7,
        nodes=1,
        faults=list(faults),
        healed_s=2.5,
        difference_mwh=difference_mwh,
        checks={"truth": truth},
    )


def test_a_seed_has_one_list() -> None:
    assert _draw(7) == _draw(7)
    assert _draw(7) != _draw(8)


@given(st.integers(0, 10_000), st.integers(2, 60), st.sampled_from([1, 3]))
def test_a_list_is_in_order_as_long_as_asked_for_and_names_what_there_is(
    seed: int, faults: int, nodes: int
) -> None:
    drawn = _draw(seed, faults=faults, nodes=nodes)

    assert len(drawn) == faults
    assert [fault.at_s for fault in drawn] == sorted(fault.at_s for fault in drawn)
    for fault in drawn:
        assert 0 <= fault.at_s <= 120
        assert fault.lasts_s >= 0
        if fault.kind in WORKER_KINDS:
            assert 1 <= fault.number <= WORKERS[fault.role]
        else:
            assert 1 <= fault.number <= nodes
        assert fault.role in ROLES_WITH_STATE or fault.kind not in STATE_KINDS


def test_every_kind_comes_before_one_comes_again() -> None:
    assert {fault.kind for fault in _draw(7, faults=len(Kind))} == set(Kind)


def test_every_role_is_hit_and_each_that_has_state_in_its_state() -> None:
    drawn = _draw(7, faults=10 * len(Kind))

    assert {fault.role for fault in drawn if fault.kind in WORKER_KINDS} == set(WORKERS)
    assert {fault.role for fault in drawn if fault.kind in STATE_KINDS} == set(ROLES_WITH_STATE)


@given(st.integers(0, 10_000), st.integers(4, 60))
def test_control_is_killed_paused_and_killed_in_a_rebalance(seed: int, faults: int) -> None:
    drawn = _draw(seed, faults=faults)

    assert {fault.kind for fault in drawn if fault.role == "control"} >= set(CONTROL_KINDS)


def test_a_kind_can_be_left_out() -> None:
    drawn = draw(7, faults=60, seconds=120, workers=WORKERS, nodes=1, without={Kind.BROKER_KILLED})

    assert {fault.kind for fault in drawn} == set(Kind) - {Kind.BROKER_KILLED}


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_can_be_done(kind: Kind) -> None:
    injector = Injector(cast("Ground", None))

    assert isinstance(injector.begin(Fault(0.0, kind, "metering", 1, 1.0, 7)), Iterator)


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = _result(Happened("worker: SIGKILL", "metering", 1, 1.0, 1.1, healed_s=4.0))

    result.write(tmp_path / "seed-7.json")

    assert Result.read(tmp_path / "seed-7.json") == result


def _rows(results: Sequence[Result]) -> list[list[str]]:
    lines = [line for line in table(results).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_table_counts_what_was_done_and_tells_the_worst() -> None:
    killed = str(Kind.WORKER_KILLED)
    results = [
        _result(Happened(killed, "metering", 1, 1.0, 1.1, healed_s=4.0)),
        _result(
            Happened(killed, "history", 1, 1.0, 1.1, healed_s=9.0),
            Happened(str(Kind.BROKER_PAUSED), "", 1, 3.0, 5.0, healed_s=5.1),
            Happened(str(Kind.DISK_FULL), "metering", 1, 20.0, 20.1, is_done=False),
        ),
    ]

    assert _rows(results) == [
        [killed, "2", "4.0", "9.0", "0"],
        [str(Kind.BROKER_PAUSED), "1", "5.1", "5.1", "0"],
        ["all, in 2 runs", "3", "", "2.5 after the last", "0"],
    ]


def test_a_seed_that_failed_prints_its_command() -> None:
    said = table([_result(difference_mwh=5, truth="1 row")])

    assert "Failed: `python -m reliability --seed 7`" in said


def test_runs_that_told_people_nothing_are_in_no_table_of_people() -> None:
    told = _result()
    told.people = {"mails": 9, "mails twice": 1}

    assert table_of_people([_result(), told]).splitlines() == [
        "| run | mails | mails twice |",
        "|---|---|---|",
        "| `--seed 7` | 9 | 1 |",
    ]
