"""What a world tells of a minute besides its meters: its vehicles and its plants."""

from collections.abc import Iterator
from datetime import date

from load_generator.world.grid import Minute, World
from schemas.ev_charging import EvSession
from schemas.production import PlantReading
from schemas.units import MINUTE_S


def sessions(world: World, minute: Minute) -> Iterator[EvSession]:
    """Yield the sessions that there is news of: begun, changed, an hour's quarter on, or ended."""
    news, left = minute.sessions, set(minute.sessions.left.tolist())
    for vehicle in sorted({*news.told.tolist(), *left}):
        yield _session(world, minute, vehicle, unplugged=vehicle in left)


def plant_readings(world: World, minute: Minute) -> Iterator[PlantReading]:
    """Yield what each plant says of a minute."""
    truth = minute.truth
    out = truth.plants.back_at > truth.minute
    for place, plant in enumerate(world.plants.ids):
        yield PlantReading(
            plant_id=plant,
            minute=truth.minute,
            production_w=int(truth.plants.production_w[place]),
            available_w=0 if out[place] else int(truth.available_w[place]),
            out_of_service=bool(out[place]),
            sequence=truth.minute // MINUTE_S,
        )


def _session(world: World, minute: Minute, vehicle: int, *, unplugged: bool) -> EvSession:
    truth, fleet, chargers = minute.truth, world.fleet, world.chargers
    plugged = truth.plugged
    household = int(fleet.ev[vehicle])
    meter = fleet.meter_ids[household]
    # What was charged in this very minute is told with the next report: its minute is not over.
    charged = int(plugged.charged[vehicle] - truth.charged[vehicle])
    return EvSession(
        session_id=f"{meter}-{date.fromordinal(int(plugged.day[vehicle]))}",
        community_id=fleet.community_ids[int(fleet.community[household])],
        meter_id=meter,
        version=truth.minute // MINUTE_S,
        minute=truth.minute,
        plugged_in=int(plugged.plugged_in[vehicle]),
        departure=int(plugged.departure[vehicle]),
        energy_wh=int(plugged.needed[vehicle]) / 1000,
        charger_w=int(chargers.power_w[vehicle]),
        minimum_w=int(chargers.minimum_w[vehicle]),
        continuous=bool(chargers.continuous[vehicle]),
        charged_wh=charged / 1000,
        unplugged=unplugged,
    )
