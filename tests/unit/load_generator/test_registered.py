"""The generated fleet as a supplier would register it."""

from pathlib import Path

from load_generator.fleet import Fleet
from load_generator.profiles import read_profiles
from load_generator.registered import registered
from schemas.persons import Person
from schemas.registry import Community, Household, Technician
from streams.domain.registry import Claim
from streams.domain.registry_rules import register


def test_a_fleet_is_registered_with_what_it_has(a_day_of_profiles: Path) -> None:
    fleet = Fleet.build(
        communities=3, households=100, seed=1, profiles=read_profiles([a_day_of_profiles])
    )

    entries = list(registered(fleet))

    households = [entry for entry in entries if isinstance(entry, Household)]
    assert [entry.meter_id for entry in households] == list(fleet.meter_ids)
    assert [entry.community_id for entry in households] == [
        fleet.community_ids[number] for number in fleet.community.tolist()
    ]
    panels = {number: entry.pv_peak_w for number, entry in enumerate(households) if entry.pv_peak_w}
    assert list(panels) == fleet.pv.tolist()
    assert all(3_900 <= power <= 13_000 for power in panels.values())
    stores = {
        number: entry.battery_wh for number, entry in enumerate(households) if entry.battery_wh
    }
    assert list(stores) == fleet.battery.tolist()
    assert [store * 1000 for store in stores.values()] == fleet.battery_capacity_mwh.tolist()
    assert [n for n, entry in enumerate(households) if entry.ev_charger_w == 11_000] == (
        fleet.ev.tolist()
    )
    assert len([entry for entry in entries if isinstance(entry, Community)]) == 3
    customers = [entry.customer_id for entry in households if entry.customer_id]
    people = [entry for entry in entries if isinstance(entry, Person)]
    technicians = [entry for entry in entries if isinstance(entry, Technician)]
    assert (len(customers), len(technicians)) == (2, 1)
    assert {person.person_id for person in people} == {*customers, technicians[0].technician_id}
    assert all((person.email or "").endswith("@example.org") for person in people)
    claims = [Claim(line, entry) for line, entry in enumerate(entries, start=1)]
    assert register({}, claims, now_ms=1).faults == []
