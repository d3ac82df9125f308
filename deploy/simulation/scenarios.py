"""Every scenario, in the order of the list that `smatrix simulate` shows."""

from typing import Final

from deploy.simulation.consumption import GLOBAL_CONSUMPTION, HOUSEHOLD_CONSUMPTION
from deploy.simulation.production import PRODUCTION

SCENARIOS: Final = (HOUSEHOLD_CONSUMPTION, GLOBAL_CONSUMPTION, PRODUCTION)
