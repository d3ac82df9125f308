"""What a world tells of a minute besides its meters: vehicles at their chargers."""

from collections.abc import Iterator
from datetime import date

from load_generator.world.grid import Minute, World
from schemas.ev_charging import EvSession
from schemas.units import MINUTE_S


def sessions(world: World, minute: Minute) -> Iterator[EvSession]:
    """Yield the sessions that there is news of: begun, changed, an hour's quarter on, or ended."""
    news, left = minute.sessions, set(minute.sessions.left.tolist())
    for vehicle in sorted({*news.told.tolist(), *left}):
        yield _session(world, minute, vehicle, unplugged=vehicle in left)


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
