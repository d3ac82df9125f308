"""Every question of docs/analysts.md, asked of households whose figures were added by hand."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.embedded.processes import free_port
from schemas.autarky import AutarkyState
from schemas.malfunction import MalfunctionKind, TicketEvent, TicketState
from schemas.metering import RejectionRule
from schemas.production import OrderReason
from sinks.clickhouse.autarky_rows import autarky_change_rows, autarky_interval_rows
from sinks.clickhouse.client import connect
from sinks.clickhouse.household_rows import household_rows
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.malfunction_rows import malfunction_rows
from sinks.clickhouse.production_rows import (
    grid_minute_rows,
    plant_minute_rows,
    production_order_rows,
    shed_order_rows,
)
from sinks.clickhouse.registry_rows import registered_household_rows, registered_plant_rows
from sinks.clickhouse.rejection_rows import rejection_rows
from sinks.clickhouse.validation_rows import validated_interval_rows
from streams.settings import Settings
from tests.registered import a_household, a_plant
from tests.unit.domain.evaluating import a_grid_minute
from tests.unit.sinks.messages import (
    a_change,
    a_period,
    a_plant_minute,
    a_rejection,
    a_shed_order,
    a_step,
    an_autarky_interval,
    an_order,
    as_json,
    validated,
)
from tests.unit.sinks.server import clickhouse, settings_for

pytestmark = pytest.mark.slow

QUESTIONS = {
    int(number): sql
    for number, sql in re.findall(
        r"^## (\d+)\. .*?^```sql\n(.*?)^```",
        Path("docs/analysts.md").read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
}


def utc(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """Return an instant of 2026 as clickhouse-connect does: in UTC, and without saying so."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC).replace(tzinfo=None)


def epoch(month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return int(utc(month, day, hour, minute).replace(tzinfo=UTC).timestamp())


NOON, QUARTER_PAST = epoch(1, 15, 12, 0), epoch(1, 15, 12, 15)
LAST_OF_JANUARY, FIRST_OF_FEBRUARY = epoch(1, 31, 23, 45), epoch(2, 1)

# m0001-001 has no panels, m0001-002 has; the community's noon is corrected by 50 Wh.
TWO = ("m0001-001", "m0001-002")
PERIODS = [
    a_period(
        community="c0001",
        period_start=NOON,
        version=1,
        meters=TWO,
        consumption_mwh=[450_000, 200_000],
        production_mwh=[None, 600_000],
        import_mwh=[450_000, 0],
        export_mwh=[0, 400_000],
    ),
    a_period(
        community="c0001",
        period_start=NOON,
        version=7,
        meters=TWO,
        consumption_mwh=[500_000, 200_000],
        production_mwh=[None, 600_000],
        import_mwh=[500_000, 0],
        export_mwh=[0, 400_000],
    ),
    a_period(
        community="c0001",
        period_start=QUARTER_PAST,
        version=2,
        meters=TWO,
        consumption_mwh=[300_000, 400_000],
        production_mwh=[None, 100_000],
        import_mwh=[300_000, 300_000],
        export_mwh=[0, 0],
    ),
    a_period(
        community="c0001",
        period_start=LAST_OF_JANUARY,
        version=3,
        meters=TWO,
        consumption_mwh=[100_000, 100_000],
        production_mwh=[None, 0],
        import_mwh=[100_000, 100_000],
        export_mwh=[0, 0],
    ),
    a_period(
        community="c0001",
        period_start=FIRST_OF_FEBRUARY,
        version=4,
        meters=["m0001-001"],
        consumption_mwh=[999_000],
        import_mwh=[999_000],
        export_mwh=[0],
    ),
    a_period(
        community="c0002",
        period_start=NOON,
        version=1,
        meters=["m0002-001"],
        consumption_mwh=[1_000_001],
        import_mwh=[1_000_001],
        export_mwh=[0],
    ),
    a_period(
        community="c0002",
        period_start=QUARTER_PAST,
        version=2,
        meters=["m0002-001"],
        consumption_mwh=[250_000],
        import_mwh=[250_000],
        export_mwh=[0],
        measured_minutes=[12],
    ),
]
REJECTIONS = [
    a_rejection(offset=1, received_at_ms=NOON * 1000),
    a_rejection(offset=2, received_at_ms=NOON * 1000 + 1),
    a_rejection(offset=3, rule=RejectionRule.NOT_JSON, value_base64="Pw==", value_bytes=1),
]
# c0003 has a household with a roof and one without; c0004 one whose noon lacks minutes.
AUTARKY = [
    an_autarky_interval(
        community="c0003",
        start=NOON,
        meters=("m0003-001", "m0003-002"),
        consumption=[1_000_000, 500_000],
        production=[2_000_000, None],
        used=[1_000_000, 0],
        own=[1_000_000, None],
    ),
    an_autarky_interval(
        community="c0003",
        start=QUARTER_PAST,
        meters=("m0003-001", "m0003-002"),
        consumption=[1_000_000, 500_000],
        production=[0, None],
        used=[500_000, 0],
        own=[0, None],
    ),
    an_autarky_interval(
        community="c0004",
        start=NOON,
        meters=("m0004-001",),
        consumption=[None],
        production=[None],
        used=[None],
        own=[None],
    ),
    an_autarky_interval(
        community="c0004",
        start=QUARTER_PAST,
        meters=("m0004-001",),
        consumption=[1_000_000],
        production=[None],
        used=[0],
        own=[None],
    ),
]
CHANGES = [
    a_change(community="c0003", meter="m0003-001", start=NOON),
    a_change(
        community="c0003",
        meter="m0003-001",
        start=epoch(1, 15, 15, 30),
        from_state=AutarkyState.AUTARKIC,
        to_state=AutarkyState.DEPENDENT,
    ),
    a_change(community="c0003", meter=None, start=NOON),
    a_change(community="c0003", meter="m0003-002", start=NOON),
    a_change(community="c0003", meter="m0003-002", start=NOON, version=2, withdrawn=True),
]

HOUSEHOLDS = [
    a_household("h0001-001", "c0001"),
    a_household("h0001-002", "c0001", version=1),
    a_household("h0001-002", "c0001", version=2, pv_peak_w=5_000, battery_wh=10_000),
    a_household("h0001-003", "c0001", valid_from=NOON),
    a_household("h0001-004", "c0001", valid_to=NOON),
]

STEPS = [
    a_step(1, ticket="t-1", at=NOON),
    a_step(2, TicketEvent.CLEARED, TicketState.RESOLVED, ticket="t-1", at=NOON + 1_800),
    a_step(1, ticket="t-2", meters=["m2"], at=NOON),
    a_step(
        1,
        ticket="t-3",
        kind=MalfunctionKind.TERMINAL_SILENT,
        meters=(),
        at=FIRST_OF_FEBRUARY,
    ),
]

GRID = [
    a_grid_minute(NOON, 600, version=1),
    a_grid_minute(NOON, 800, version=2, share_reported=0.8, forecast_partitions=[2]),
    a_grid_minute(NOON + 60, 600, version=3),
]
PLANTS = [
    a_plant("gas", source="gas", cost_eur_per_mwh="85.00", co2_g_per_kwh=370),
    a_plant("w1"),
]
PLANT_MINUTES = [
    a_plant_minute(plant_id="gas", minute=NOON, production_w=600_000),
    a_plant_minute(plant_id="gas", minute=NOON + 60, production_w=480_000),
    a_plant_minute(plant_id="w1", minute=NOON, production_w=60_000),
]
ORDERS = [
    an_order(plant_id="gas", valid_from=NOON, ordered_w=600_000),
    an_order(plant_id="gas", valid_from=NOON + 60, ordered_w=600_000),
    an_order(plant_id="w1", valid_from=NOON, ordered_w=0, reason=OrderReason.STOPPING),
]
SHED = [
    a_shed_order(community_id="c0001", minute=NOON, valid_from=NOON + 60),
    a_shed_order(
        community_id="c0001", minute=NOON + 60, valid_from=NOON + 120, version=2, shed_w=900
    ),
]

NEGATIVE = "consumption_wh[0] = -1: negative"
ANSWERS: dict[int, Sequence[tuple[object, ...]]] = {
    1: [
        (utc(1, 15, 12, 0), Decimal(500), None, Decimal(500), Decimal(0), 15),
        (utc(1, 15, 12, 15), Decimal(300), None, Decimal(300), Decimal(0), 15),
    ],
    2: [
        ("c0001", Decimal("1.6"), Decimal("0.7"), Decimal("1.3"), Decimal("0.4")),
        ("c0002", Decimal("1.250"), None, Decimal("1.250"), Decimal(0)),
    ],
    3: [
        ("m0001-001", Decimal(900), Decimal(0), 31 * 1440 - 45),
        ("m0001-002", Decimal(400), Decimal(400), 31 * 1440 - 45),
    ],
    4: [
        (utc(1, 15, 12, 15), Decimal(2400)),
        (utc(1, 15, 12, 0), Decimal(2000)),
        (utc(1, 31, 23, 45), Decimal(800)),
    ],
    5: [
        ("c0002", "m0002-001", 1413),
        ("c0001", "m0001-001", 1410),
        ("c0001", "m0001-002", 1410),
    ],
    # Noon: 200 Wh of one's own and 400 of the neighbour's; then 100 of one's own; of 1,400 in all.
    6: [(utc(1, 15), 0.5), (utc(1, 31), 0.0)],
    7: [
        ("c0002", "m0002-001", Decimal("1250.001")),
        ("c0001", "m0001-001", Decimal(900)),
        ("c0001", "m0001-002", Decimal(700)),
    ],
    8: [("c0001", utc(1, 15, 12, 0), 7, Decimal(700), Decimal(50))],
    # 23:45 UTC is the first hour of the day in Zurich.
    9: [(Decimal(1199), 2)],
    10: [
        ("negative_energy", 2, 1, NEGATIVE, '{"a": -1}'),
        ("not_json", 1, 1, NEGATIVE, "?"),
    ],
    # 1,500 of 2,000 Wh, half an hour's panels made 2,000 and 1,000 of it stayed.
    11: [("m0003-001", 0.75, 0.5, 2), ("m0003-002", 0.0, None, 2)],
    # At noon c0003 shares 500 of the 1,000 it has left; the grid is then what is known of it.
    12: [
        ("c0003", (1_500 + 500) / 3_000, Decimal(500)),
        ("c0004", 0.0, Decimal(0)),
        ("the grid", (1_500 + 500) / 4_000, Decimal(500)),
    ],
    13: [("m0003-001", utc(1, 15, 12, 0), utc(1, 15, 11, 45), 1.0, 210)],
    14: [("c0003", 1, 2, 1)],
    # m0001-003 came at noon and has not said a word; m0001-004 had gone by then.
    15: [
        ("h0001-001", "m0001-001", None, None),
        ("h0001-002", "m0001-002", 5_000, 10_000),
        ("h0001-003", "m0001-003", None, None),
    ],
    16: [("c0001", "m0001-003")],
    # One meter was silent for 30 minutes, another one still is; February's outage does not count.
    17: [("meter_silent", 2, 0, 0, 1, 30.0)],
    18: [(utc(1, 15, 12), 700.0, 800, 0.9, 1)],
    # A minute at 600 kW and one at 480 kW.
    19: [("gas", 18.0, 1.53, 6.66), ("w1", 1.0, None, None)],
    20: [("gas", 2, 1, 120_000)],
    21: [("c0001", utc(1, 15, 12, 1), 900, 1_000)],
    22: [("m0001-002", 1, 0, 10, ["like_days"])],
}


# What m0001-002 used at noon was missing for 10 minutes.
FIGURES = validated(
    {"m0001-002": 210_000},
    version=1,
    of_version=9,
    community_id="c0001",
    period_start=NOON,
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    port = free_port()
    with clickhouse(tmp_path_factory.mktemp("clickhouse"), port):
        yield settings_for(port)


async def test_every_question_has_the_answer_that_was_added_by_hand(settings: Settings) -> None:
    sink = Sink(settings)
    await sink.start()
    for decoded in (
        household_rows([as_json(period) for period in PERIODS]),
        rejection_rows([as_json(rejection) for rejection in REJECTIONS]),
        autarky_interval_rows([event.model_dump_json().encode() for event in AUTARKY]),
        autarky_change_rows([event.model_dump_json().encode() for event in CHANGES]),
        malfunction_rows([step.model_dump_json().encode() for step in STEPS]),
        validated_interval_rows([FIGURES]),
        grid_minute_rows([event.model_dump_json().encode() for event in GRID]),
        plant_minute_rows([event.model_dump_json().encode() for event in PLANT_MINUTES]),
        production_order_rows([event.model_dump_json().encode() for event in ORDERS]),
        shed_order_rows([event.model_dump_json().encode() for event in SHED]),
        registered_plant_rows([plant.model_dump_json().encode() for plant in PLANTS]),
        registered_household_rows([stay.model_dump_json().encode() for stay in HOUSEHOLDS]),
    ):
        for batch in decoded.batches:
            await sink.insert(batch)
    await sink.close()

    async with await connect(settings) as client:
        answers = {
            number: list((await client.query(sql)).result_rows) for number, sql in QUESTIONS.items()
        }

    assert answers == ANSWERS
