"""The fleet as a supplier would register it: its communities, and what each household has."""

from collections.abc import Iterator
from typing import Final

from load_generator.fleet import Fleet
from schemas.registry import Community, Household

_EVER: Final = 0
"""Valid from the first minute there is: the same fleet is the same on whatever day it plays."""

_WAITING: Final = 1
"""A version until the registry gives its own."""

ZONE: Final = "Europe/Berlin"
HOUSEHOLD_LIMIT_W: Final = 5_000
"""What a household adds to its community's connection: about what planners reckon with for many."""

CONTRACT_W: Final = 14_500
"""A household's usual connection in Germany."""


def registered(fleet: Fleet) -> Iterator[Community | Household]:
    """Yield a fleet's communities, then its households, each named as its meter with an h."""
    sizes = [0] * len(fleet.community_ids)
    for community in fleet.community.tolist():
        sizes[community] += 1
    for name, size in zip(fleet.community_ids, sizes, strict=True):
        yield Community(
            community_id=name,
            version=_WAITING,
            valid_from=_EVER,
            connection_limit_w=size * HOUSEHOLD_LIMIT_W,
            zone=ZONE,
        )
    panels = dict(zip(fleet.pv.tolist(), fleet.pv_w.round().astype(int).tolist(), strict=True))
    stores = dict(
        zip(fleet.battery.tolist(), (fleet.battery_capacity_mwh // 1000).tolist(), strict=True)
    )
    chargers = _charger_powers(fleet)
    for number, (meter, community) in enumerate(
        zip(fleet.meter_ids, fleet.community.tolist(), strict=True)
    ):
        yield Household(
            household_id=meter.replace("m", "h", 1),
            community_id=fleet.community_ids[community],
            version=_WAITING,
            valid_from=_EVER,
            meter_id=meter,
            contract_power_w=CONTRACT_W,
            pv_peak_w=panels.get(number),
            battery_wh=stores.get(number),
            ev_charger_w=chargers.get(number),
        )


def _charger_powers(fleet: Fleet) -> dict[int, int]:
    powers = (fleet.profiles.ev_home_kw * 1000).round().astype(int)
    return dict(zip(fleet.ev.tolist(), powers[fleet.ev_shape].tolist(), strict=True))
