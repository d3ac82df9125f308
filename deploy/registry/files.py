"""Files of the registry: CSV or JSON lines, each line an entry of the kind that it names.

An empty or absent field means: there is none. Times are whole minutes in ISO 8601 with their
offset, as in 2026-01-01T00:00Z. What the system itself decides, the version, is in no file.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from deploy.csv_lines import Fields, csv_lines, text_of
from schemas.units import MINUTE_S
from streams.domain.registry import (
    KINDS,
    UNREGISTERED,
    Claim,
    Entry,
    Fault,
    Key,
    RegistryError,
    as_time,
    kind_of,
)

_DECIDED_HERE: Final = {"schema_version", "version", "erased"}
_TIMES: Final = ("valid_from", "valid_to")
_TIME_RULE: Final = "not a whole minute with its offset, as in 2026-01-01T00:00Z"

FIELDS: Final = {
    kind: [name for name in model.model_fields if name not in _DECIDED_HERE]
    for kind, model in KINDS.items()
}
"""The fields of each kind in a file, besides `kind` itself."""

COLUMNS: Final = ["kind", *dict.fromkeys(name for names in FIELDS.values() for name in names)]
"""The columns of a CSV file of all kinds."""


@dataclass(slots=True)
class Claims:
    """What a file says.

    Attributes:
        sound: The lines that are sound, taken each alone.
        faults: All that is wrong with the others.
        unclear: Kind and id of these, as far as they say so: what refers to them is not wrong.
    """

    sound: list[Claim] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unclear: set[Key] = field(default_factory=set)


def read_claims(path: Path) -> Claims:
    """Return what a file claims.

    A file whose name ends in .csv is CSV whose first line names its columns; any other one is
    JSON lines.

    Raises:
        RegistryError: If the file can't be read as text.
    """
    text = text_of(path)
    lines = csv_lines(text, needed="kind") if path.suffix.lower() == ".csv" else _json_lines(text)
    claims = Claims()
    for line, fields in lines:
        if isinstance(fields, Fault):
            claims.faults.append(fields)
        else:
            _judge(line, fields, claims)
    return claims


def write_entries(entries: Iterable[Entry], *, as_csv: bool) -> str:
    """Return entries as the text of a file, from which `read_claims` makes the same.

    Erased persons are left out: there is nothing to say of them.
    """
    known = (fields_of(entry) for entry in entries if not getattr(entry, "erased", False))
    if not as_csv:
        return "".join(json.dumps(fields, ensure_ascii=False) + "\n" for fields in known)
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(known)
    return text.getvalue()


def fields_of(entry: Entry) -> Fields:
    """Return an entry as a line of a file says it: what there is none of is left out."""
    kind = kind_of(entry)
    said = {name: getattr(entry, name) for name in FIELDS[kind]}
    # JSON has no exact decimals.
    said |= {name: str(value) for name, value in said.items() if isinstance(value, Decimal)}
    times = {name: as_time(said[name]) for name in _TIMES if said.get(name) is not None}
    return {
        "kind": kind,
        **{name: value for name, value in (said | times).items() if value not in {None, ""}},
    }


def _json_lines(text: str) -> Iterator[tuple[int, Fields | Fault]]:
    for line, words in enumerate(text.split("\n"), start=1):
        if not words.strip():
            continue
        try:
            fields = json.loads(words)
        except (ValueError, RecursionError) as error:
            yield line, Fault(line, "", words[:80], f"not JSON: {error}")
            continue
        if isinstance(fields, dict):
            yield line, fields
        else:
            yield line, Fault(line, "", words[:80], "not a JSON object")


def _judge(line: int, fields: Mapping[str, Any], claims: Claims) -> None:
    """Add a line's entry to what is sound, or each thing that is wrong with it to the faults."""
    said = {name: value for name, value in fields.items() if value is not None and value != ""}
    kind = str(said.pop("kind", ""))
    if kind not in KINDS:
        claims.faults.append(Fault(line, "kind", kind, f"is not one of: {', '.join(KINDS)}"))
        return
    found = _clean(line, kind, said)
    try:
        entry = KINDS[kind].model_validate({**said, "version": UNREGISTERED})
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False):
            rule = each["msg"].removeprefix("Value error, ")
            # A rule of several fields begins with the one that it refuses.
            name = str(each["loc"][0]) if each["loc"] else rule.partition(" ")[0]
            value = "" if each["type"] == "missing" else str(fields.get(name) or "")
            found.setdefault(name, Fault(line, name, value, rule))
    else:
        if not found:
            claims.sound.append(Claim(line, entry))
    if found:
        claims.faults += found.values()
        claims.unclear.add((kind, str(fields.get(f"{kind}_id"))))


def _clean(line: int, kind: str, said: Fields) -> dict[str, Fault]:
    """Turn a line's times into minutes, take out what is no field, and return what was wrong."""
    found: dict[str, Fault] = {}
    for name in list(said):
        value = said[name]
        if name not in FIELDS[kind]:
            found[name] = Fault(line, name, str(said.pop(name)), f"is no field of a {kind}")
        elif isinstance(value, bool):
            found[name] = Fault(line, name, str(value), "neither a text nor a number")
        elif name in _TIMES:
            minute = _minute(value)
            if minute is None:
                found[name] = Fault(line, name, str(value), _TIME_RULE)
            # Something must stand there, so that the rest is judged as well.
            said[name] = minute or 0
    return found


def _minute(value: object) -> int | None:
    """Return epoch seconds of a time in a file; None where it is no whole minute since 1970."""
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    if time.tzinfo is None or time.timestamp() < 0 or time.timestamp() % MINUTE_S:
        return None
    return int(time.timestamp())


def minute_of(text: str, *, named: str = "--at") -> int:
    """Return epoch seconds of the minute that an option or argument says.

    Raises:
        RegistryError: If it is none.
    """
    minute = _minute(text)
    if minute is None:
        raise RegistryError(f"{named} {text} is {_TIME_RULE}")
    return minute
