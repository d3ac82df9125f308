"""Closed periods and limits from the bytes of their topics, and directives into those of theirs."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from schemas.batteries import BatteryDirective
from schemas.metering import HouseholdIntervals
from schemas.production import ShedOrder
from schemas.regulation import SwitchDirective, SwitchReason, SwitchState
from schemas.units import PERIOD_MINUTES, PERIOD_S
from streams.codecs.results import Message
from streams.domain.batteries import MODES, MWH_OF_A_WATT
from streams.domain.batteries_communities import Limited, Measured, Step, ToldDecision, ToldPeriod
from streams.domain.prices import euros_of

_ID_BYTES: Final = 12
_TOO_LITTLE: Final = {SwitchReason.CONNECTION_LIMIT, SwitchReason.GRID_DEFICIT}


def told_period(value: bytes | None) -> ToldPeriod:
    """Return what a message of `household-intervals` tells of batteries.

    The community's net load is scaled to all its households where up to half were not measured
    throughout.

    Raises:
        ValueError: If it is none.
    """
    told = HouseholdIntervals.model_validate_json(value or b"")
    columns = zip(
        told.meter_id,
        told.consumption_mwh,
        told.production_mwh,
        told.battery_charge_mwh,
        told.battery_discharge_mwh,
        told.battery_level_mwh or [None] * len(told.meter_id),
        told.measured_minutes,
        strict=True,
    )
    batteries: dict[str, Measured] = {}
    nets: list[int] = []
    for meter, consumption, production, charge, discharge, level, minutes in columns:
        is_whole = consumption is not None and minutes >= PERIOD_MINUTES
        net = (consumption or 0) - (production or 0) if is_whole else None
        if net is not None:
            nets.append(net)
        if (charge, discharge, level) != (None, None, None):
            batteries[meter] = Measured(net, level)
    everyone = len(told.meter_id)
    return ToldPeriod(
        told.community_id,
        told.period_start,
        told.version,
        told.part,
        told.parts,
        sum(nets) * everyone // len(nets) if 2 * len(nets) >= everyone > 0 else None,
        batteries,
    )


def switched_off(value: bytes | None) -> Limited | None:
    """Return the limit that a message of `switch-directives` shows; None where it shows none.

    Whoever is switched off by regulation is so because the community, or the grid, has too little.

    Raises:
        ValueError: If it is none.
    """
    told = SwitchDirective.model_validate_json(value or b"")
    if told.state is not SwitchState.OFF or told.reason not in _TOO_LITTLE:
        return None
    return Limited(told.community_id, told.valid_from, told.valid_until)


def shed(value: bytes | None) -> Limited | None:
    """Return the limit that a message of `shed-orders` is; None where it ends one.

    Raises:
        ValueError: If it is none.
    """
    told = ShedOrder.model_validate_json(value or b"")
    return Limited(told.community_id, told.valid_from, told.valid_until) if told.shed_w else None


def directives(step: Step) -> Iterator[Message]:
    """Yield key and value of the `BatteryDirective` of each decision."""
    for told in step.told:
        yield told.community_id.encode(), directive(told).model_dump_json().encode()


def directive(told: ToldDecision) -> BatteryDirective:
    """Return a decision as it is told."""
    order = told.decision.order
    return BatteryDirective(
        directive_id=directive_id_of(told.community_id, told.meter_id, told.start),
        community_id=told.community_id,
        meter_id=told.meter_id,
        version=told.version,
        valid_from=told.start,
        valid_until=told.start + PERIOD_S,
        mode=MODES[order.mode],
        power_w=order.grid // MWH_OF_A_WATT,
        reason=told.decision.reason,
        level_mwh=told.decision.level,
        price_eur_per_mwh=None if told.cents is None else euros_of(told.cents),
    )


def directive_id_of(community_id: str, meter_id: str, start: int) -> str:
    """Return the id of what a meter's battery shall do in a period, the same for ever."""
    text = "\0".join((community_id, meter_id, str(start)))
    return "b-" + blake2b(text.encode(), digest_size=_ID_BYTES).hexdigest()
