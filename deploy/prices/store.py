"""Prices on a broker: read to their end, and written."""

import asyncio
from collections.abc import Iterable, Sequence

from deploy.repartition.broker import Broker
from schemas.prices import Price
from streams.codecs.prices import GRID, decode, encode
from streams.codecs.registry import UnreadableEntryError
from streams.delivery.clients import connection_of, security_of
from streams.delivery.partitions import partition_of
from streams.delivery.pipeline import send
from streams.domain.prices import PriceKey, key_of
from streams.domain.prices_register import Claim, Pricing, register_prices
from streams.domain.registry import RegistryError
from streams.settings import Settings
from streams.topics import METER_FRAMES, PRICES, ensure_topics


async def import_claims(
    settings: Settings, claims: Sequence[Claim], *, now_ms: int, dry_run: bool = False
) -> Pricing:
    """Write what claims change, all or, when there is a fault or it is a dry run, none.

    Raises:
        RegistryError: If a record can't be read: it is of a newer version, or none of ours.
        KafkaError: If the broker does not answer.
    """
    async with Broker.connected(connection_of(settings)) as broker:
        result = register_prices(await _read(broker, settings), claims, now_ms=now_ms)
        if not dry_run and result.prices:
            await _ensure_there(broker, settings)
            await _write(broker, settings, result.prices)
        return result


async def _read(broker: Broker, settings: Settings) -> dict[PriceKey, Price]:
    name, partitions = settings.topic_prefix + PRICES.name, await broker.topics()
    known: dict[PriceKey, Price] = {}
    if name not in partitions:
        return known
    async for records in broker.read(name, partitions[name]):
        for record in records:
            try:
                price = decode(record.value or b"")
            except UnreadableEntryError as error:
                raise RegistryError(
                    f"{name}[{record.partition}] at offset {record.offset} can't be read "
                    f"({error}); install the version that wrote it"
                ) from error
            before = known.get(key_of(price))
            if before is None or before.version < price.version:
                known[key_of(price)] = price
    return known


async def _write(broker: Broker, settings: Settings, prices: Iterable[Price]) -> None:
    name = settings.topic_prefix + PRICES.name
    partition = partition_of(GRID, len(await broker.producer.partitions_for(name)))
    messages: list[tuple[bytes | None, bytes | None]] = [encode(price) for price in prices]
    await asyncio.gather(*await send(broker.producer, name, partition, messages))


async def _ensure_there(broker: Broker, settings: Settings) -> None:
    there = await broker.topics()
    if settings.topic_prefix + PRICES.name not in there:
        await ensure_topics(
            settings.broker,
            partitions=there.get(settings.topic_prefix + METER_FRAMES.name, settings.partitions),
            replication=settings.replication,
            prefix=settings.topic_prefix,
            security=security_of(settings),
        )
