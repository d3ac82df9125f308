"""What production reads from the bytes of its topics, and what it tells into theirs."""

import json
from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from schemas.batteries import BatteryDirective
from schemas.metering import RejectionRule
from schemas.production import (
    BatteryCommitment,
    PlantMinute,
    PlantReading,
    ProductionOrder,
    ProductionPlan,
    ShedOrder,
)
from streams.codecs.energy_balance import GRID
from streams.codecs.results import Message
from streams.domain.plant_readings import Refused


def plant_reading(value: bytes | None) -> PlantReading | Refused:
    """Return what a record of `plant-readings` says, or why that can't be read."""
    if value is None:
        return Refused(RejectionRule.NULL_VALUE, "the record has no value")
    try:
        return PlantReading.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        if first["type"] == "json_invalid":
            return Refused(RejectionRule.NOT_JSON, first["msg"])
        place = ".".join(str(part) for part in first["loc"])
        is_ahead = place == "minute" and first["type"] == "less_than_equal"
        rule = RejectionRule.MINUTE_IN_FUTURE if is_ahead else RejectionRule.SCHEMA
        return Refused(rule, f"{place}: {first['msg']}")


def claimed(value: bytes | None) -> tuple[str | None, int | None]:
    """Return plant and minute as far as an unreadable record says them, for who looks into it."""
    try:
        said = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(said, dict):
        return None, None
    name, minute = said.get("plant_id"), said.get("minute")
    is_minute = isinstance(minute, int) and not isinstance(minute, bool)
    return (name if isinstance(name, str) else None), (minute if is_minute else None)


def plant_minute(value: bytes | None) -> PlantMinute:
    """Return what a record of `plant-minutes` tells.

    Raises:
        ValueError: If it tells none.
    """
    return PlantMinute.model_validate_json(value or b"")


def battery_directive(value: bytes | None) -> BatteryDirective:
    """Return what a record of `battery-directives` tells.

    Raises:
        ValueError: If it tells none.
    """
    return BatteryDirective.model_validate_json(value or b"")


def battery_commitment(value: bytes | None) -> BatteryCommitment:
    """Return what a record of `battery-commitments` tells.

    Raises:
        ValueError: If it tells none.
    """
    return BatteryCommitment.model_validate_json(value or b"")


def of_batteries(told: Iterable[BatteryCommitment]) -> Iterator[Message]:
    """Yield key and value of what batteries are told in all."""
    for one in told:
        yield GRID, one.model_dump_json().encode()


def by_plant(told: Iterable[ProductionOrder | ProductionPlan]) -> Iterator[Message]:
    """Yield key and value of what a plant is told."""
    for one in told:
        yield one.plant_id.encode(), one.model_dump_json().encode()


def shed_orders(told: Iterable[ShedOrder]) -> Iterator[Message]:
    """Yield key and value of what a community is told to shed."""
    for one in told:
        yield one.community_id.encode(), one.model_dump_json().encode()


def plant_minutes(told: Iterable[PlantMinute]) -> Iterator[Message]:
    """Yield key and value of plants' minutes, for who decides for the whole grid."""
    for one in told:
        yield GRID, one.model_dump_json().encode()
