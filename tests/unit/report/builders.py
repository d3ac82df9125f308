"""A run in figures, and a small day of which every sum is known."""

from datetime import UTC, datetime, timedelta
from typing import Final

from deploy.report.result import Breakdown, DemoResult, Sample
from schemas.metering import HouseholdIntervals

MIDNIGHT: Final = 1_767_225_600  # 2026-01-01 00:00 UTC
PERIOD_S: Final = 900
QUARTER_HOURS: Final = 96
NOON_QUARTERS: Final = range(40, 56)

STRANGE_COMMUNITY: Final = "<script>alert(1)</script>"
STRANGE_METER: Final = "$\\frac{m}{"


def a_result(  # noqa: PLR0913 - what a test may be about
    *,
    readings_sent: int = 2_903_668,
    end_to_end_s: float = 14.2,
    rows_compared: int = 192_345,
    rows_differing: int = 0,
    difference_mwh: int = 0,
    first_differences: tuple[str, ...] = (),
) -> DemoResult:
    return DemoResult(
        started_at=datetime(2026, 11, 24, 22, 10, tzinfo=UTC),
        first_minute=datetime(2026, 1, 1, tzinfo=UTC),
        minutes=1_439,
        seed=7_001,
        faults="some",
        communities=41,
        households=2_003,
        frames_sent=58_199,
        readings_sent=readings_sent,
        duplicate_frames=581,
        reordered_frames=1_171,
        late_frames=601,
        lost_frames=291,
        lost_readings=14_550,
        corrected_frames=309,
        corrected_readings=9_168,
        invalid_readings=288,
        rejected_readings=287,
        community_minutes=57_600,
        household_periods=192_001,
        autarky_changes=1_234,
        rejections={"negative_energy": 280, "over_cap": 7},
        breakdowns=(
            a_breakdown("c0007", opened=3, cleared=17),
            a_breakdown("c0011", "m0011-003", opened=5, cleared=None),
            a_breakdown("c0012", opened=None, cleared=None),
        ),
        tickets_opened=4,
        rows_compared=rows_compared,
        rows_differing=rows_differing,
        difference_mwh=difference_mwh,
        first_differences=first_differences,
        end_to_end_s=end_to_end_s,
        phases_s={"Play the day": 12.1, "Compare": 1.4},
        versions={"Faust": "0.15.3", "ClickHouse": "26.9.1"},
        machine="2 cores",
    )


def a_breakdown(
    community: str, meter: str | None = None, *, opened: int | None, cleared: int | None
) -> Breakdown:
    """Of 14 min at 10:00, whose ticket was opened and cleared so many minutes later."""
    begins = datetime(2026, 1, 1, 10, tzinfo=UTC)
    return Breakdown(
        kind="inconsistent" if meter else "terminal_silent",
        community_id=community,
        meter_id=meter,
        begins=begins,
        ends=begins + timedelta(minutes=14),
        opened_at=None if opened is None else begins + timedelta(minutes=opened),
        cleared_at=None if cleared is None else begins + timedelta(minutes=cleared),
    )


def samples() -> list[Sample]:
    return [
        Sample(
            seconds=seconds,
            frames_sent=40 * seconds,
            readings_sent=2_000 * seconds,
            readings_done=1_900 * seconds,
            minutes_closed=30 * seconds,
            periods_stored=120 * seconds,
            lag_records=2 * seconds,
        )
        for seconds in range(5)
    ]


def a_quarter_hour(quarter: int) -> list[HouseholdIntervals]:
    """Two communities: one consumes 1 kW; the other 200 W, its roof makes 1 kW around noon.

    The second household's battery takes 600 W of that, 200 W are exported.
    """
    noon = quarter in NOON_QUARTERS
    plain = _of_one("c1", "m1", quarter, consumption_mwh=250_000, import_mwh=250_000, export_mwh=0)
    solar = _of_one(
        STRANGE_COMMUNITY,
        STRANGE_METER,
        quarter,
        consumption_mwh=50_000,
        production_mwh=250_000 if noon else 0,
        battery_charge_mwh=150_000 if noon else 0,
        battery_discharge_mwh=0 if noon else 12_500,
        import_mwh=0 if noon else 37_500,
        export_mwh=50_000 if noon else 0,
    )
    return [plain, solar]


def _of_one(community: str, meter: str, quarter: int, **energies_mwh: int) -> HouseholdIntervals:
    channels = (
        "consumption_mwh",
        "production_mwh",
        "import_mwh",
        "export_mwh",
        "battery_charge_mwh",
        "battery_discharge_mwh",
    )
    return HouseholdIntervals.model_validate(
        {
            "community_id": community,
            "period_start": MIDNIGHT + quarter * PERIOD_S,
            "version": 1,
            "part": 0,
            "parts": 1,
            "meter_id": [meter],
            "measured_minutes": [15],
            **{channel: [energies_mwh.get(channel)] for channel in channels},
        }
    )
