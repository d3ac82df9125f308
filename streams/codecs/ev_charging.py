"""Sessions, closed minutes and orders to draw less from bytes; what was decided into them."""

import base64
from collections.abc import Iterable, Iterator
from typing import Final

import orjson
from pydantic import ValidationError

from schemas.ev_charging import (
    ChargeDirective,
    ChargePlan,
    ChargePromise,
    EvSession,
    RejectedSession,
    SessionRule,
)
from schemas.metering import CommunityMinute
from schemas.production import ShedOrder
from streams.codecs.results import Message
from streams.domain.ev_charging import Refused
from streams.domain.ev_charging_loads import Minute
from streams.domain.ev_charging_nights import ClosedMinute
from streams.records import Record

_KEPT_BYTES: Final = 64 << 10


def session(value: bytes | None) -> EvSession | Refused:
    """Return the report that a record of `ev-sessions` holds, or why it holds none."""
    try:
        content = orjson.loads(value or b"")
    except orjson.JSONDecodeError as error:
        return Refused(SessionRule.NOT_JSON, f"the value is not JSON: {error}")
    try:
        return EvSession.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return Refused(SessionRule.SCHEMA, f"{field}: {first['msg']}")


def closed_minute(value: bytes | None) -> ClosedMinute | None:
    """Return what a record of `community-minutes` tells; None when nothing was measured.

    Raises:
        ValueError: If it can't be read.
    """
    told = CommunityMinute.model_validate_json(value or b"")
    if told.import_mwh is None and told.export_mwh is None:
        return None
    net_mwh = (told.import_mwh or 0) - (told.export_mwh or 0)
    return ClosedMinute(told.community_id, told.minute, Minute(told.version, net_mwh))


def shed_order(value: bytes | None) -> ShedOrder:
    """Return the order that a record of `shed-orders` holds.

    Raises:
        ValueError: If it can't be read.
    """
    return ShedOrder.model_validate_json(value or b"")


def rejection(record: Record, refused: Refused, *, partition: int) -> tuple[bytes | None, bytes]:
    """Return key and value of a refused record."""
    try:
        content = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        content = None
    community_id, session_id = (
        content.get(name) if isinstance(content, dict) else None
        for name in ("community_id", "session_id")
    )
    told = RejectedSession(
        source_partition=partition,
        source_offset=record.offset,
        rule=refused.rule,
        detail=refused.detail,
        community_id=community_id if isinstance(community_id, str) else None,
        session_id=session_id if isinstance(session_id, str) else None,
        received_at_ms=max(record.timestamp, 0),
        original_value_base64=None
        if record.value is None
        else base64.b64encode(record.value[:_KEPT_BYTES]).decode(),
    )
    return (told.community_id or "").encode(), told.model_dump_json().encode()


def messages(decided: Iterable[ChargeDirective | ChargePromise]) -> Iterator[Message]:
    """Yield key and value of directives and promises."""
    for one in decided:
        yield one.community_id.encode(), one.model_dump_json().encode()


def plans(told: Iterable[ChargePlan]) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of plans."""
    for plan in told:
        yield str(plan.partition).encode(), plan.model_dump_json().encode()
