"""`registry-*` to rows of what is registered, and erasures of persons."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from schemas.persons import Person
from schemas.registry import Community, Household, Plant, Technician
from sinks.clickhouse.rows import Decoded, Erasure, rows_of

_PERSONS: Final = "registered_persons"

_VALIDITY: Final = [
    ("version", pa.uint64()),
    # Times are seconds; Arrow's 32 bits are what ClickHouse's DateTime is made of.
    ("valid_from", pa.uint32()),
    ("valid_to", pa.uint32()),
]
_COMMUNITY: Final = pa.schema(
    [
        ("community_id", pa.string()),
        *_VALIDITY,
        ("name", pa.string()),
        ("connection_limit_w", pa.uint64()),
        ("zone", pa.string()),
        ("latitude_deg", pa.float64()),
        ("longitude_deg", pa.float64()),
    ]
)
_HOUSEHOLD: Final = pa.schema(
    [
        ("household_id", pa.string()),
        ("community_id", pa.string()),
        *_VALIDITY,
        ("meter_id", pa.string()),
        ("customer_id", pa.string()),
        ("tariff_id", pa.string()),
        ("contract_power_w", pa.uint64()),
        ("pv_peak_w", pa.uint64()),
        ("battery_wh", pa.uint64()),
        ("ev_charger_w", pa.uint64()),
        ("flexible_w", pa.uint64()),
        ("register_maximum_wh", pa.uint64()),
    ]
)
_PLANT: Final = pa.schema(
    [
        ("plant_id", pa.string()),
        *_VALIDITY,
        ("name", pa.string()),
        ("source", pa.string()),
        ("capacity_w", pa.uint64()),
        ("minimum_w", pa.uint64()),
        ("ramp_w_per_minute", pa.uint64()),
        ("cost_eur_per_mwh", pa.decimal128(9, 2)),
        ("co2_g_per_kwh", pa.uint32()),
    ]
)
_TECHNICIAN: Final = pa.schema(
    [("technician_id", pa.string()), *_VALIDITY, ("community_id", pa.string())]
)
_PERSON: Final = pa.schema(
    [
        ("person_id", pa.string()),
        ("version", pa.uint64()),
        ("erased", pa.bool_()),
        ("name", pa.string()),
        ("email", pa.string()),
        ("address", pa.string()),
        ("iban", pa.string()),
        ("language", pa.string()),
    ]
)


def registered_community_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `registry-communities`: Community as JSON."""
    return rows_of(messages, Community, "registered_communities", _COMMUNITY)


def registered_household_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `registry-households`: Household as JSON."""
    return rows_of(messages, Household, "registered_households", _HOUSEHOLD)


def registered_plant_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `registry-plants`: Plant as JSON."""
    return rows_of(messages, Plant, "registered_plants", _PLANT)


def registered_technician_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `registry-technicians`: Technician as JSON."""
    return rows_of(messages, Technician, "registered_technicians", _TECHNICIAN)


def registered_person_rows(messages: Sequence[bytes | None]) -> Decoded:
    """Return a row for each value of `registry-persons`, and what has to go of who was erased.

    Args:
        messages: Person as JSON.
    """
    decoded = rows_of(messages, Person, _PERSONS, _PERSON)
    (batch,) = decoded.batches
    versions: dict[str, int] = {}
    for row in batch.rows.select(["person_id", "version", "erased"]).to_pylist():
        if row["erased"]:
            known = versions.get(row["person_id"], 0)
            versions[row["person_id"]] = max(known, row["version"])
    erasures = (Erasure(_PERSONS, "person_id", versions),) if versions else ()
    return Decoded(decoded.batches, decoded.malformed, erasures)
