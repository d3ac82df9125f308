"""What is done to the registry, each from what the broker has to what it has then."""

import asyncio
from collections.abc import Collection, Sequence

from deploy.registry.store import ensure_there, read, write
from deploy.repartition.broker import Broker
from schemas.persons import Person
from schemas.registry import Household, Validity
from streams.delivery.clients import connection_of
from streams.domain.registry import (
    KINDS,
    Claim,
    Entry,
    Key,
    Registered,
    Registration,
    RegistryError,
    as_time,
    erased,
    key_of,
    kind_of,
)
from streams.domain.registry_rules import register
from streams.domain.registry_stays import closed, moved, named
from streams.settings import Settings
from streams.topics import PERSONS_SEGMENT_S


async def registered(settings: Settings, *, personal: bool) -> Registered:
    """Return everything that is registered; persons only where they are asked for.

    Raises:
        RegistryError: If a record can't be read.
        KafkaError: If the broker does not answer.
    """
    kinds = [kind for kind in KINDS if personal or kind != "person"]
    async with Broker.connected(connection_of(settings)) as broker:
        return await read(broker, settings, kinds=kinds)


async def register_claims(
    settings: Settings,
    claims: Sequence[Claim],
    *,
    now_ms: int,
    dry_run: bool = False,
    unclear: Collection[Key] = (),
) -> Registration:
    """Register claims, all or, when there is a fault or it is a dry run, none; say what came of it.

    `unclear` is as in `streams.domain.registry_rules.register`.

    Raises:
        RegistryError: If a record can't be read.
        KafkaError: If the broker does not answer.
    """
    async with Broker.connected(connection_of(settings)) as broker:
        if not dry_run:
            await ensure_there(broker, settings)
        before = await read(broker, settings)
        result = register(before, claims, now_ms=now_ms, unclear=unclear)
        if not dry_run:
            await write(broker, settings, result.entries)
        return result


async def move_household(  # noqa: PLR0913 - which household, when, where to
    settings: Settings,
    household_id: str,
    minute: int,
    *,
    community_id: str | None,
    meter_id: str | None,
    now_ms: int,
) -> Registration:
    """Let a household be in another community, or have another meter, from a minute on.

    Raises:
        RegistryError: If it is in no community then, or the move changes nothing.
        KafkaError: If the broker does not answer.
    """
    async with Broker.connected(connection_of(settings)) as broker:
        before = await read(broker, settings)
        stays = [
            entry
            for entry in before.values()
            if isinstance(entry, Household) and entry.household_id == household_id
        ]
        if not stays:
            raise RegistryError(f"there is no household {household_id}")
        changes = moved(stays, minute, community_id=community_id, meter_id=meter_id)
        return await _change(broker, settings, before, changes, now_ms=now_ms)


async def close_entry(
    settings: Settings, name: str, minute: int, *, kind: str | None, now_ms: int
) -> Registration:
    """End what is named so at a minute.

    Raises:
        RegistryError: If nothing is named so, more than one thing, or it has ended by then.
        KafkaError: If the broker does not answer.
    """
    async with Broker.connected(connection_of(settings)) as broker:
        before = await read(broker, settings)
        found = [
            entry
            for entry in named(before.values(), name, kind=kind)
            if isinstance(entry, Validity)
        ]
        kinds = sorted({kind_of(entry) for entry in found})
        if len(kinds) > 1:
            raise RegistryError(f"{name} is a {' and a '.join(kinds)}; name one with --kind")
        if not found:
            raise RegistryError(f"there is no {kind or 'entry'} {name}")
        ending = closed(found, minute)
        if not ending:
            raise RegistryError(f"{name} has ended by {as_time(minute)} already")
        return await _change(broker, settings, before, ending, now_ms=now_ms)


async def erase_person(settings: Settings, person_id: str, *, now_ms: int) -> bool:
    """Erase a person from the registry; return whether there was anything left to erase.

    The erasure is written twice, in segments of their own: the broker compacts none but those that
    are full, and so drops the person's records with the first as soon as there is the second.

    Raises:
        RegistryError: If there is no such person.
        KafkaError: If the broker does not answer.
    """
    async with Broker.connected(connection_of(settings)) as broker:
        before = await read(broker, settings, kinds=["person"])
        person = before.get(("person", person_id))
        if not isinstance(person, Person):
            raise RegistryError(f"there is no person {person_id}")
        erasure = erased(person, now_ms=now_ms)
        await write(broker, settings, [erasure])
        await asyncio.sleep(1.5 * PERSONS_SEGMENT_S)
        await write(broker, settings, [erasure])
        return not person.erased


async def _change(
    broker: Broker,
    settings: Settings,
    before: Registered,
    changes: Sequence[Entry],
    *,
    now_ms: int,
) -> Registration:
    claims = [Claim(line, entry) for line, entry in enumerate(changes, start=1)]
    result = register(before, claims, now_ms=now_ms)
    await write(broker, settings, result.entries)
    return result


def in_order(entries: Registered) -> list[Entry]:
    """Return entries as files list them: by kind, what is referred to first, and by key."""
    order = list(KINDS)
    return sorted(entries.values(), key=lambda entry: (order.index(kind_of(entry)), key_of(entry)))
