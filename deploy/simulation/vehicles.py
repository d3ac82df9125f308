"""Vehicles' night: all are full by morning, and the grid has no new peak for it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa

from deploy.report.pictures import Picture, picture
from deploy.simulation.consumption import minutes_table
from deploy.simulation.pictures import draw_gantt, draw_loads
from deploy.simulation.recording import Recording
from deploy.simulation.scenario import Run, Scenario
from deploy.simulation.verdict import Check
from streams.topics import CHARGE_DIRECTIVES, CHARGE_PLANS, CHARGE_PROMISES, PRODUCTION_ORDERS

ROUNDING_MWH: Final = 60_000
"""60 Wh: what a charger misses by the minute in which a power begins or ends."""


def _unmet(recording: Recording) -> tuple[int, int, float]:
    """Return how many vehicles left, how many without what they could have had, and its kWh.

    Those that leave before the departure they said are left out: nobody could know.
    """
    left = unmet = 0
    lacking = 0.0
    for before, truth in zip(recording.truths, recording.truths[1:], strict=False):
        gone = before.plugged.is_in & ~truth.plugged.is_in
        in_time = gone & (truth.minute >= before.plugged.departure)
        left += int(gone.sum())
        stay_s = truth.minute - before.plugged.plugged_in
        possible = recording.world.chargers.power_w * 1000 * stay_s // 3600
        could = np.minimum(before.plugged.needed, possible)
        lacks = in_time & (before.plugged.charged + ROUNDING_MWH < could)
        unmet += int(lacks.sum())
        lacking += float((could - before.plugged.charged)[lacks].sum()) / 1e6
    return left, unmet, lacking


def _judge(run: Run) -> list[Check]:
    left, unmet, lacking = _unmet(run.steered)
    peaks = [each.net_load_w.max() / 1000 for each in (run.steered, run.free)]
    communities = [
        float(each.community_w.max(axis=0).sum()) / 1000 for each in (run.steered, run.free)
    ]
    return [
        Check(
            name="Vehicles that left in time without what they could have had",
            found=f"{unmet:,} of {left:,} ({lacking:.1f} kWh)",
            goal="none",
            is_met=left > 0 and unmet == 0,
        ),
        Check(
            name="Peak of the grid's load",
            found=f"{peaks[0]:,.0f} kW (all at plug-in {peaks[1]:,.0f} kW)",
            goal="lower than with all at plug-in",
            is_met=peaks[0] < peaks[1],
        ),
        Check(
            name="Sum of the communities' peaks",
            found=f"{communities[0]:,.0f} kW (all at plug-in {communities[1]:,.0f} kW)",
            goal="lower than with all at plug-in",
            is_met=communities[0] < communities[1],
        ),
        Check(
            name="Promises told to vehicles",
            found=f"{len(run.said(CHARGE_PROMISES)):,}",
            goal="at least one a session",
            is_met=len(run.said(CHARGE_PROMISES)) >= left > 0,
        ),
    ]


def _draw(run: Run) -> Iterator[Picture]:
    recording = run.steered
    yield picture(
        "The grid's load",
        "The load of the whole grid with the vehicles planned, and as it would have been with each "
        "charging as soon as it comes home.",
        "load",
        lambda figure, layout: draw_loads(
            figure,
            layout,
            recording.edges,
            steered=recording.net_load_w,
            free=run.free.net_load_w,
            limit_w=None,
        ),
    )
    for title, name, each in (
        ("Vehicles, planned", "gantt", recording),
        ("Vehicles, all at plug-in", "gantt-free", run.free),
    ):
        is_in = np.array([truth.plugged.is_in for truth in each.truths])
        yield picture(
            title,
            "A line a vehicle, in the order of arrival: grey while it is plugged in, blue while it "
            "charges, the stronger the more power.",
            name,
            lambda figure, layout, each=each, is_in=is_in: draw_gantt(  # type: ignore[misc]
                figure, layout, each.edges, each.charged_w, is_in
            ),
        )


def _tables(run: Run) -> dict[str, pa.Table]:
    recording, fleet = run.steered, run.steered.world.fleet
    power = recording.charged_w
    minute, vehicle = np.nonzero(power)
    meters = np.array(fleet.meter_ids)[fleet.ev]
    charging = pa.table(
        {
            "minute": recording.edges[minute],
            "meter_id": meters[vehicle],
            "power_w": np.round(power[minute, vehicle], 3),
        }
    )
    return {"minutes": minutes_table(recording), "charging": charging}


VEHICLES: Final = Scenario(
    name="vehicles",
    title="Vehicles' night",
    story="A January night: vehicles come home, say when they leave, and are to be full by then, "
    "while the grid's load stays as even as can be.",
    start=datetime(2025, 1, 16, 14, tzinfo=UTC),
    minutes=1200,
    hears=(CHARGE_DIRECTIVES, CHARGE_PROMISES, CHARGE_PLANS, PRODUCTION_ORDERS),
    judge=_judge,
    draw=_draw,
    tables=_tables,
)
