"""What regulation reads from the bytes of five topics, and what it tells into two."""

from collections.abc import Iterable, Iterator
from typing import Final

from schemas.metering import CommunityMinute, HouseholdIntervals
from schemas.production import ShedOrder
from schemas.regulation import DirectiveAck, RegulationMinute, SwitchChoice, SwitchDirective
from schemas.units import PERIOD_MINUTES
from streams import topics
from streams.codecs.results import Message
from streams.domain.regulation_communities import Input, Ordered
from streams.domain.regulation_deficits import Deficit
from streams.domain.regulation_inputs import ClosedMinute, ClosedPeriod, Drawn, period_w
from streams.records import Record

SOURCES: Final = (
    topics.COMMUNITY_MINUTES,
    topics.HOUSEHOLD_INTERVALS,
    topics.SHED_ORDERS,
    topics.DIRECTIVE_ACKS,
    topics.SWITCH_CHOICES,
)

_MS: Final = 1000


def read(topic: str, record: Record) -> Input:
    """Return what a record of one of the sources tells; `topic` is its name in the contract.

    Raises:
        ValueError: If it tells nothing of the kind.
    """
    value = record.value or b""
    if topic == topics.COMMUNITY_MINUTES.name:
        return _minute(CommunityMinute.model_validate_json(value), told_at=record.timestamp / _MS)
    if topic == topics.HOUSEHOLD_INTERVALS.name:
        return _period(HouseholdIntervals.model_validate_json(value))
    if topic == topics.SHED_ORDERS.name:
        return _ordered(ShedOrder.model_validate_json(value))
    if topic == topics.DIRECTIVE_ACKS.name:
        return DirectiveAck.model_validate_json(value)
    return SwitchChoice.model_validate_json(value)


def directives(told: Iterable[SwitchDirective]) -> Iterator[Message]:
    """Yield key and value of each directive."""
    for one in told:
        yield one.community_id.encode(), one.model_dump_json().encode()


def minutes(told: Iterable[RegulationMinute]) -> Iterator[Message]:
    """Yield key and value of what is said of each minute."""
    for one in told:
        yield one.community_id.encode(), one.model_dump_json().encode()


def _minute(told: CommunityMinute, *, told_at: float) -> ClosedMinute:
    net = None
    if told.import_mwh is not None or told.export_mwh is not None:
        net = (told.import_mwh or 0) - (told.export_mwh or 0)
    missing = tuple(told.missing_meters)
    return ClosedMinute(told.community_id, told.minute, told.version, net, missing, told_at)


def _period(told: HouseholdIntervals) -> ClosedPeriod:
    """Return what was measured throughout; a part of a quarter-hour bounds nothing."""
    drawn = {
        meter: Drawn(told.version, period_w(used), period_w(imported))
        for meter, used, imported, minutes in zip(
            told.meter_id,
            told.consumption_mwh,
            told.import_mwh,
            told.measured_minutes,
            strict=True,
        )
        if minutes == PERIOD_MINUTES and used is not None and imported is not None
    }
    return ClosedPeriod(told.community_id, told.period_start, told.part, drawn)


def _ordered(order: ShedOrder) -> Ordered:
    deficit = Deficit(
        order.order_id, order.version, order.valid_from, order.valid_until, order.shed_w, None
    )
    return Ordered(order.community_id, deficit)
