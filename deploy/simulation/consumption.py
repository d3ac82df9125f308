"""Household consumption and global consumption: what is used, by whom and by all."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa

from deploy.report.pictures import Picture, picture
from deploy.simulation.pictures import draw_balance
from deploy.simulation.recording import W_A_MWH, Recording
from deploy.simulation.scenario import Run, Scenario
from deploy.simulation.verdict import Check
from deploy.truth_check import compare, stored_periods
from schemas.energy_balance import GridMinute
from streams.topics import GRID_MINUTES, PRODUCTION_ORDERS

PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.5
_FLOWS: Final = ("consumption", "production", "imported", "exported")
_SUMMER: Final = datetime(2025, 7, 16, tzinfo=UTC)
_GRID_SUM: Final = """
SELECT toUnixTimestamp(period_start) AS start,
    toInt64(consumption_wh * 1000) AS consumption, toInt64(production_wh * 1000) AS production,
    toInt64(import_wh * 1000) AS imported, toInt64(export_wh * 1000) AS exported
FROM {database:Identifier}.grid_quarter_hours
WHERE period_start BETWEEN fromUnixTimestamp({first:UInt32}) AND fromUnixTimestamp({last:UInt32})
ORDER BY start
"""


def _await_stored(run: Run) -> None:
    deadline = time.monotonic() + PATIENCE_S
    periods = run.steered.periods
    while stored_periods(run.client, run.database, periods) < periods.num_rows:
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL_S)


def _judge_households(run: Run) -> list[Check]:
    _await_stored(run)
    found = compare(run.client, run.database, run.steered.periods)
    return [
        Check(
            name="Household quarter-hours in ClickHouse that differ from the truth",
            found=f"{found.differing:,} of {found.rows:,}",
            goal="none",
            is_met=found.rows > 0 and found.is_equal,
        ),
        Check(
            name="Sum of all differences, over every channel",
            found=f"{found.difference_mwh:,} mWh",
            goal="0 mWh",
            is_met=found.difference_mwh == 0,
        ),
    ]


def _judge_grid(run: Run) -> list[Check]:
    _await_stored(run)
    return [*_quarters(run), *_minutes(run)]


def _quarters(run: Run) -> Iterator[Check]:
    """Hold the grid's quarter-hours against sums of the truth."""
    truth = run.steered.periods.group_by("period_start").aggregate(
        [(f"{name}_mwh", "sum") for name in ("consumption", "production", "import", "export")]
    )
    starts = [int(start.timestamp()) for start in truth["period_start"].to_pylist()]
    sums = [truth[f"{name}_mwh_sum"] for name in ("consumption", "production", "import", "export")]
    expected = dict(zip(starts, zip(*(s.to_pylist() for s in sums), strict=True), strict=True))
    stored = run.client.query(
        _GRID_SUM,
        parameters={"database": run.database, "first": min(starts), "last": max(starts)},
    ).result_rows
    equal = sum(expected.get(start) == tuple(values) for start, *values in stored)
    yield Check(
        name="Quarter-hours of the grid that are exactly the sum of its households",
        found=f"{equal:,} of {len(expected):,}",
        goal="all",
        is_met=equal == len(expected) > 0,
    )


def _minutes(run: Run) -> Iterator[Check]:
    """Hold the grid's minutes, as they were told at last, against the truth."""
    last: dict[int, GridMinute] = {}
    for _, told in run.said(GRID_MINUTES):
        if told.minute not in last or last[told.minute].version < told.version:
            last[told.minute] = told
    equal = sum(
        truth.minute in last
        and last[truth.minute].import_mwh == int(truth.flows.imported.sum())
        and last[truth.minute].export_mwh == int(truth.flows.exported.sum())
        for truth in run.steered.truths
    )
    yield Check(
        name="Minutes of the grid whose import and export are exactly the truth",
        found=f"{equal:,} of {len(run.steered.truths):,}",
        goal="all",
        is_met=equal == len(run.steered.truths),
    )


def grid_flows(recording: Recording) -> dict[str, np.ndarray]:
    """Return the grid's flows by minute, W."""
    return {name: recording.energy_w(name) for name in _FLOWS}


def _draw_grid(run: Run) -> Iterator[Picture]:
    recording = run.steered
    flows = grid_flows(recording)
    yield picture(
        "The grid",
        "What all households use and make in each minute, and what crosses their connections.",
        "grid",
        lambda figure, layout: draw_balance(figure, layout, recording.edges, flows),
    )


def _draw_household(run: Run) -> Iterator[Picture]:
    recording = run.steered
    fleet = recording.world.fleet
    swing = sum((t.flows.imported + t.flows.exported)[0] for t in recording.truths)
    owners = fleet.battery if len(fleet.battery) else np.arange(fleet.households)
    household = int(owners[np.argmax(np.asarray(swing)[owners])])
    panels = np.flatnonzero(fleet.pv == household)
    flows = {
        name: np.array([getattr(t.flows, name)[0, household] for t in recording.truths]) * W_A_MWH
        for name in ("consumption", "imported", "exported")
    }
    made = [t.flows.production[0, panels].sum() for t in recording.truths]
    flows["production"] = np.array(made) * W_A_MWH
    yield picture(
        "One household",
        f"Meter {fleet.meter_ids[household]}: what it uses and makes in each minute, and what "
        "crosses its connection.",
        "household",
        lambda figure, layout: draw_balance(figure, layout, recording.edges, flows),
    )
    yield from _draw_grid(run)


def _tables(run: Run) -> dict[str, pa.Table]:
    return {"minutes": minutes_table(run.steered), "quarter_hours": run.steered.periods}


def minutes_table(recording: Recording) -> pa.Table:
    """Return the grid's minutes: start, and the mean power of each flow, W."""
    return pa.table(
        {"minute": recording.edges[:-1]}
        | {f"{name}_w": np.round(power, 3) for name, power in grid_flows(recording).items()}
    )


HOUSEHOLD_CONSUMPTION: Final = Scenario(
    name="household-consumption",
    title="Household consumption",
    story="A summer's day: every household's meter tells what it used, made, stored and exchanged. "
    "What the system keeps of each quarter-hour must be what really flowed.",
    start=_SUMMER,
    minutes=1440,
    roles=("metering", "history"),
    judge=_judge_households,
    draw=_draw_household,
    tables=_tables,
)

GLOBAL_CONSUMPTION: Final = Scenario(
    name="global-consumption",
    title="Global consumption",
    story="The same day for the whole grid: its minutes and quarter-hours must be the sums of all "
    "households, and each minute must be told.",
    start=_SUMMER,
    minutes=1440,
    roles=("metering", "control", "history"),
    hears=(GRID_MINUTES, PRODUCTION_ORDERS),
    judge=_judge_grid,
    draw=_draw_grid,
    tables=_tables,
)
