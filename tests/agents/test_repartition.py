"""What is moved to other partitions, on a real broker; a whole day is in tests/acceptance."""

from decimal import Decimal

from aiokafka import AIOKafkaProducer

from deploy.repartition import move
from deploy.repartition.broker import Broker
from deploy.repartition.layouts import Layout
from schemas.prices import Price
from streams.codecs import prices
from streams.delivery.clients import connection_of
from streams.delivery.layout import MARK
from streams.delivery.partitions import partition_of
from streams.settings import Settings
from streams.topics import PRICES, ensure_topics
from tables import notifications
from tests.builders import NOON
from tests.notified import a_notification

Written = dict[tuple[bytes, int], bytes | None]
PRICE = Price(period_start=NOON, version=1, price_eur_per_mwh=Decimal("83.17"))
MENDED = Price(period_start=NOON, version=2, price_eur_per_mwh=Decimal("38.17"))


async def test_prices_go_along_to_the_grid_s_partition(broker: str) -> None:
    old = await _four_partitions(broker, "prices4-")
    of_the_grid = partition_of(prices.GRID, old.partitions)
    messages = [prices.encode(price) for price in (PRICE, MENDED)]
    await _write(old, PRICES.name, of_the_grid, messages)

    new = await _moved(old, "prices8-")

    key, value = prices.encode(MENDED)
    assert await _read(new, PRICES.name) == {(key, partition_of(prices.GRID, 8)): value}


async def test_a_notification_that_is_finished_is_known_in_its_person_s_new_partition(
    broker: str,
) -> None:
    old = await _four_partitions(broker, "finished4-")
    before = Layout.of(old).changelog("notifications", notifications.FINISHED)
    told = [a_notification(person_id=f"p{number}") for number in range(8)]
    for one in told:
        home = partition_of(one.person_id.encode(), old.partitions)
        message = notifications.finished_key(one), notifications.finished()
        await _write(old, before.removeprefix(old.topic_prefix), home, [message])

    new = await _moved(old, "finished8-")

    after = Layout.of(new).changelog("notifications", notifications.FINISHED)
    assert await _read(new, after.removeprefix(new.topic_prefix)) == {
        (
            notifications.finished_key(one),
            partition_of(one.person_id.encode(), 8),
        ): notifications.finished()
        for one in told
    }


async def _four_partitions(broker: str, prefix: str) -> Settings:
    """Make the topics of a system whose workers have done everything and ended."""
    settings = Settings(broker=broker, topic_prefix=prefix, partitions=4)
    layout = Layout.of(settings)
    await ensure_topics(
        broker,
        partitions=4,
        replication=1,
        prefix=prefix,
        changelogs=(
            layout.changelog("metering", "minutes"),
            layout.changelog("metering", "communities"),
            layout.changelog("notifications", notifications.FINISHED),
        ),
    )
    return settings


async def _moved(old: Settings, prefix: str) -> Settings:
    new = Settings(broker=old.broker, topic_prefix=prefix, partitions=8, generation=1)
    await move.prepare(new, old_prefix=old.topic_prefix)
    await move.move(new, old_prefix=old.topic_prefix)
    return new


async def _write(
    settings: Settings, topic: str, partition: int, messages: list[tuple[bytes, bytes]]
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker)
    await producer.start()
    for key, value in messages:
        name = settings.topic_prefix + topic
        await producer.send_and_wait(name, value, key=key, partition=partition)
    await producer.stop()


async def _read(settings: Settings, topic: str) -> Written:
    """Return the last value of each key and where it is, without the marks."""
    name, found = settings.topic_prefix + topic, Written()
    async with Broker.connected(connection_of(settings)) as connected:
        async for records in connected.read(name, settings.partitions):
            found.update(
                ((record.key, record.partition), record.value)
                for record in records
                if record.key != MARK
            )
    return found
