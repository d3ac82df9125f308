"""What a list of claims makes of the registry: new versions, or all that is wrong with them.

A record is identified by its key. Other content makes a further version, the same content makes
none, so that a file which is registered twice changes nothing. Either all claims are sound, or
nothing is registered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from schemas.errors import OperatorError
from schemas.persons import Person
from schemas.registry import Community, Household, Plant, Technician

Entry = Community | Household | Plant | Technician | Person
Key = tuple[str, ...]
"""The entry's kind and what identifies it, as text."""

Registered = Mapping[Key, Entry]

KINDS: Final[dict[str, type[Entry]]] = {
    "person": Person,
    "community": Community,
    "plant": Plant,
    "technician": Technician,
    "household": Household,
}
"""By their names in files, in an order in which nothing refers to what comes later."""

UNREGISTERED: Final = 1
"""The version of an entry that is not registered yet; registering gives it its own."""


class RegistryError(OperatorError):
    """What was asked of the registry can't be; the text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: in which line, which field, what stands there, and the rule."""

    line: int
    field: str
    value: str
    rule: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What shall be registered, and the line that says so."""

    line: int
    entry: Entry


@dataclass(slots=True)
class Registration:
    """What came of claims.

    Attributes:
        entries: The new versions; all of them are to be written, and none when there are faults.
        added: How many of them are new.
        unchanged: How many claims say what is registered already.
        faults: All that is wrong, in the order of the lines.
    """

    entries: list[Entry] = field(default_factory=list)
    added: int = 0
    unchanged: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """How many entries that were there get a further version."""
        return len(self.entries) - self.added


def kind_of(entry: Entry) -> str:
    """Return the name of an entry's kind, in `KINDS`."""
    return type(entry).__name__.lower()


def id_of(entry: Entry) -> str:
    """Return the id by which people name an entry; a household's stays share theirs."""
    return str(getattr(entry, id_field(entry)))


def id_field(entry: Entry) -> str:
    """Return the name of the field that holds its id."""
    return f"{kind_of(entry)}_id"


def key_of(entry: Entry) -> Key:
    """Return what identifies an entry."""
    if isinstance(entry, Household):
        stay = (entry.community_id, entry.household_id, str(entry.valid_from))
        return ("household", *stay)
    return (kind_of(entry), id_of(entry))


def same_content(one: Entry, other: Entry) -> bool:
    """Return whether two entries say the same, whatever their versions."""
    return one == other.model_copy(update={"version": one.version})


def next_version(before: Entry | None, *, now_ms: int) -> int:
    """Return the version of a change that is made now.

    The clock, and not a count, so that versions go on growing where a broker has lost its topics
    and ClickHouse has not; and above the version before, whatever the clock says.

    >>> next_version(None, now_ms=1_700_000_000_000)
    1700000000000
    """
    return now_ms if before is None else max(now_ms, before.version + 1)


def changes(before: Registered, claims: Sequence[Claim], *, now_ms: int) -> Registration:
    """Return what claims change, each judged on its own; no rule between entries is asked.

    A claim for an entry that another line has claimed otherwise is a fault, and so is one for a
    person who was erased.

    Args:
        before: What is registered.
        claims: What shall be.
        now_ms: Epoch milliseconds, the least version of a change.
    """
    result = Registration()
    lines: dict[Key, Claim] = {}
    for claim in claims:
        entry, key = claim.entry, key_of(claim.entry)
        earlier = lines.setdefault(key, claim)
        if earlier is not claim:
            if not same_content(earlier.entry, entry):
                rule = f"line {earlier.line} says otherwise of it"
                result.faults.append(Fault(claim.line, id_field(entry), id_of(entry), rule))
            continue
        known = before.get(key)
        if known is not None and same_content(known, entry):
            result.unchanged += 1
        elif isinstance(known, Person) and known.erased:
            rule = "was erased: register the person under another id"
            result.faults.append(Fault(claim.line, "person_id", known.person_id, rule))
        else:
            version = next_version(known, now_ms=now_ms)
            result.entries.append(entry.model_copy(update={"version": version}))
            result.added += known is None
    return result


def erased(person: Person, *, now_ms: int) -> Person:
    """Return what is left of a person: the id, and that there is no more; never a second time.

    Its version is above that of all that was known of them.
    """
    if person.erased:
        return person
    version = next_version(person, now_ms=now_ms)
    return Person(person_id=person.person_id, version=version, erased=True)


def as_time(minute: int) -> str:
    """Return a minute (epoch s) as people write it, in UTC.

    >>> as_time(1_750_075_200)
    '2025-06-16T12:00Z'
    """
    return datetime.fromtimestamp(minute, UTC).strftime("%Y-%m-%dT%H:%MZ")
