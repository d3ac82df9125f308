"""The fleet as a supplier would register it: its communities, and what each household has."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from load_generator.fleet import Fleet
from schemas.persons import Language, Person
from schemas.registry import Community, Household, Technician

_EVER: Final = 0
"""Valid from the first minute there is: the same fleet is the same on whatever day it plays."""

WAITING: Final = 1
"""A version until the registry gives its own."""

ZONE: Final = "Europe/Berlin"
LATITUDE_DEG, LONGITUDE_DEG = 51.3, 9.5
"""Kassel, about the middle of where the profiles were measured."""

HOUSEHOLD_LIMIT_W: Final = 5_000
"""What a household adds to its community's connection: about what planners reckon with for many."""

NOISIEST: Final = 3.3
"""A simulated minute has at most 1.5 x 2.2 times its shape's power."""

BRIGHTEST: Final = 1.3
"""What the simulated sky gives at most, times the power of the panels' shape."""

CONTRACTS_W: Final = np.array([3, 6, 9, 12, 15, 18, 24, 30, 36, 48, 64, 96]) * 1000
"""Powers that connections are agreed for."""

WITH_E_MAIL: Final = 50
"""Of so many households one has a customer who is written to, and of communities a technician."""

_LANGUAGES: Final = tuple(Language)


def connections_of(fleet: Fleet, household_limit_w: int) -> list[int]:
    """Return what connections bear that have so much for each household, W by community."""
    sizes = np.bincount(fleet.community, minlength=len(fleet.community_ids))
    return [size * household_limit_w for size in sizes.tolist()]


def registered(
    fleet: Fleet, *, connections_w: Sequence[int] | None = None
) -> Iterator[Person | Community | Technician | Household]:
    """Yield a fleet's people, communities, technicians and households.

    `connections_w` is what each community's connection bears; None: `HOUSEHOLD_LIMIT_W` for each
    of its households.
    A household is named as its meter with an h, its customer with a p; their addresses, at
    example.org, lead nowhere.
    """
    for number, meter in enumerate(fleet.meter_ids[::WITH_E_MAIL]):
        yield _person(meter.replace("m", "p", 1), f"Customer of {meter}", number)
    technicians = [f"t-{name}" for name in fleet.community_ids[::WITH_E_MAIL]]
    for number, name in enumerate(technicians):
        yield _person(name, f"Technician {name}", number)
    limits = connections_w or connections_of(fleet, HOUSEHOLD_LIMIT_W)
    for name, limit_w in zip(fleet.community_ids, limits, strict=True):
        yield Community(
            community_id=name,
            version=WAITING,
            valid_from=_EVER,
            connection_limit_w=limit_w,
            zone=ZONE,
            latitude_deg=LATITUDE_DEG,
            longitude_deg=LONGITUDE_DEG,
        )
    for name in technicians:
        yield Technician(technician_id=name, version=WAITING, valid_from=_EVER)
    contracts = contract_powers_w(fleet).tolist()
    panels = dict(zip(fleet.pv.tolist(), panel_peaks_w(fleet).tolist(), strict=True))
    stores = dict(
        zip(fleet.battery.tolist(), (fleet.battery_capacity_mwh // 1000).tolist(), strict=True)
    )
    chargers = _charger_powers(fleet)
    heaters = dict(zip(fleet.heater.tolist(), fleet.heater_w.tolist(), strict=True))
    for number, (meter, community) in enumerate(
        zip(fleet.meter_ids, fleet.community.tolist(), strict=True)
    ):
        yield Household(
            household_id=meter.replace("m", "h", 1),
            community_id=fleet.community_ids[community],
            version=WAITING,
            valid_from=_EVER,
            meter_id=meter,
            customer_id=None if number % WITH_E_MAIL else meter.replace("m", "p", 1),
            contract_power_w=contracts[number],
            pv_peak_w=panels.get(number),
            battery_wh=stores.get(number),
            ev_charger_w=chargers.get(number),
            flexible_w=heaters.get(number),
        )


def contract_powers_w(fleet: Fleet) -> NDArray[np.int64]:
    """Return the next larger contract to what each household may ever use, W."""
    power = fleet.full_load_w.astype(np.float64) * NOISIEST
    power[fleet.heat_pump] += fleet.heat_pump_w
    power[fleet.heater] += fleet.heater_w
    power[fleet.ev] += fleet.profiles.ev_home_kw[fleet.ev_shape] * 1000
    step = np.minimum(np.searchsorted(CONTRACTS_W, power), len(CONTRACTS_W) - 1)
    contracts: NDArray[np.int64] = CONTRACTS_W[step]
    return contracts


def panel_peaks_w(fleet: Fleet) -> NDArray[np.int64]:
    """Return what the panels of those who have some give at most, W, by `fleet.pv`."""
    peaks: NDArray[np.int64] = np.ceil(fleet.pv_w * BRIGHTEST).astype(np.int64)
    return peaks


def _charger_powers(fleet: Fleet) -> dict[int, int]:
    powers = (fleet.profiles.ev_home_kw * 1000).round().astype(int)
    return dict(zip(fleet.ev.tolist(), powers[fleet.ev_shape].tolist(), strict=True))


def _person(person_id: str, name: str, number: int) -> Person:
    return Person(
        person_id=person_id,
        version=WAITING,
        name=name,
        email=f"{person_id}@example.org",
        language=_LANGUAGES[number % len(_LANGUAGES)],
    )
