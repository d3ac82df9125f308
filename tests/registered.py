"""Registered entries; each builder names what a test is about."""

from typing import Any

from schemas.persons import Person
from schemas.registry import Community, Household, Plant, Technician
from streams.domain.registry import UNREGISTERED, Entry, Registered, key_of

DAWN = 1_735_689_600  # 2025-01-01 00:00 UTC
IBAN = "DE89370400440532013000"


def a_community(community_id: str = "c1", **others: Any) -> Community:  # noqa: ANN401 - any field
    fields = {"version": UNREGISTERED, "valid_from": DAWN, "connection_limit_w": 250_000}
    return Community(community_id=community_id, **{**fields, "zone": "Europe/Berlin", **others})


def a_household(
    household_id: str = "h1",
    community_id: str = "c1",
    **others: Any,  # noqa: ANN401 - any field
) -> Household:
    """Return a stay, with a meter named as the household: m1 of h1."""
    meter = household_id.replace("h", "m", 1)
    fields = {"version": UNREGISTERED, "valid_from": DAWN, "meter_id": meter}
    return Household(household_id=household_id, community_id=community_id, **{**fields, **others})


def a_plant(plant_id: str = "w1", **others: Any) -> Plant:  # noqa: ANN401 - any field
    fields = {
        "version": UNREGISTERED,
        "valid_from": DAWN,
        "source": "wind",
        "capacity_w": 3_000_000,
    }
    return Plant(plant_id=plant_id, **{**fields, **others})


def a_technician(technician_id: str = "p1", **others: Any) -> Technician:  # noqa: ANN401 - any field
    fields = {"version": UNREGISTERED, "valid_from": DAWN}
    return Technician(technician_id=technician_id, **{**fields, **others})


def a_person(person_id: str = "p1", **others: Any) -> Person:  # noqa: ANN401 - any field
    fields = {"version": UNREGISTERED, "name": "Erika Mustermann", "email": "erika@example.org"}
    return Person(person_id=person_id, **{**fields, **others})


def registered(*entries: Entry) -> Registered:
    return {key_of(entry): entry for entry in entries}
