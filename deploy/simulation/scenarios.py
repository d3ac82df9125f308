"""Every scenario, in the order of the list that `smatrix simulate` shows."""

from typing import Final

from deploy.simulation.batteries import BATTERIES
from deploy.simulation.consumption import GLOBAL_CONSUMPTION, HOUSEHOLD_CONSUMPTION
from deploy.simulation.overload import OVERLOAD
from deploy.simulation.production import PRODUCTION
from deploy.simulation.vehicles import VEHICLES

SCENARIOS: Final = (
    HOUSEHOLD_CONSUMPTION,
    GLOBAL_CONSUMPTION,
    PRODUCTION,
    OVERLOAD,
    VEHICLES,
    BATTERIES,
)
