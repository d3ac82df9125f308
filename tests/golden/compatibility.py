"""Whether one JSON Schema of an event may take the place of another under the same version.

No library on PyPI that does this is kept for our Python; the schemas that pydantic writes of our
events use few keywords, and any other keyword that changes counts as incompatible.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

Schema = Mapping[str, Any]

_ANNOTATIONS: Final = {
    "$schema", "$id", "title", "description", "default", "examples", "definitions", "$defs",
}  # fmt: skip
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_STRUCTURE: Final = {
    "$ref", "anyOf", "type", "enum", "const", "properties", "required", "additionalProperties",
    "items", "multipleOf", *_LOWER, *_UPPER,
}  # fmt: skip


def incompatibilities(released: Schema, current: Schema, *, sent: bool) -> list[str]:
    """Say why `current` must not take the place of `released`; nothing when it may.

    What was valid must stay valid: topics hold it, and terminals send it. Of an event that we
    send, readers of the released schema must also understand what is written now: fields and
    values of an enumeration may be added, nothing may be loosened.
    """
    found = [
        *_removed(_Node(released, released), _Node(current, current), "value"),
        *_refusals(_Node(released, released), _Node(current, current), "value", growing=False),
    ]
    if sent:
        found += [
            f"a reader of the released schema: {refusal}"
            for refusal in _refusals(
                _Node(current, current), _Node(released, released), "value", growing=True
            )
        ]
    return list(dict.fromkeys(found))


class _Node:
    """A place in a schema, its references followed."""

    def __init__(self, at: Schema, root: Schema) -> None:
        while "$ref" in at:
            target: Any = root
            for step in at["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            at = target
        self.at = at
        self.root = root

    def inner(self, at: Schema | Literal[True]) -> "_Node":
        """Return a schema within this one; `true` admits anything, as an empty one does."""
        return _Node({} if at is True else at, self.root)

    def alternatives(self) -> list["_Node"]:
        if "anyOf" in self.at:
            rest = {key: value for key, value in self.at.items() if key != "anyOf"}
            return [
                alternative
                for one in self.at["anyOf"]
                for alternative in self.inner({**rest, **self.inner(one).at}).alternatives()
            ]
        if isinstance(self.at.get("type"), list):
            return [self.inner({**self.at, "type": one}) for one in self.at["type"]]
        return [self]

    def values(self) -> set[str] | None:
        """Return the only values it admits, as JSON; None when it does not name them."""
        if "const" in self.at:
            return {json.dumps(self.at["const"])}
        return {json.dumps(value) for value in self.at["enum"]} if "enum" in self.at else None

    def fields(self) -> dict[str, "_Node"]:
        return {name: self.inner(at) for name, at in self.at.get("properties", {}).items()}


def _removed(released: _Node, current: _Node, path: str) -> Iterator[str]:
    """Yield the fields that are no more; an open schema would go on admitting them."""
    for was in released.alternatives():
        for now in current.alternatives():
            if was.at.get("type") == now.at.get("type") == "object":
                for name, field in was.fields().items():
                    if name not in now.fields():
                        yield f"{path}.{name}: removed"
                    else:
                        yield from _removed(field, now.fields()[name], f"{path}.{name}")
            if "items" in was.at and "items" in now.at:
                items = was.inner(was.at["items"]), now.inner(now.at["items"])
                yield from _removed(*items, f"{path}[]")


def _refusals(document: _Node, reader: _Node, path: str, *, growing: bool) -> Iterator[str]:
    """Yield why `reader` could refuse something that `document` admits.

    Args:
        growing: Let `document` have fields and values of an enumeration that `reader` has not.
    """
    for alternative in document.alternatives():
        attempts = [
            list(_alternative_refusals(alternative, choice, path, growing=growing))
            for choice in reader.alternatives()
        ]
        if all(attempts):
            kinds = [choice.at.get("type") for choice in reader.alternatives()]
            if alternative.at.get("type") in kinds:
                yield from attempts[kinds.index(alternative.at.get("type"))]
            else:
                yield from min(attempts, key=len)


def _alternative_refusals(
    document: _Node, reader: _Node, path: str, *, growing: bool
) -> Iterator[str]:
    kind, wanted = document.at.get("type"), reader.at.get("type")
    if wanted is not None and kind != wanted and (kind, wanted) != ("integer", "number"):
        yield f"{path}: {_named(kind)} where {_named(wanted)} is wanted"
        return
    yield from _value_refusals(document, reader, path, growing=growing)
    yield from _bound_refusals(document.at, reader.at, path)
    for keyword in reader.at.keys() - _ANNOTATIONS - _STRUCTURE:
        if document.at.get(keyword) != reader.at[keyword]:
            yield (
                f"{path}: {keyword} {_named(document.at.get(keyword))} where "
                f"{reader.at[keyword]!r} is wanted"
            )
    yield from _object_refusals(document, reader, path, growing=growing)
    if "items" in reader.at:
        items = document.inner(document.at.get("items", True)), reader.inner(reader.at["items"])
        yield from _refusals(*items, f"{path}[]", growing=growing)


def _value_refusals(document: _Node, reader: _Node, path: str, *, growing: bool) -> Iterator[str]:
    known = reader.values()
    if known is None:
        return
    written = document.values()
    if written is None:
        yield f"{path}: any value where only {', '.join(sorted(known))} may stand"
    elif not (growing and "enum" in reader.at and "enum" in document.at):
        for value in sorted(written - known):
            yield f"{path}: {value} is not known"


def _bound_refusals(document: Schema, reader: Schema, path: str) -> Iterator[str]:
    for keyword in (*_LOWER, *_UPPER):
        if keyword not in reader:
            continue
        bound, limit = document.get(keyword), reader[keyword]
        if bound is None or (bound < limit if keyword in _LOWER else bound > limit):
            yield f"{path}: {keyword} {_named(bound)} where {limit} is wanted"
    if "multipleOf" in reader:
        step = document.get("multipleOf")
        if step is None or step % reader["multipleOf"]:
            yield f"{path}: multipleOf {_named(step)} where {reader['multipleOf']} is wanted"


def _object_refusals(document: _Node, reader: _Node, path: str, *, growing: bool) -> Iterator[str]:
    required = set(document.at.get("required", ()))
    for name in reader.at.get("required", ()):
        if name not in required:
            yield f"{path}.{name}: required, but may be absent"
    known, rest = reader.fields(), reader.at.get("additionalProperties", True)
    for name, field in document.fields().items():
        if name in known:
            yield from _refusals(field, known[name], f"{path}.{name}", growing=growing)
        elif rest is False and not growing:
            yield f"{path}.{name}: not known"
        elif isinstance(rest, Mapping):
            yield from _refusals(field, reader.inner(rest), f"{path}.{name}", growing=growing)
    others = document.at.get("additionalProperties", True)
    if rest is False and others is not False and not growing:
        yield f"{path}: fields that are not known"
    elif isinstance(rest, Mapping) and others is not False:
        yield from _refusals(
            document.inner(others), reader.inner(rest), f"{path}.*", growing=growing
        )


def _named(value: object) -> str:
    return "none" if value is None else str(value)
