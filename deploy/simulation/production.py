"""Production follows demand, both ways: plants are asked for what is needed, and no more."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa

from deploy.report.pictures import Picture, picture
from deploy.simulation.consumption import minutes_table
from deploy.simulation.pictures import draw_loads, draw_plants
from deploy.simulation.recording import Recording, Watts
from deploy.simulation.scenario import Run, Scenario
from deploy.simulation.verdict import Check
from streams.topics import GRID_MINUTES, PRODUCTION_ORDERS

SETTLING_MINUTES: Final = 30
"""Plants come from wherever they were, and their ramps take a while."""

MOST_IMBALANCE: Final = 0.05
MOST_SHORT_MINUTES: Final = 0.05
SHORT: Final = 0.05
"""Plants that give less than the load by more than this share are short.

From one minute to the next the load of a thousand households changes by 3 % by chance alone.
"""
FOLLOWED: Final = 0.9
_SPAN_MINUTES: Final = 120


def imbalance_w(recording: Recording) -> Watts:
    """Return what plants give beyond the net load, W by minute; negative: what lacks."""
    return np.asarray(recording.production_w.sum(axis=1) - recording.net_load_w, np.float64)


def _judge(run: Run) -> list[Check]:
    settled = slice(min(SETTLING_MINUTES, len(run.steered.truths) - 1), None)
    load = run.steered.net_load_w[settled]
    steered, free = (imbalance_w(each)[settled] for each in (run.steered, run.free))
    mean = float(np.abs(load).mean())
    off = float(np.abs(steered).mean()) / mean
    off_free = float(np.abs(free).mean()) / mean
    short = float((steered < -SHORT * np.abs(load)).mean())
    return [
        Check(
            name="Mean imbalance of plants and load, as a share of the mean load",
            found=f"{off:.1%} (without control {off_free:.1%})",
            goal=f"at most {MOST_IMBALANCE:.0%}, and less than without",
            is_met=off <= MOST_IMBALANCE and off < off_free,
        ),
        Check(
            name=f"Minutes in which plants gave over {SHORT:.0%} less than the load",
            found=f"{short:.1%}",
            goal=f"at most {MOST_SHORT_MINUTES:.0%}",
            is_met=short <= MOST_SHORT_MINUTES,
        ),
        *_followed(run, settled, rises=True),
        *_followed(run, settled, rises=False),
        _within_limits(run.steered),
    ]


def _followed(run: Run, settled: slice, *, rises: bool) -> Iterator[Check]:
    """Hold the largest rise, or fall, of the load in two hours against what plants did in them.

    In a time that only knows the other there is nothing to hold.
    """
    load = run.steered.net_load_w[settled]
    given = run.steered.production_w.sum(axis=1)[settled].astype(np.float64)
    span = min(_SPAN_MINUTES, len(load) - 1)
    # Means of ten minutes: nobody follows the switching-on of a single stove.
    kernel = np.full(min(10, span), 1 / min(10, span))
    load, given = (np.convolve(each, kernel, mode="valid") for each in (load, given))
    span = min(span, len(load) - 1)
    change = load[span:] - load[:-span]
    place = int(np.argmax(change if rises else -change))
    asked = change[place]
    if not (asked > 0 if rises else asked < 0):
        return
    share = float((given[place + span] - given[place]) / asked)
    word = "rise" if rises else "fall"
    yield Check(
        name=f"Share of the load's largest {word} within {span} min that plants followed",
        found=f"{share:.0%} of {abs(asked) / 1000:,.0f} kW",
        goal=f"{FOLLOWED:.0%} to {2 - FOLLOWED:.0%}",
        is_met=FOLLOWED <= share <= 2 - FOLLOWED,
    )


def _within_limits(recording: Recording) -> Check:
    plants, ordered = recording.world.plants, recording.ordered_w
    given = ordered >= 0
    wrong = given & (ordered > plants.capacity_w)
    wrong |= given & (ordered > 0) & (ordered < plants.minimum_w)
    return Check(
        name="Orders outside a plant's limits",
        found=f"{int(wrong.sum()):,} of {int(given.sum()):,} minutes with an order",
        goal="none, and there are orders",
        is_met=bool(given.any()) and not wrong.any(),
    )


def draw_production(run: Run) -> Iterator[Picture]:
    """Yield the pictures of orders and production, and of the balance."""
    recording, plants = run.steered, run.steered.world.plants
    yield picture(
        "Orders and production",
        "What plants give, on top of each other in the order of their cost, and the load that they "
        "serve; below, each plant: the area is what it gave, the line what it was asked for.",
        "plants",
        lambda figure, layout: draw_plants(
            figure,
            layout,
            recording.edges,
            production_w=recording.production_w.astype(np.float64),
            ordered_w=recording.ordered_w.astype(np.float64),
            sources=plants.sources,
            ids=plants.ids,
            load_w=recording.net_load_w,
        ),
    )
    yield picture(
        "Imbalance",
        "What plants gave beyond the load: with control, and as it would have been without.",
        "imbalance",
        lambda figure, layout: draw_loads(
            figure,
            layout,
            recording.edges,
            steered=imbalance_w(recording),
            free=imbalance_w(run.free),
            limit_w=None,
        ),
    )


def production_table(recording: Recording) -> pa.Table:
    """Return what each plant was asked for and gave, a row a minute and plant, W."""
    plants, minutes = recording.world.plants, recording.edges[:-1]
    ordered = recording.ordered_w.reshape(-1)
    available = np.array([truth.available_w for truth in recording.truths]).reshape(-1)
    return pa.table(
        {
            "minute": np.repeat(minutes, len(plants.ids)),
            "plant_id": list(plants.ids) * len(minutes),
            "ordered_w": pa.array(ordered, mask=ordered < 0),
            "production_w": recording.production_w.reshape(-1),
            "available_w": available,
        }
    )


def _tables(run: Run) -> dict[str, pa.Table]:
    return {"minutes": minutes_table(run.steered), "production": production_table(run.steered)}


PRODUCTION: Final = Scenario(
    name="production",
    title="Production follows demand",
    story="From an April night over a sunny noon into the evening: the load rises, falls as the "
    "roofs take over, and rises again; plants are asked, by merit, for just that.",
    start=datetime(2025, 4, 16, 3, tzinfo=UTC),
    minutes=960,
    hears=(GRID_MINUTES, PRODUCTION_ORDERS),
    judge=_judge,
    draw=draw_production,
    tables=_tables,
)
