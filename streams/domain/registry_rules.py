"""What must hold between registered entries: references, and one meter in one place at a time."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from schemas.persons import Person
from schemas.registry import Community, Household, Technician, Validity
from schemas.units import LATEST_MINUTE, MINUTE_S
from streams.domain.registry import (
    Claim,
    Entry,
    Fault,
    Key,
    Registered,
    Registration,
    as_time,
    changes,
    key_of,
)


def register(
    before: Registered,
    claims: Sequence[Claim],
    *,
    now_ms: int,
    unclear: Collection[Key] = (),
) -> Registration:
    """Return the new versions that claims make, or every fault there is in them.

    The rules hold for what is registered with all claims together, so their order is free. What
    is not changed is not judged again.

    Args:
        before: What is registered, sound in itself.
        claims: What shall be.
        now_ms: Epoch milliseconds, the least version of a change.
        unclear: Kind and id of what other claims are about, which could not be understood; to
            refer to them is no fault.
    """
    result = changes(before, claims, now_ms=now_ms)
    lines: dict[Key, int] = {}
    for claim in claims:
        lines.setdefault(key_of(claim.entry), claim.line)
    changed = {key_of(entry): entry for entry in result.entries}
    after = {**before, **changed}
    for key, entry in changed.items():
        result.faults += _references(entry, lines[key], after, unclear)
    result.faults += _stays_outside(changed, after, lines)
    result.faults += _overlaps(changed, after, lines)
    if result.faults:
        result.faults.sort(key=lambda fault: (fault.line, fault.field))
        result.entries, result.added = [], 0
    return result


def _references(
    entry: Entry, line: int, after: Registered, unclear: Collection[Key]
) -> Iterator[Fault]:
    """Yield a fault for each reference of an entry that leads nowhere."""
    if isinstance(entry, Household | Technician) and entry.community_id is not None:
        key = ("community", entry.community_id)
        if key not in unclear and (rule := _against_community(after.get(key), entry)):
            yield Fault(line, "community_id", entry.community_id, rule)
    person_field = {Household: "customer_id", Technician: "technician_id"}.get(type(entry))
    person_id = person_field and getattr(entry, person_field)
    if person_field and person_id:
        key = ("person", person_id)
        if key not in unclear and (rule := _against_person(after.get(key))):
            yield Fault(line, person_field, person_id, rule)


def _against_community(community: Entry | None, inner: Validity) -> str | None:
    if not isinstance(community, Community):
        return "no such community"
    if not _is_void(inner) and not _covers(community, inner):
        return f"the community is registered {_span(community)} only"
    return None


def _against_person(person: Entry | None) -> str | None:
    if not isinstance(person, Person):
        return "no such person"
    return "the person was erased" if person.erased else None


def _stays_outside(
    changed: Mapping[Key, Entry], after: Registered, lines: Mapping[Key, int]
) -> Iterator[Fault]:
    """Yield a fault for each community that ends, or begins, with a household still in it."""
    narrowed = {
        entry.community_id: entry for entry in changed.values() if isinstance(entry, Community)
    }
    if not narrowed:
        return
    for key, stay in after.items():
        if not isinstance(stay, Household) or key in changed or _is_void(stay):
            continue
        community = narrowed.get(stay.community_id)
        if community is not None and not _covers(community, stay):
            line = lines["community", community.community_id]
            rule = f"household {stay.household_id} stays there {_span(stay)}; close it first"
            yield Fault(line, "community_id", community.community_id, rule)


def _overlaps(
    changed: Mapping[Key, Entry], after: Registered, lines: Mapping[Key, int]
) -> Iterator[Fault]:
    """Yield a fault for each stay that begins before one of its household or meter has ended."""
    stays = [entry for entry in changed.values() if isinstance(entry, Household)]
    subjects: dict[str, Callable[[Household], str]] = {
        "household_id": lambda stay: stay.household_id,
        "meter_id": lambda stay: stay.meter_id,
    }
    for field, subject in subjects.items():
        touched = {subject(stay) for stay in stays}
        by_subject: defaultdict[str, list[Household]] = defaultdict(list)
        for entry in after.values():
            if isinstance(entry, Household) and subject(entry) in touched and not _is_void(entry):
                by_subject[subject(entry)].append(entry)
        for found in by_subject.values():
            if len(found) > 1:
                yield from _overlaps_of(field, subject, found, lines)


def _overlaps_of(
    field: str,
    subject: Callable[[Household], str],
    stays: Iterable[Household],
    lines: Mapping[Key, int],
) -> Iterator[Fault]:
    first, *later_ones = sorted(stays, key=lambda stay: stay.valid_from)
    lasting = first
    for later in later_ones:
        earlier, lasting = lasting, max(lasting, later, key=_end)
        if _end(earlier) <= later.valid_from:
            continue
        said, other = (later, earlier) if key_of(later) in lines else (earlier, later)
        if key_of(said) not in lines:
            continue  # two imports at a time did that, and not this one
        if field == "meter_id" and said.household_id == other.household_id:
            continue  # told of the household
        rule = (
            f"is in household {other.household_id}, community {other.community_id}, "
            f"{_span(other)} too; move or close it"
        )
        yield Fault(lines[key_of(said)], field, subject(said), rule)


def _end(entry: Validity) -> int:
    return LATEST_MINUTE + MINUTE_S if entry.valid_to is None else entry.valid_to


def _is_void(entry: Validity) -> bool:
    return entry.valid_to == entry.valid_from


def _covers(outer: Validity, inner: Validity) -> bool:
    ends_later = outer.valid_to is None or (
        inner.valid_to is not None and inner.valid_to <= outer.valid_to
    )
    return outer.valid_from <= inner.valid_from and ends_later


def _span(entry: Validity) -> str:
    begin = f"from {as_time(entry.valid_from)}"
    return begin if entry.valid_to is None else f"{begin} to {as_time(entry.valid_to)}"
