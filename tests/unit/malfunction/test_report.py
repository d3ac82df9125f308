"""A small seeded report: silence is found, all of it, and nothing else is."""

from pathlib import Path

import orjson
import pytest

from deploy.malfunction.reporting import Report, delays_of, report_of, write
from load_generator.meter_faults import MeterFaultRates
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from schemas.malfunction import MalfunctionKind
from tests.unit.domain.watching import POLICY

pytestmark = pytest.mark.slow

METER, TERMINAL, INCONSISTENT, *_ = MalfunctionKind


def a_report(rates: MeterFaultRates, *, days: int) -> Report:
    return report_of(
        read_profiles([SHIPPED_PROFILE]),
        rates,
        households=12,
        communities=2,
        days=days,
        seed=3,
        policy=POLICY,
    )


@pytest.fixture(scope="module")
def report() -> Report:
    return a_report(MeterFaultRates(outage=3, terminal_outage=6, phantom_battery=2), days=8)


def test_where_nothing_is_wrong_nothing_is_told() -> None:
    counts = a_report(MeterFaultRates(), days=4).counts.kinds.values()

    assert [count.tickets for count in counts] == [0] * len(MalfunctionKind)


def test_every_outage_is_found_by_a_ticket_of_its_kind_and_no_ticket_is_false(
    report: Report,
) -> None:
    for kind in (METER, TERMINAL):
        count = report.counts.kinds[kind]
        assert count.found > 0
        assert (count.other, count.missed, count.false) == (0, 0, 0)


def test_silence_is_told_five_minutes_after_it_began(report: Report) -> None:
    delays = delays_of(report.counts.kinds[METER])

    # Three minutes, two of lateness, and a frame's way.
    assert delays is not None
    assert 5 <= delays[0] <= delays[1] <= 6


def test_a_report_is_written_for_machines_and_for_people(report: Report, tmp_path: Path) -> None:
    write(report, tmp_path)

    kinds = orjson.loads((tmp_path / "result.json").read_bytes())["kinds"]
    found = report.counts.kinds[METER].found
    assert kinds["meter_silent"]["found"] == found
    assert f"| meter_silent | {found} | {found} |" in (tmp_path / "table.md").read_text()
