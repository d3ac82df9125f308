"""Which changes of a schema break terminals, readers, or what topics hold already."""

from types import GenericAlias
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from tests.golden.compatibility import incompatibilities

EVENT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["minute", "rule"],
    "properties": {
        "minute": {"type": "integer", "minimum": 0, "multipleOf": 60},
        "rule": {"$ref": "#/definitions/Rule"},
        "name": {"type": "string", "maxLength": 128, "pattern": "^[a-z]+$"},
        "sums": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        "part": {"type": "object", "properties": {"deep": {"type": "number"}}},
    },
    "definitions": {"Rule": {"type": "string", "enum": ["spike", "negative"]}},
}


def changed(field: str, **schema: object) -> dict[str, Any]:
    return {**EVENT, "properties": {**EVENT["properties"], field: schema}}


def without(field: str) -> dict[str, Any]:
    return {**EVENT, "properties": {k: v for k, v in EVENT["properties"].items() if k != field}}


def requiring(*fields: str) -> dict[str, Any]:
    return {**EVENT, "required": list(fields)}


def open_event(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != "additionalProperties"}


BREAKS_EVERYONE = {
    "removed": (without("name"), "value.name: removed"),
    "deep field removed": (changed("part", type="object"), "value.part.deep: removed"),
    "retyped": (changed("name", type="integer"), "value.name: string where integer is wanted"),
    "newly required": (
        requiring("minute", "rule", "name"),
        "value.name: required, but may be absent",
    ),
    "lower bound raised": (
        changed("minute", type="integer", minimum=60, multipleOf=60),
        "value.minute: minimum 0 where 60 is wanted",
    ),
    "bound added": (
        changed("sums", type="array", minItems=1, items=EVENT["properties"]["sums"]["items"]),
        "value.sums: minItems none where 1 is wanted",
    ),
    "length tightened": (
        changed("name", type="string", maxLength=64, pattern="^[a-z]+$"),
        "value.name: maxLength 128 where 64 is wanted",
    ),
    "coarser step": (
        changed("minute", type="integer", minimum=0, multipleOf=900),
        "value.minute: multipleOf 60 where 900 is wanted",
    ),
    "other pattern": (
        changed("name", type="string", maxLength=128, pattern="^[a-y]+$"),
        "value.name: pattern ^[a-z]+$ where '^[a-y]+$' is wanted",
    ),
    "value of an enumeration removed": (
        {**EVENT, "definitions": {"Rule": {"type": "string", "enum": ["spike"]}}},
        'value.rule: "negative" is not known',
    ),
    "null no longer admitted": (
        changed("sums", type="array", items={"type": "integer"}),
        "value.sums[]: null where integer is wanted",
    ),
}


@pytest.mark.parametrize("sent", [False, True], ids=["received", "sent"])
@pytest.mark.parametrize(("current", "reason"), BREAKS_EVERYONE.values(), ids=BREAKS_EVERYONE)
def test_breaks_what_topics_hold(current: dict[str, Any], reason: str, *, sent: bool) -> None:
    assert reason in incompatibilities(EVENT, current, sent=sent)


def test_a_field_removed_from_an_open_event_is_noticed() -> None:
    released, current = open_event(EVENT), open_event(without("name"))

    assert incompatibilities(released, current, sent=True) == ["value.name: removed"]


BREAKS_READERS = {
    "no longer required": requiring("minute"),
    "null newly admitted": changed("name", anyOf=[EVENT["properties"]["name"], {"type": "null"}]),
    "integer becomes number": changed("minute", type="number", minimum=0, multipleOf=60),
    "bound loosened": changed("minute", type="integer", minimum=-60, multipleOf=60),
    "pattern dropped": changed("name", type="string", maxLength=128),
}


@pytest.mark.parametrize("current", BREAKS_READERS.values(), ids=BREAKS_READERS)
def test_may_be_loosened_where_we_receive_but_not_where_we_send(current: dict[str, Any]) -> None:
    assert incompatibilities(EVENT, current, sent=False) == []
    assert incompatibilities(EVENT, current, sent=True)


BREAKS_NOBODY = {
    "nothing": EVENT,
    "other words": {**EVENT, "description": "said better", "title": "Event"},
    "new optional field": changed("tariff", type="string"),
    "value of an enumeration added": {
        **EVENT,
        "definitions": {"Rule": {"type": "string", "enum": ["negative", "spike", "stuck"]}},
    },
    "reference written out": changed("rule", type="string", enum=["spike", "negative"]),
}


@pytest.mark.parametrize("sent", [False, True], ids=["received", "sent"])
@pytest.mark.parametrize("current", BREAKS_NOBODY.values(), ids=BREAKS_NOBODY)
def test_breaks_nobody(current: dict[str, Any], *, sent: bool) -> None:
    assert incompatibilities(EVENT, current, sent=sent) == []


def a_list_of(kind: object) -> object:
    return GenericAlias(list, (kind,))


numbers = st.integers(-2, 2)
scalars = st.one_of(
    st.just(str),
    st.just(float),
    st.builds(lambda low: Annotated[int, Field(ge=low)], numbers),
    st.builds(lambda low, high: Annotated[int, Field(gt=low, le=high)], numbers, numbers),
    st.builds(lambda step: Annotated[int, Field(multiple_of=step)], st.integers(1, 4)),
    st.builds(lambda longest: Annotated[str, Field(max_length=longest)], st.integers(0, 3)),
    st.sampled_from([Literal["a"], Literal["a", "b"], Literal[1], Literal["b", 1]]),
)
optionals = st.one_of(st.none(), scalars, scalars.map(lambda kind: kind | None))
kinds = st.one_of(
    optionals,
    optionals.map(a_list_of),
    st.builds(
        lambda kind, least: Annotated[a_list_of(kind), Field(min_length=least)],
        scalars,
        st.integers(0, 2),
    ),
)
fields = st.tuples(kinds, st.sampled_from([..., None]))
changes = st.builds(
    lambda released, change: (released, released | change),
    st.dictionaries(st.sampled_from("xy"), fields, min_size=1),
    st.dictionaries(st.sampled_from("xyz"), fields, min_size=1, max_size=1),
)
values = st.recursive(
    st.one_of(st.none(), numbers, st.sampled_from([0.5, "", "a", "b", "aaa"])),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
documents = st.dictionaries(st.sampled_from("xy"), values)


def admits(model: type[BaseModel], document: dict[str, Any]) -> bool:
    try:
        model.model_validate(document, strict=True)
    except ValidationError:
        return False
    return True


@settings(max_examples=150)
@given(change=changes, tried=st.lists(documents, min_size=1, max_size=20))
def test_what_is_found_compatible_goes_on_admitting_every_document(
    change: tuple[dict[str, Any], dict[str, Any]], tried: list[dict[str, Any]]
) -> None:
    released, current = change
    closed = ConfigDict(extra="forbid")
    before = create_model("Event", __config__=closed, **released)
    after = create_model("Event", __config__=closed, **current)
    schemas = before.model_json_schema(), after.model_json_schema()

    if incompatibilities(*schemas, sent=False) == []:
        for document in tried:
            assert admits(after, document) or not admits(before, document)
