"""The full verdict on one record: every rule by name, the good readings kept.

Slow and thorough, for what `streams.codecs.frames` does not find plain. Rules about time need the
community's window and are judged there (`streams.domain.windows`).
"""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeGuard

import numpy as np
from pydantic import TypeAdapter, ValidationError

from schemas.metering import Edit, MeterFrame, RejectionRule
from schemas.units import MeterId
from streams.domain.channels import CHANNELS
from streams.domain.frames import (
    EDIT_SEQUENCE,
    Frame,
    MeterList,
    Rejection,
    offset_of,
    place_of,
)
from streams.domain.rounding import to_mwh

MAX_SEQUENCE: Final = 2**62
_LARGEST_ENERGY_WH: Final = 1e9  # a gigawatt-hour in a minute: no household's
_LARGEST_REGISTER_WH: Final = 1e12  # in mWh still exact as a double
_FIRST_REGISTER: Final = CHANNELS.index("import_register")
_SHOWN: Final = 80

_IDENTIFIER: Final[TypeAdapter[str]] = TypeAdapter(MeterId)

_RULE_OF_FAULT: Final = {
    ("minute", "multiple_of"): RejectionRule.MINUTE_NOT_ALIGNED,
    ("minute", "less_than_equal"): RejectionRule.MINUTE_IN_FUTURE,
}
_RULE_OF_FIELD: Final = {
    "community_id": RejectionRule.COMMUNITY_ID,
    "meter_id": RejectionRule.EMPTY_FRAME,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One record's verdict: the frame of its good readings, and what was refused."""

    frame: Frame | None
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why a whole frame is refused."""

    rule: RejectionRule
    detail: str


def largest_wh(channel: int) -> float:
    """Return the largest value in Wh that a channel may send."""
    return _LARGEST_REGISTER_WH if channel >= _FIRST_REGISTER else _LARGEST_ENERGY_WH


def is_identifier(text: object) -> TypeGuard[str]:
    """Say whether a community or a meter may be called this."""
    return isinstance(text, str) and _is_identifier(text)


@lru_cache(maxsize=100_000)
def _is_identifier(text: str) -> bool:
    try:
        _IDENTIFIER.validate_python(text, strict=True)
    except ValidationError:
        return False
    return True


def judge(
    key: bytes | None, value: bytes | None, *, offset: int, generation: int, max_bytes: int
) -> Judged:
    """Return the verdict on one record of `meter-frames`; never raises on its content.

    Args:
        key: The record's key: the community id in UTF-8.
        value: The record's value: a frame in JSON.
        offset: Place of the record in its partition.
        generation: The topic's.
        max_bytes: Longest value that is read.
    """
    document = _read(key, value, max_bytes=max_bytes)
    if isinstance(document, _Fault):
        return Judged(None, (_rejection(offset, document, {}),))
    meters: Any = document.get("meter_id")
    columns = {
        channel: column
        for channel, name in enumerate(CHANNELS)
        if isinstance(column := document.get(f"{name}_wh"), list)
    }
    fault = (
        _shape_fault(meters, columns)
        or _contract_fault(key, document, meters, columns)
        or _repetition_fault(offset, document.get("first_offset"))
    )
    if fault is not None:
        return Judged(None, (_rejection(offset, fault, document),))
    good, rejections = _sift(offset, document, meters, columns)
    if not good:
        return Judged(None, rejections)
    place = place_of(offset, generation=generation)
    return Judged(_frame(place, document, meters, columns, good), rejections)


def _read(key: bytes | None, value: bytes | None, *, max_bytes: int) -> dict[str, Any] | _Fault:
    """Return the JSON object that a record holds, or why there is none."""
    if key is None:
        return _Fault(RejectionRule.NULL_KEY, "key is null; the key is the community id")
    if value is None:
        return _Fault(RejectionRule.NULL_VALUE, "value is null; the value is a frame in JSON")
    if len(value) > max_bytes:
        return _Fault(
            RejectionRule.FRAME_TOO_LARGE,
            f"the frame has {len(value)} bytes, allowed are {max_bytes}; split it",
        )
    try:
        document = json.loads(value.decode())
    except (ValueError, RecursionError) as error:
        return _Fault(RejectionRule.NOT_JSON, f"the value is not JSON in UTF-8: {error}")
    if isinstance(document, dict):
        return document
    return _Fault(RejectionRule.SCHEMA, f"a frame is a JSON object, not {_show(document)}")


def _shape_fault(meters: object, columns: dict[int, list[Any]]) -> _Fault | None:
    if not isinstance(meters, list):
        return _Fault(RejectionRule.SCHEMA, f"meter_id={_show(meters)} is not a list")
    for channel, column in columns.items():
        if len(column) != len(meters):
            return _Fault(
                RejectionRule.UNEQUAL_COLUMNS,
                f"{CHANNELS[channel]}_wh has {len(column)} values for {len(meters)} meters",
            )
    return None


def _sift(
    offset: int, document: dict[str, Any], meters: list[Any], columns: dict[int, list[Any]]
) -> tuple[list[int], tuple[Rejection, ...]]:
    """Return the places of the good readings, and a rejection for each rule that others broke."""
    seen = Counter(meter for meter in meters if isinstance(meter, str))
    good: list[int] = []
    faults: dict[RejectionRule, list[tuple[str, str]]] = {}
    for place, meter in enumerate(meters):
        fault = _reading_fault(place, meter, columns, seen)
        if fault is None:
            good.append(place)
        else:
            rule, detail = fault
            faults.setdefault(rule, []).append((_show_id(meter), detail))
    community_id, minute = _claims(document)
    return good, tuple(
        Rejection(
            offset,
            rule,
            broken[0][1] if len(broken) == 1 else f"{broken[0][1]} (and {len(broken) - 1} more)",
            community_id,
            minute,
            tuple(meter for meter, _ in broken),
        )
        for rule, broken in faults.items()
    )


def _reading_fault(
    place: int, meter: object, columns: dict[int, list[Any]], seen: Mapping[str, int]
) -> tuple[RejectionRule, str] | None:
    if not is_identifier(meter):
        return RejectionRule.METER_ID, (
            f"meter_id[{place}]={_show(meter)} is not 1 to 128 printable characters"
        )
    if seen[meter] > 1:
        return RejectionRule.DUPLICATE_METER, (
            f"meter_id[{place}]={_show(meter)} stands more than once in the frame"
        )
    for channel, column in columns.items():
        value = column[place]
        if value is None:
            continue
        name = f"{CHANNELS[channel]}_wh[{place}]={_show(value)} of {_show(meter)}"
        if not _is_number(value):
            return RejectionRule.NOT_A_NUMBER, f"{name} is not a finite number"
        if value < 0:
            return RejectionRule.NEGATIVE_ENERGY, f"{name} is negative"
        if value > largest_wh(channel):
            return RejectionRule.ENERGY_TOO_LARGE, f"{name} is over {largest_wh(channel):.0f} Wh"
    return None


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)


def _contract_fault(
    key: bytes | None, document: dict[str, Any], meters: list[Any], columns: dict[int, list[Any]]
) -> _Fault | None:
    """Hold all but the single readings, which are sifted after, against the contract."""
    stand_ins: dict[str, Any] = {f"{CHANNELS[channel]}_wh": [0.0] for channel in columns}
    if meters:
        stand_ins["meter_id"] = ["m"]
    try:
        frame = MeterFrame.model_validate(document | stand_ins)
    except ValidationError as error:
        fault = error.errors()[0]
        field = str(fault["loc"][0]) if fault["loc"] else "a field's name"
        detail = f"{field}={_show(fault['input'])}: {fault['msg']}"
        of_field = _RULE_OF_FIELD.get(field, RejectionRule.SCHEMA)
        return _Fault(_RULE_OF_FAULT.get((field, fault["type"]), of_field), detail)
    if key != frame.community_id.encode():
        return _Fault(
            RejectionRule.KEY_MISMATCH,
            f"key={_show(key)} and community_id={_show(frame.community_id)} differ",
        )
    return None


def _repetition_fault(offset: int, first: int | None) -> _Fault | None:
    if first is None or first < offset:
        return None
    return _Fault(
        RejectionRule.SCHEMA, f"first_offset={first} does not lie before the record's own, {offset}"
    )


def _frame(
    place: int,
    document: dict[str, Any],
    meters: list[Any],
    columns: dict[int, list[Any]],
    good: list[int],
) -> Frame:
    """Return the frame of the good readings.

    A meter whose reading was refused has reported all the same: it is named, without a value.
    """
    named = tuple(dict.fromkeys(meter for meter in meters if is_identifier(meter)))
    places = {meter: place for place, meter in enumerate(named)}
    energy_wh = np.full((len(columns), len(named)), np.nan)
    energy_wh[:, [places[meters[row]] for row in good]] = np.array(
        [[column[row] for row in good] for column in columns.values()], dtype=np.float64
    )
    sequence, first_offset = document.get("sequence"), document.get("first_offset")
    edit = None if document.get("edit") is None else Edit.model_validate(document["edit"])
    if edit is not None:
        sequence = EDIT_SEQUENCE
    return Frame(
        document["community_id"],
        document["minute"],
        -1 if sequence is None else sequence,
        place,
        MeterList(named),
        sum(1 << channel for channel in columns),
        to_mwh(energy_wh),
        first_place=None if first_offset is None else place - offset_of(place) + first_offset,
        edit=edit,
    )


def _rejection(offset: int, fault: _Fault, document: dict[str, Any]) -> Rejection:
    return Rejection(offset, fault.rule, fault.detail, *_claims(document))


def _claims(document: dict[str, Any]) -> tuple[str | None, int | None]:
    """Return the community and the minute that a bad frame names, as far as they can be stored."""
    community_id, minute = document.get("community_id"), document.get("minute")
    return (
        community_id if is_identifier(community_id) else None,
        minute if type(minute) is int and 0 <= minute < MAX_SEQUENCE else None,
    )


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _show_id(meter: object) -> str:
    """Return what a refused meter is called; half a character, which no text has, as its escape."""
    if not isinstance(meter, str):
        return _show(meter)
    return meter[:_SHOWN].encode(errors="backslashreplace").decode()
