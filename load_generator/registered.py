"""The fleet as a supplier would register it: its communities, and what each household has."""

from collections.abc import Iterator
from typing import Final

from load_generator.fleet import Fleet
from schemas.persons import Language, Person
from schemas.registry import Community, Household, Technician

_EVER: Final = 0
"""Valid from the first minute there is: the same fleet is the same on whatever day it plays."""

_WAITING: Final = 1
"""A version until the registry gives its own."""

ZONE: Final = "Europe/Berlin"
HOUSEHOLD_LIMIT_W: Final = 5_000
"""What a household adds to its community's connection: about what planners reckon with for many."""

CONTRACT_W: Final = 14_500
"""A household's usual connection in Germany."""

WITH_E_MAIL: Final = 50
"""Of so many households one has a customer who is written to, and of communities a technician."""

_LANGUAGES: Final = tuple(Language)


def registered(fleet: Fleet) -> Iterator[Person | Community | Technician | Household]:
    """Yield a fleet's people, communities, technicians and households.

    A household is named as its meter with an h, its customer with a p; their addresses, at
    example.org, lead nowhere.
    """
    for number, meter in enumerate(fleet.meter_ids[::WITH_E_MAIL]):
        yield _person(meter.replace("m", "p", 1), f"Customer of {meter}", number)
    technicians = [f"t-{name}" for name in fleet.community_ids[::WITH_E_MAIL]]
    for number, name in enumerate(technicians):
        yield _person(name, f"Technician {name}", number)
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
    for name in technicians:
        yield Technician(technician_id=name, version=_WAITING, valid_from=_EVER)
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
            customer_id=None if number % WITH_E_MAIL else meter.replace("m", "p", 1),
            contract_power_w=CONTRACT_W,
            pv_peak_w=panels.get(number),
            battery_wh=stores.get(number),
            ev_charger_w=chargers.get(number),
        )


def _charger_powers(fleet: Fleet) -> dict[int, int]:
    powers = (fleet.profiles.ev_home_kw * 1000).round().astype(int)
    return dict(zip(fleet.ev.tolist(), powers[fleet.ev_shape].tolist(), strict=True))


def _person(person_id: str, name: str, number: int) -> Person:
    return Person(
        person_id=person_id,
        version=_WAITING,
        name=name,
        email=f"{person_id}@example.org",
        language=_LANGUAGES[number % len(_LANGUAGES)],
    )
