"""Regulation: an overload, a deficit and their relief, held against what could be done at all."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from deploy.regulation.measuring import sheddable_shares
from deploy.regulation.playing import CONNECTION_PERCENT
from deploy.report.pictures import Picture, picture
from deploy.simulation.consumption import minutes_table
from deploy.simulation.pictures import draw_loads, draw_raster
from deploy.simulation.production import draw_production, production_table
from deploy.simulation.recording import W_A_MWH, Recording, Watts
from deploy.simulation.scenario import Run, Scenario
from deploy.simulation.switching import Runs, flaps, off_runs
from deploy.simulation.verdict import Check
from load_generator.registered import contract_powers_w
from load_generator.world.devices import Switch
from load_generator.world.heaters import held_back
from load_generator.world.plants import Trips
from streams.domain.regulation import PERCENT, Flexible, RegulationPolicy
from streams.policies import regulation_policy
from streams.settings import get_settings
from streams.topics import GRID_MINUTES, PRODUCTION_ORDERS, SHED_ORDERS, SWITCH_DIRECTIVES

START: Final = datetime(2025, 1, 16, 15, tzinfo=UTC)
MINUTES: Final = 540
TRIP: Final = START + timedelta(hours=3)
TRIPS: Final = "gas-combined"
OUT_MINUTES: Final = 60

LEAST_AVOIDED: Final = 0.9
SHORTEST_OFF_MINUTES: Final = 15
LONGEST_OFF_MINUTES: Final = 120
MOST_COLD: Final = 0.01
LEAST_COVERED: Final = 0.5
RELIEVED_MINUTES: Final = 15


def connections(free: Recording) -> list[int]:
    """Return what connections bear so that regulation is needed and can work, W by community."""
    others = (free.community_w - free.heating_w).max(axis=0)
    return [int(watts) for watts in others * CONNECTION_PERCENT / PERCENT]


def avoidable(
    free: Recording, limit_w: NDArray[np.int64], policy: RegulationPolicy
) -> NDArray[np.bool_]:
    """Return where communities that nobody steers are overloaded although enough can be shed.

    (minutes, communities). Enough: without what may be shed it would be at the level that is shed
    to. Who heats when is not kept by heater: of what heaters draw, those that leave their household
    the guaranteed minimum have the share of their power.
    """
    fleet, load = free.world.fleet, free.community_w
    contracts = contract_powers_w(fleet)[fleet.heater].tolist()
    may_shed = np.array(
        [
            Flexible(watts, contract).keeps(policy.guaranteed_w)
            for watts, contract in zip(fleet.heater_w.tolist(), contracts, strict=True)
        ]
    )
    shares = sheddable_shares(
        fleet.heater_w,
        may_shed=may_shed,
        community=fleet.community[fleet.heater],
        communities=len(limit_w),
    )
    least = load - free.heating_w * shares
    return (load > limit_w) & (least <= limit_w * policy.shed_to_percent / PERCENT)


def held_w(recording: Recording) -> Watts:
    """Return what heaters that were OFF would have drawn, of the whole grid by minute, W."""
    fleet = recording.world.fleet
    return np.array(
        [
            int(
                held_back(fleet, truth.heated)[
                    truth.commands.switch[fleet.heater] == Switch.OFF
                ].sum()
            )
            * W_A_MWH
            for truth in recording.truths
        ]
    )


def _judge(run: Run) -> list[Check]:
    runs = off_runs(run.steered.switch == Switch.OFF)
    return [
        _overload(run),
        *_switching(run, runs),
        _cold(run.steered),
        *_deficit(run),
        _relief(run.steered),
    ]


def _overload(run: Run) -> Check:
    limit = np.array(run.limit_w)
    could = avoidable(run.free, limit, regulation_policy(get_settings()))
    over = run.steered.community_w > limit
    before, after = int(could.sum()), int((over & could).sum())
    of_all = int((run.free.community_w > limit).sum())
    avoided = 1 - after / before if before else 0.0
    return Check(
        name="Overloaded community minutes avoided, where enough can be shed",
        found=f"{avoided:.1%}: {after:,} of {before:,} left; in all {int(over.sum()):,} with "
        f"control, {of_all:,} without",
        goal=f"at least {LEAST_AVOIDED:.0%}",
        is_met=before > 0 and avoided >= LEAST_AVOIDED,
    )


def _switching(run: Run, runs: Runs) -> Iterator[Check]:
    # What is still off in the end was not yet let on again.
    ended = runs[runs[:, 2] < len(run.steered.truths)]
    minutes = ended[:, 2] - ended[:, 1]
    longest = int((runs[:, 2] - runs[:, 1]).max(initial=0))
    short = int((minutes < SHORTEST_OFF_MINUTES).sum())
    flapped = flaps(runs)
    yield Check(
        name="Off, on and off again within an hour",
        found=f"{flapped:,} of {len(runs):,} switchings",
        goal="none, and there are switchings",
        is_met=flapped == 0 < len(runs),
    )
    yield Check(
        name=f"Switchings off for less than {SHORTEST_OFF_MINUTES} min",
        found=f"{short:,}",
        goal="none",
        is_met=short == 0,
    )
    yield Check(
        name="Longest time that anyone was off",
        found=f"{longest} min",
        goal=f"at most {LONGEST_OFF_MINUTES} min",
        is_met=longest <= LONGEST_OFF_MINUTES,
    )


def _cold(recording: Recording) -> Check:
    cold = sum(int(truth.heated.cold.sum()) for truth in recording.truths)
    drawn = sum(int(truth.heated.drawn.sum()) for truth in recording.truths)
    share = cold / max(cold + drawn, 1)
    return Check(
        name="Hot water that was wanted and not there",
        found=f"{share:.2%}",
        goal=f"at most {MOST_COLD:.0%}",
        is_met=share <= MOST_COLD,
    )


def _deficit(run: Run) -> Iterator[Check]:
    """Hold what plants lacked while one was out against what it had been without shedding."""
    recording = run.steered
    out = np.array([bool((t.plants.back_at > t.minute).any()) for t in recording.truths])
    given = recording.production_w.sum(axis=1)
    lacked = np.maximum(recording.net_load_w - given, 0)[out].sum() / 60_000
    without = np.maximum(recording.net_load_w + held_w(recording) - given, 0)[out].sum() / 60_000
    covered = 1 - lacked / without if without else 0.0
    asked = len({order.community_id for _, order in run.said(SHED_ORDERS)})
    yield Check(
        name=f"Energy that lacked while {TRIPS} was out, met by switching off",
        found=f"{covered:.0%} of {without:,.0f} kWh, asked of {asked:,} communities",
        goal=f"at least {LEAST_COVERED:.0%}",
        is_met=asked > 0 and covered >= LEAST_COVERED,
    )


def _relief(recording: Recording) -> Check:
    still = int((recording.switch[-RELIEVED_MINUTES:] == Switch.OFF).any(axis=0).sum())
    return Check(
        name=f"Households still off in the last {RELIEVED_MINUTES} min",
        found=f"{still:,}",
        goal="none",
        is_met=still == 0,
    )


def _draw(run: Run) -> Iterator[Picture]:
    recording, limit = run.steered, np.array(run.limit_w)
    over = (run.free.community_w > limit).sum(axis=0)
    place = int(np.argmax(over))
    name = recording.world.fleet.community_ids[place]
    yield picture(
        "The community with the most overload",
        f"Community {name}: its load with control and without, and what its connection bears.",
        "community",
        lambda figure, layout: draw_loads(
            figure,
            layout,
            recording.edges,
            steered=recording.community_w[:, place],
            free=run.free.community_w[:, place],
            limit_w=float(limit[place]),
        ),
    )
    order = np.argsort(-over[recording.world.fleet.community], kind="stable")
    yield picture(
        "Who was off when",
        "A line a household, community by community, those with the most overload on top: in "
        "colour while its water heater was switched off.",
        "raster",
        lambda figure, layout: draw_raster(
            figure,
            layout,
            recording.edges,
            (recording.switch == Switch.OFF)[:, order],
            recording.world.fleet.community[order],
        ),
    )
    yield picture(
        "The grid",
        "The load of the whole grid with control and without.",
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
    yield from draw_production(run)


def _tables(run: Run) -> dict[str, pa.Table]:
    recording, fleet = run.steered, run.steered.world.fleet
    runs = off_runs(recording.switch == Switch.OFF)
    switchings = pa.table(
        {
            "community_id": [fleet.community_ids[c] for c in fleet.community[runs[:, 0]].tolist()],
            "meter_id": [fleet.meter_ids[household] for household in runs[:, 0].tolist()],
            "off_from": recording.edges[runs[:, 1]],
            "off_until": recording.edges[runs[:, 2]],
        }
    )
    communities = pa.table(
        {
            "minute": np.repeat(recording.edges[:-1], len(fleet.community_ids)),
            "community_id": list(fleet.community_ids) * len(recording.truths),
            "load_w": np.round(recording.community_w.reshape(-1), 3),
            "load_without_control_w": np.round(run.free.community_w.reshape(-1), 3),
            "limit_w": list(run.limit_w) * len(recording.truths),
        }
    )
    return {
        "minutes": minutes_table(recording),
        "communities": communities,
        "switchings": switchings,
        "production": production_table(recording),
    }


OVERLOAD: Final = Scenario(
    name="overload",
    title="Regulation: overload, deficit, relief",
    story="A January evening: connections that are too small for all water heaters at once, and at "
    "its height a plant trips for an hour. Water heaters are switched off as far as it takes, each "
    "for a while, and all are on again in the end.",
    start=START,
    minutes=MINUTES,
    hears=(GRID_MINUTES, PRODUCTION_ORDERS, SHED_ORDERS, SWITCH_DIRECTIVES),
    world={
        "heater_share": 0.9,
        "trips": Trips(minutes=OUT_MINUTES, told=frozenset({(TRIPS, int(TRIP.timestamp()))})),
    },
    connections=connections,
    judge=_judge,
    draw=_draw,
    tables=_tables,
)
