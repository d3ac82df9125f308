"""Batteries by price: energy moves to where it is worth most, and no new peak comes of it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from deploy.report.pictures import Picture, picture
from deploy.simulation.consumption import minutes_table
from deploy.simulation.pictures import draw_batteries, draw_loads
from deploy.simulation.recording import Recording
from deploy.simulation.scenario import Run, Scenario
from deploy.simulation.verdict import Check
from load_generator.prices import day_ahead_cents, midnight
from load_generator.world.devices import Mode
from load_generator.world.grid import World
from load_generator.world.vehicles import local_day
from schemas.prices import Price
from schemas.units import MINUTE_S, PERIOD_S
from streams.codecs import prices as codec
from streams.topics import BATTERY_DIRECTIVES, PRICES, PRODUCTION_ORDERS, Topic

KNOWN_AHEAD_DAYS: Final = 2
"""Prices are known for the days that are played, and for so many after them."""

MOST_NEW_PEAK: Final = 1.02
_EUR_A_W_MINUTE_AND_EUR_A_MWH: Final = 1 / 60 / 1e6


def prices_of(world: World, minutes: int) -> dict[int, int]:
    """Return the price of each quarter-hour of a run and the days after it, cents a MWh."""
    start = int(world.plan.start.timestamp())
    first = local_day(start)
    days = (local_day(start + minutes * MINUTE_S) - first).days + 1 + KNOWN_AHEAD_DAYS
    cents = day_ahead_cents(first, days, seed=world.plan.seed)
    return {midnight(first) + n * PERIOD_S: cent for n, cent in enumerate(cents.tolist())}


def _prepare(world: World, minutes: int) -> Iterable[tuple[Topic, bytes, bytes]]:
    for start, cents in prices_of(world, minutes).items():
        price = Price(period_start=start, version=1, price_eur_per_mwh=Decimal(cents) / 100)
        yield PRICES, *codec.encode(price)


def _price_by_minute(recording: Recording) -> NDArray[np.float64]:
    prices = prices_of(recording.world, len(recording.truths))
    minutes = recording.edges[:-1].tolist()
    return np.array([prices[minute // PERIOD_S * PERIOD_S] for minute in minutes]) / 100


def _cost_eur(recording: Recording, price: NDArray[np.float64]) -> float:
    """Return what all households' exchange costs at these prices, EUR, with what is stored sold.

    What batteries hold in the end more than in the beginning counts at the mean price.
    """
    exchanged = float((recording.net_load_w * price).sum()) * _EUR_A_W_MINUTE_AND_EUR_A_MWH
    level = recording.level_wh.sum(axis=1)
    return exchanged - float(level[-1] - level[0]) / 1e6 * float(price.mean())


def _judge(run: Run) -> list[Check]:
    price = _price_by_minute(run.steered)
    costs = [_cost_eur(each, price) for each in (run.steered, run.free)]
    peaks = [float(each.net_load_w.max()) / 1000 for each in (run.steered, run.free)]
    fleet = run.steered.world.fleet
    capacity = fleet.battery_capacity_mwh / 1000
    outside = (run.steered.level_wh < 0) | (run.steered.level_wh > capacity)
    both = sum(
        int((np.minimum(t.flows.battery_charge, t.flows.battery_discharge) > 0).sum())
        for t in run.steered.truths
    )
    modes = np.array([truth.commands.mode for truth in run.steered.truths])
    used = sorted({Mode(mode).name for mode in np.unique(modes[modes >= 0]).tolist()})
    return [
        Check(
            name="Cost of what all households exchange, at day-ahead prices",
            found=f"{costs[0]:,.2f} EUR (self-consumption alone {costs[1]:,.2f} EUR)",
            goal="lower than with self-consumption alone",
            is_met=costs[0] < costs[1],
        ),
        Check(
            name="Peak of the grid's load",
            found=f"{peaks[0]:,.0f} kW (self-consumption alone {peaks[1]:,.0f} kW)",
            goal=f"at most {MOST_NEW_PEAK - 1:.0%} higher",
            is_met=peaks[0] <= peaks[1] * MOST_NEW_PEAK,
        ),
        Check(
            name="Battery minutes outside its levels, or charging and discharging at once",
            found=f"{int(outside.sum()) + both:,}",
            goal="none",
            is_met=not outside.any() and not both,
        ),
        Check(
            name="Modes that batteries were told",
            found=", ".join(used) or "none",
            goal="CHARGE and DISCHARGE among them",
            is_met={"CHARGE", "DISCHARGE"} <= set(used),
        ),
    ]


def _draw(run: Run) -> Iterator[Picture]:
    recording = run.steered
    capacity = recording.world.fleet.battery_capacity_mwh.sum() / 1000
    yield picture(
        "Prices and levels",
        "The day-ahead price, how full all batteries are together with control and without, and "
        "what they take and give.",
        "batteries",
        lambda figure, layout: draw_batteries(
            figure,
            layout,
            recording.edges,
            level_percent=recording.level_wh.sum(axis=1) / capacity * 100,
            free_percent=run.free.level_wh.sum(axis=1) / capacity * 100,
            charge_w=recording.energy_w("battery_charge"),
            discharge_w=recording.energy_w("battery_discharge"),
            price_eur_per_mwh=_price_by_minute(recording),
        ),
    )
    yield picture(
        "The grid's load",
        "The load of the whole grid with the batteries steered, and with self-consumption alone.",
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


def _tables(run: Run) -> dict[str, pa.Table]:
    recording, fleet = run.steered, run.steered.world.fleet
    quarters = slice(14, None, 15)
    levels = recording.level_wh[quarters]
    modes = np.array([truth.commands.mode for truth in recording.truths])[quarters]
    names = {-1: None} | {mode.value: mode.name for mode in Mode}
    meters = [fleet.meter_ids[household] for household in fleet.battery.tolist()]
    batteries = pa.table(
        {
            "minute": np.repeat(recording.edges[:-1][quarters], len(meters)),
            "meter_id": meters * len(levels),
            "mode": [names[mode] for mode in modes.reshape(-1).tolist()],
            "level_wh": levels.reshape(-1),
        }
    )
    prices = pa.table(
        {"minute": recording.edges[:-1], "price_eur_per_mwh": _price_by_minute(recording)}
    )
    return {"minutes": minutes_table(recording), "batteries": batteries, "prices": prices}


BATTERIES: Final = Scenario(
    name="batteries",
    title="Batteries by price",
    story="Two days in April at day-ahead prices. On the first nothing is known of the households "
    "yet, and batteries live with them; then they charge where energy is cheap, hold and discharge "
    "where it is dear, within their levels and without a new peak.",
    start=datetime(2025, 4, 16, 4, tzinfo=UTC),
    minutes=2640,
    hears=(BATTERY_DIRECTIVES, PRODUCTION_ORDERS),
    prepare=_prepare,
    judge=_judge,
    draw=_draw,
    tables=_tables,
)
